"""Panels that list executions, each with the link to its trace."""

from grafana.columns import (
    AGENT,
    AGENT_COLUMN,
    DURATION_COLUMN,
    FILTER,
    SESSION,
    SESSION_COLUMN,
    STARTED_COLUMN,
    STATUS_COLUMN,
    TASK_COLUMN,
    TRACE_COLUMN,
)
from grafana.panels import COUNT, MILLISECONDS, PERCENT, Panel, override, query, where

RUNNING = Panel(
    id=9,
    kind="table",
    title="Running executions",
    description="What is under way at this moment, longest first (50 at most); the time range does not apply.",
    sql=query(
        "SELECT started_at, agent, session, task, stage, percent, running_ms, trace_id",
        "FROM panel_running",
        where(AGENT, SESSION),
        "ORDER BY started_at, execution_id",
        "LIMIT 50",
    ),
    columns=("started_at", "agent", "session", "task", "stage", "percent", "running_ms", "trace_id"),
    width=24,
    height=6,
    overrides=(
        STARTED_COLUMN,
        AGENT_COLUMN,
        SESSION_COLUMN,
        TASK_COLUMN,
        override("stage", displayName="Stage"),
        override("percent", displayName="Progress", unit=PERCENT, custom__width=90),
        override("running_ms", displayName="Running for", unit=MILLISECONDS, custom__width=110),
        TRACE_COLUMN,
    ),
)

FAILURES = Panel(
    id=10,
    kind="table",
    title="Recent failures",
    description="The newest 50 executions that ended as error or partial, or were abandoned, with what went wrong.",
    sql=query(
        "SELECT started_at, agent, status, error_type, error_message, task, duration_ms, trace_id",
        "FROM panel_executions",
        where(*FILTER, "success = 0"),
        "ORDER BY started_at DESC, execution_id",
        "LIMIT 50",
    ),
    columns=("started_at", "agent", "status", "error_type", "error_message", "task", "duration_ms", "trace_id"),
    width=24,
    height=8,
    overrides=(
        STARTED_COLUMN,
        AGENT_COLUMN,
        STATUS_COLUMN,
        override("error_type", displayName="Error", custom__width=160),
        override("error_message", displayName="Message", custom__inspect=True),
        TASK_COLUMN,
        DURATION_COLUMN,
        TRACE_COLUMN,
    ),
)

LATEST = Panel(
    id=11,
    kind="table",
    title="Latest executions",
    description="The newest 200 executions within the time range; the trace opens in Jaeger.",
    sql=query(
        "SELECT started_at, agent, session, status, task, duration_ms, total_tokens, cost_usd, trace_id",
        "FROM panel_executions",
        where(*FILTER),
        "ORDER BY started_at DESC, execution_id",
        "LIMIT 200",
    ),
    columns=(
        "started_at",
        "agent",
        "session",
        "status",
        "task",
        "duration_ms",
        "total_tokens",
        "cost_usd",
        "trace_id",
    ),
    width=24,
    height=12,
    overrides=(
        STARTED_COLUMN,
        AGENT_COLUMN,
        SESSION_COLUMN,
        STATUS_COLUMN,
        TASK_COLUMN,
        DURATION_COLUMN,
        override("total_tokens", displayName="Tokens", unit=COUNT, custom__width=90),
        override("cost_usd", displayName="Cost", unit="currencyUSD", custom__width=90),
        TRACE_COLUMN,
    ),
)
