"""`agent-otel progress`: how far an execution is."""

from __future__ import annotations

import time

from agent_otel import identity
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


def run(argv: Sequence[str]) -> int:
    """Record the progress and print it."""
    call = Call("progress", options.PROGRESS, argv)
    found = known(call)
    if found is not None:
        _record(call, found)
    return call.leave()


def _record(call: Call, found: Known) -> None:
    now, values = time.time_ns(), call.values
    latest = facts.stated(call.arguments)
    if "percent" in values:
        latest[s.PROGRESS_PERCENT] = float(values["percent"])
    if s.SUCCESS_CRITERIA in latest:
        latest[s.SUCCESS_CRITERIA] = _all_criteria(found, latest[s.SUCCESS_CRITERIA])
    records = Records(call.settings)
    execution = found.execution
    trace_id, span_id, flags = found.place
    attributes = {
        s.EVENT_ID: identity.spelled(identity.new_uuid()),
        **latest,
        **facts.metadata(call.metadata),
    }
    event = records.event(
        s.EVENT_PROGRESS,
        now,
        _sentence(execution.agent_name, values),
        facts.identity_of(execution),
        attributes,
        trace_id=trace_id,
        span_id=span_id,
        flags=flags,
    )
    if not call.settings.disabled:
        criteria = latest.pop(s.SUCCESS_CRITERIA, None)
        _note(call, found, journal.progress_line(event, latest, call.metadata))
        if criteria:
            _note(call, found, journal.united_line({s.SUCCESS_CRITERIA: criteria}))
        call.handed = hand_over(records.records, call.settings)
    call.fields = {
        "execution_id": execution.execution_id,
        "agent_name": execution.agent_name or None,
        "stage": values["stage"],
        "progress": {"stage": values["stage"], "percent": values.get("percent"), "updated_at": facts.shown(now)},
    }


def _all_criteria(found: Known, criteria: list[str]) -> list[str]:
    """The list so far: each record states the whole."""
    notes = journal.read(found.folder, found.execution.execution_id)
    return journal.union(
        notes.attributes.get(s.SUCCESS_CRITERIA, ()), notes.united.get(s.SUCCESS_CRITERIA, ()), criteria
    )


def _note(call: Call, found: Known, line: str) -> None:
    """Keep the event for the final span, unless that is already gone."""
    if found.folder.is_closed(found.execution.execution_id):
        call.warning = calls.ALREADY_COMPLETED
    elif found.is_here and not found.folder.append(f"{found.execution.execution_id}.events", line):
        call.problem(f"{found.folder.problem}: the final span will lack this event")


def _sentence(agent: str, values: dict[str, object]) -> str:
    stage = f"{agent or 'execution'}: {values['stage']}"
    return f"{stage} {values['percent']} %" if "percent" in values else stage
