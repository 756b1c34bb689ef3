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
    from typing import Any, Final

    from agent_otel.shell.statements import Statement

#: Keys of the options that say something beside the facts.
_SAID: Final = frozenset(
    {
        *("verification_status", "expected_vs_actual", "criteria_met", "criteria_failed", "confidence"),
        *("manual_verification", "verified_by", "issue", "learning"),
    }
)


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
    verdict, said = _said(call)
    final = _final(call, status, notes, {**(measured or {}), **_tracked(call, found)})
    call.unknown = not found.has_span
    if not call.settings.disabled:
        completion = Completion(found, notes, final, ended)
        completion.said, completion.verdict = said, verdict
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
    told = facts.stated(call.arguments)
    final: dict[str, Any] = {
        s.EXECUTION_STATUS: status,
        **measured,
        **notes.latest,
        **told,
        **_lists(notes, told, measured),
    }
    if status == "error":
        final.setdefault(s.ERROR_TYPE, s.ERROR_TYPE_OTHER)
    if "output" in call.values:
        final.update(content.output_facts(call.values["output"]))
    return {**final, **facts.metadata(notes.merge_metadata(call.metadata))}


def _lists(notes: journal.Journal, told: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """The lists that were added to on the way, whole."""
    found: dict[str, Any] = {}
    for attribute in (*notes.united, s.SUCCESS_CRITERIA, s.FILES_MODIFIED):
        before = notes.attributes if attribute in notes.united or attribute in told else {}
        parts = (before, notes.united, told, measured)
        members = journal.union(*(part.get(attribute, ()) for part in parts))
        if members:
            found[attribute] = members
    files = found.get(s.FILES_MODIFIED, ())
    if len(files) > journal.MAX_MEMBERS:
        found[s.FILES_MODIFIED] = files[: journal.MAX_MEMBERS]
        found[s.FILES_MODIFIED_COUNT] = max(told.get(s.FILES_MODIFIED_COUNT, 0), len(files))
    return found


def _tracked(call: Call, found: Known) -> dict[str, Any]:
    """The files that changed since the start, where that is tracked."""
    remembered = found.folder.read(f"{found.execution.execution_id}.files")
    if not remembered:
        return {}
    from agent_otel.shell import tracked_files  # who tracks none does not load it

    files = tracked_files.since(call, remembered)
    return {s.FILES_MODIFIED: files} if files else {}


def _said(call: Call) -> tuple[dict[str, Any], list[Statement]]:
    """The verdict, and what is said beside the facts; nothing is loaded for it where nothing is said."""
    if call.values.keys().isdisjoint(_SAID):
        return {}, []
    from agent_otel.shell import statements

    verdict = statements.verdict(call.arguments)
    by = call.values.get("verified_by")
    if by and not verdict:
        statements.refuse_without_verdict(call.arguments, "verified_by")
    return verdict, [*statements.of_verdict(verdict, by), *statements.notes(call.arguments)]
