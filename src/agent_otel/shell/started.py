"""The event that an execution began."""

from __future__ import annotations

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.shell import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_otel.open_execution import OpenExecution
    from agent_otel.shell.records import Records


def event_id(execution: OpenExecution, differently: str = "") -> str:
    """The event's id: the same each time the same is told, one of its own for what is told `differently`."""
    name = f"{s.EVENT_STARTED} {differently}" if differently else s.EVENT_STARTED
    return identity.spelled(identity.named_uuid(identity.parse(execution.execution_id) or 0, name))


def add(records: Records, execution: OpenExecution, stated: Mapping[str, object], identifier: str) -> None:
    """Add the event to the records of a call; `stated` are its attributes."""
    records.event(
        s.EVENT_STARTED,
        execution.started_at,
        f"{execution.agent_name} started",
        facts.identity_of(execution),
        {
            s.EVENT_ID: identifier,
            s.EXECUTION_STATUS: "in_progress",
            s.EXECUTION_START_NS: execution.started_at,
            **stated,
        },
        trace_id=execution.trace_id,
        span_id=execution.span_id,
        flags=execution.trace_flags,
    )
