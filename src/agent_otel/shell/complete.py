"""`agent-otel complete`: an execution ends.

Its span is sent once, by whoever claims the end first; a later completion is an event, which the row is merged with.
"""

from __future__ import annotations

import time

from agent_otel import content, identity, otlp_json, redaction
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import call as calls
from agent_otel.shell import facts, journal, options
from agent_otel.shell.call import Call
from agent_otel.shell.known import Known, known
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from agent_otel.open_execution import OpenExecution


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
        _send(call, found, notes, final, ended)
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


def _send(call: Call, found: Known, notes: journal.Journal, final: dict[str, Any], ended: int) -> None:
    execution, records = found.execution, Records(call.settings)
    _add_event(records, found, notes, final, ended)
    is_ours = False
    if found.has_span:
        span = records.spans([_span(records, call, execution, notes, final, ended)])
        is_ours = found.folder.close(execution.execution_id, span)
        if not is_ours:
            del records.records[-1]
            call.warning = calls.ALREADY_COMPLETED
    call.handed = hand_over(records.records, call.settings)
    if is_ours and (call.handed.spooled or call.handed.delivered):
        found.folder.handed_over(execution.execution_id)


def _add_event(records: Records, found: Known, notes: journal.Journal, final: dict[str, Any], ended: int) -> None:
    execution = found.execution
    event_id = identity.named_uuid(identity.parse(execution.execution_id) or 0, s.EVENT_COMPLETED)
    started = {s.EXECUTION_START_NS: execution.started_at} if execution.started_at else {}
    facts_of_start = {k: v for k, v in notes.attributes.items() if k not in s.CONTENT_ATTRIBUTES}
    trace_id, span_id, flags = found.place
    records.event(
        s.EVENT_COMPLETED,
        ended,
        f"{execution.agent_name or 'execution'} ended: {final[s.EXECUTION_STATUS]}",
        facts.identity_of(execution),
        {
            s.EVENT_ID: identity.spelled(event_id),
            **facts_of_start,
            **final,
            **started,
            s.EXECUTION_END_NS: ended,
        },
        trace_id=trace_id,
        span_id=span_id,
        flags=flags,
    )


def _span(
    records: Records,
    call: Call,
    execution: OpenExecution,
    notes: journal.Journal,
    final: dict[str, Any],
    ended: int,
) -> otlp_json.Span:
    attributes = {
        s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT,
        **facts.identity_of(execution),
        **notes.attributes,
        s.CAPTURE_MODE: call.settings.capture,
        **final,
    }
    failed = final[s.EXECUTION_STATUS] == "error"
    message = redaction.error_text(str(final.get(s.ERROR_MESSAGE, "")), call.settings.capture) if failed else ""
    return otlp_json.Span(
        f"{s.OPERATION_INVOKE_AGENT} {execution.agent_name}",
        otlp_json.KIND_INTERNAL,
        execution.trace_id,
        execution.span_id,
        notes.parent_span_id,
        execution.started_at,
        ended,
        records.attributes(attributes),
        events=notes.events,
        links=[(trace, span, otlp_json.key_values({s.LINK_TYPE: kind})) for trace, span, kind in notes.links],
        status_code=otlp_json.STATUS_ERROR if failed else otlp_json.STATUS_UNSET,
        status_message=message or "",
        flags=execution.trace_flags,
        trace_state=notes.trace_state,
    )
