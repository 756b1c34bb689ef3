"""Panels of figures: how many executions, how many succeeded, how long they took, what they used."""

from grafana.columns import AGENT, FILTER, SESSION, STATUS_COLORS, SUCCESS_STEPS, WHOSE
from grafana.panels import MILLISECONDS, PERCENT, Panel, override, query, steps, where
from grafana.variables import chosen

RUNNING = Panel(
    id=1,
    kind="stat",
    title="Running now",
    description="Executions under way at this moment, whenever they started; time range and status do not apply.",
    sql=query("SELECT count(*) AS running", "FROM panel_running", where(AGENT, SESSION)),
    columns=("running",),
    width=6,
    height=4,
    defaults={"thresholds": steps("text", (1, "blue"))},
)

EXECUTIONS = Panel(
    id=2,
    kind="stat",
    title="Executions",
    description="Executions that started within the time range, of the chosen agents, sessions and statuses.",
    sql=query("SELECT count(*) AS executions", "FROM panel_executions", where(*FILTER)),
    columns=("executions",),
    width=6,
    height=4,
)

SUCCESS_RATE = Panel(
    id=3,
    kind="stat",
    title="Success rate",
    description=(
        "success / (success + partial + error + abandoned). Cancelled and running executions are not counted; the"
        " variable status does not apply. Red below 50 %, green from 90 %."
    ),
    sql=query("SELECT round(avg(success)::numeric, 1)::float8 AS success_rate", "FROM panel_executions", where(*WHOSE)),
    columns=("success_rate",),
    width=6,
    height=4,
    defaults={"unit": PERCENT, "decimals": 1, "min": 0, "max": 100, "thresholds": SUCCESS_STEPS, "noValue": "n/a"},
)

FAILED = Panel(
    id=4,
    kind="stat",
    title="Failed",
    description="Executions that ended as error or partial, or were abandoned; the variable status does not apply.",
    sql=query("SELECT count(*) FILTER (WHERE success = 0) AS failed", "FROM panel_executions", where(*WHOSE)),
    columns=("failed",),
    width=6,
    height=4,
    defaults={"thresholds": steps("green", (1, "red"))},
)

OVER_TIME = Panel(
    id=5,
    kind="timeseries",
    title="Executions over time",
    description="Executions by the moment they started and their status now.",
    sql=query(
        "SELECT $__timeGroupAlias(started_at, $__interval, 0), status AS metric, count(*) AS executions",
        "FROM panel_executions",
        where(*FILTER),
        "GROUP BY 1, 2",
        "ORDER BY 1",
    ),
    columns=("time", "metric", "executions"),
    width=12,
    height=8,
    min_interval="1m",
    defaults={
        "color": {"mode": "palette-classic"},
        "custom": {"drawStyle": "bars", "fillOpacity": 70, "stacking": {"group": "A", "mode": "normal"}},
    },
    # A column named metric names the series.
    overrides=tuple(
        override(status, color={"mode": "fixed", "fixedColor": color}) for status, color in STATUS_COLORS.items()
    ),
)

SUCCESS_OVER_TIME = Panel(
    id=6,
    kind="timeseries",
    title="Success rate over time",
    description=(
        "success / (success + partial + error + abandoned), by the moment executions started; no point where none"
        " counts. The variable status does not apply."
    ),
    sql=query(
        "SELECT $__timeGroupAlias(started_at, $__interval, NULL),",
        "  round(avg(success)::numeric, 1)::float8 AS success_rate",
        "FROM panel_executions",
        where(*WHOSE),
        "GROUP BY 1",
        "ORDER BY 1",
    ),
    columns=("time", "success_rate"),
    width=12,
    height=8,
    min_interval="5m",
    defaults={
        "unit": PERCENT,
        "decimals": 1,
        "min": 0,
        "max": 100,
        "thresholds": SUCCESS_STEPS,
        "custom": {"showPoints": "always", "thresholdsStyle": {"mode": "dashed"}},
    },
    overrides=(override("success_rate", displayName="Success rate"),),
)

DURATIONS = Panel(
    id=7,
    kind="table",
    title="Duration by agent",
    description="Median and 95th percentile of the executions that ended, slowest agents first (50 at most).",
    sql=query(
        "SELECT agent, count(duration_ms) AS ended,",
        "  round(percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms))::int8 AS p50_ms,",
        "  round(percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms))::int8 AS p95_ms",
        "FROM panel_executions",
        where(*FILTER),
        "GROUP BY agent",
        "ORDER BY p95_ms DESC NULLS LAST, agent",
        "LIMIT 50",
    ),
    columns=("agent", "ended", "p50_ms", "p95_ms"),
    width=12,
    height=9,
    overrides=(
        override("agent", displayName="Agent"),
        override("ended", displayName="Executions"),
        override("p50_ms", displayName="p50", unit=MILLISECONDS),
        override(
            "p95_ms",
            displayName="p95",
            unit=MILLISECONDS,
            min=0,
            color={"mode": "fixed", "fixedColor": "blue"},
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
    ),
)

TOKENS = Panel(
    id=8,
    kind="timeseries",
    title="Tokens by model",
    description=(
        "Input and output tokens by the moment of the LLM call, each counted once. Calls outside any execution belong"
        " to the agent (none)."
    ),
    sql=query(
        "SELECT $__timeGroupAlias(used_at, $__interval, 0), u.model AS metric, sum(u.total_tokens)::float8 AS tokens",
        "FROM agent_model_usage($__timeFrom(), $__timeTo()) u",
        "LEFT JOIN panel_executions e USING (execution_id)",
        where(
            chosen("coalesce(e.agent, '(none)')", "agent"),
            chosen("coalesce(e.session, '(none)')", "session"),
            chosen("coalesce(e.status, '(none)')", "status"),
        ),
        "GROUP BY 1, 2",
        "ORDER BY 1",
    ),
    columns=("time", "metric", "tokens"),
    width=12,
    height=9,
    min_interval="1m",
    defaults={
        "color": {"mode": "palette-classic"},
        "custom": {"drawStyle": "bars", "fillOpacity": 70, "stacking": {"group": "A", "mode": "normal"}},
    },
)
