"""`agent-otel complete`: an execution ends."""

from __future__ import annotations

import time

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.shell import call as calls
from agent_otel.shell import facts, journal, options
from agent_otel.shell.call import Call
from agent_otel.shell.completion import Completion
from agent_otel.shell.known import Known, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def run(argv: Sequence[str]) -> int:
    """Record the end and print it."""
    call = Call("complete", options.COMPLETE, argv)
    found = known(call)
    if found is not None:
        end(call, found)
    return call.leave()


def end(call: Call, found: Known, measured: dict[str, Any] | None = None) -> None:
    """End the execution as the arguments say; `measured` are further attributes."""
    execution = found.execution
    ended = max(time.time_ns(), execution.started_at)
    status: str = call.values.get("status", "success")
    notes = journal.read(found.folder, execution.execution_id)
    final = _final(call, status, notes, measured or {})
    call.unknown = not found.has_span
    if not call.settings.disabled:
        completion = Completion(found, notes, final, ended)
        call.handed = completion.send(call.settings)
        if not completion.is_first:
            call.warning = calls.ALREADY_COMPLETED
    call.fields = {
        "execution_id": execution.execution_id,
        "agent_name": execution.agent_name or None,
        "status": status,
        "duration_ms": (ended - execution.started_at) // 1_000_000 if execution.started_at else None,
        "started_at": facts.shown(execution.started_at) if execution.started_at else None,
        "completed_at": facts.shown(ended),
    }


def _final(call: Call, status: str, notes: journal.Journal, measured: dict[str, Any]) -> dict[str, Any]:
    """What is only known at the end; the metadata of the whole execution."""
    final: dict[str, Any] = {s.EXECUTION_STATUS: status, **measured, **notes.latest, **facts.stated(call.arguments)}
    if status == "error":
        final.setdefault(s.ERROR_TYPE, s.ERROR_TYPE_OTHER)
    if "output" in call.values:
        final.update(content.output_facts(call.values["output"]))
    return {**final, **facts.metadata(notes.merge_metadata(call.metadata))}
