"""The dashboard "Executions": what runs, what ran, how well, how long, at what cost."""

from typing import Final

from grafana import figures, lists
from grafana.columns import AGENT, STATUS_COLORS
from grafana.datasources import Json
from grafana.panels import Panel, layout, query, where
from grafana.variables import list_variable, query_variable

#: The final schema of this form of dashboard, of Grafana 12 (later ones are another API).
SCHEMA_VERSION: Final = 42
UID: Final = "agent-otel-executions"

ROWS: Final[tuple[tuple[Panel, ...], ...]] = (
    (figures.RUNNING, figures.EXECUTIONS, figures.SUCCESS_RATE, figures.FAILED),
    (figures.OVER_TIME, figures.SUCCESS_OVER_TIME),
    (figures.DURATIONS, figures.TOKENS),
    (lists.RUNNING,),
    (lists.FAILURES,),
    (lists.LATEST,),
)

VARIABLES: Final = (
    query_variable(
        "agent",
        "Agent",
        "Agents with executions in the time range; (none) where none was named.",
        query(
            "SELECT DISTINCT agent",
            "FROM panel_executions",
            where("$__timeFilter(started_at)"),
            "ORDER BY agent",
            "LIMIT 1000",
        ),
    ),
    query_variable(
        "session",
        "Session",
        "The newest 500 sessions of the chosen agents in the time range; type another to add it. (none) where none was"
        " named.",
        query(
            "SELECT session",
            "FROM panel_executions",
            where("$__timeFilter(started_at)", AGENT),
            "GROUP BY session",
            "ORDER BY max(started_at) DESC, session",
            "LIMIT 500",
        ),
    ),
    list_variable("status", "Status", "What became of an execution, as of now.", tuple(STATUS_COLORS)),
)


def dashboard() -> Json:
    """The dashboard as Grafana's JSON."""
    return {
        "uid": UID,
        "title": "Executions",
        "description": "Agent executions: what runs, what ran, how well, how long, at what cost.",
        "tags": ["agent-otel"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,  # a shared crosshair
        "preload": False,
        "timezone": "utc",  # like every report
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "refresh": "30s",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": list(VARIABLES)},
        "panels": layout(ROWS),
    }
