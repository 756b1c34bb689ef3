"""What the panels about executions share: who is asked about, and how a column looks."""

from typing import Final

from grafana.datasources import Json, trace_link
from grafana.panels import MILLISECONDS, override, steps
from grafana.variables import chosen

STATUS_COLORS: Final = {
    "success": "green",
    "partial": "orange",
    "error": "red",
    "abandoned": "purple",
    "cancelled": "text",
    "in_progress": "blue",
}

AGENT: Final = chosen("agent", "agent")
SESSION: Final = chosen("session", "session")

#: Who and when. Success rates leave the status out: the rate among failures says nothing.
WHOSE: Final = ("$__timeFilter(started_at)", AGENT, SESSION)
FILTER: Final = (*WHOSE, chosen("status", "status"))

#: As the health report draws the line: failed at an error rate of 50 %, degraded from 10 %.
SUCCESS_STEPS: Final = steps("red", (50, "yellow"), (90, "green"))

_STATUS_MAPPING: Final[Json] = {
    "type": "value",
    "options": {
        status: {"color": color, "index": index, "text": status}
        for index, (status, color) in enumerate(STATUS_COLORS.items())
    },
}

STARTED_COLUMN: Final = override("started_at", displayName="Started", custom__width=170)
AGENT_COLUMN: Final = override("agent", displayName="Agent", custom__width=160)
SESSION_COLUMN: Final = override("session", displayName="Session", custom__width=160)
STATUS_COLUMN: Final = override(
    "status",
    displayName="Status",
    mappings=[_STATUS_MAPPING],
    custom__cellOptions={"type": "color-text"},
    custom__width=105,
)
TASK_COLUMN: Final = override("task", displayName="Task", custom__inspect=True)
DURATION_COLUMN: Final = override("duration_ms", displayName="Duration", unit=MILLISECONDS, custom__width=100)
TRACE_COLUMN: Final = override("trace_id", displayName="Trace", links=[trace_link()], custom__width=290)
