"""`agent-otel verify`: what somebody says of an execution, while it runs or long after: a verdict, quality, issues.

It goes the way of every event, through the spool. A database is only asked for names, and whether the execution is
there.
"""

import os
import pwd
import time
from collections.abc import Mapping, Sequence
from typing import Final

from agent_otel import identity, redaction
from agent_otel.commands import named_execution
from agent_otel.errors import AgentOtelError
from agent_otel.hand_over import hand_over
from agent_otel.open_execution import ExecutionFolder, OpenExecution
from agent_otel.shell import facts, journal, statements, verify_options
from agent_otel.shell import help as pages
from agent_otel.shell.call import WRONG_ARGUMENT, Call
from agent_otel.shell.known import Known
from agent_otel.shell.records import Records

UNKNOWN: Final = "unknown execution: the database has none of this id"


def run(argv: Sequence[str]) -> int:
    """Record what is said and print it."""
    if pages.asked("verify", argv):
        print(pages.text("verify").rstrip())
        return 0
    call = Call("verify", verify_options.VERIFY, argv)
    try:
        if not call.arguments.unusable:
            _record(call)
    except AgentOtelError as error:
        call.arguments.errors.append(str(error))
        call.leave()
        return 1
    code, handed = call.leave(), call.handed
    if code or call.arguments.errors:
        return code or WRONG_ARGUMENT
    return 0 if call.settings.disabled or (handed and (handed.delivered or handed.spooled)) else 1


def _record(call: Call) -> None:
    values = call.values
    by: str = values.get("verified_by") or _caller()
    verdict = statements.verdict(call.arguments)
    said = [
        *statements.of_verdict(verdict, by),
        *statements.evaluations(values, by),
        *statements.notes(call.arguments, by),
    ]
    if not said:
        if not call.arguments.errors:
            call.arguments.errors.append(
                "nothing is said: give --status MATCH, PARTIAL, MISMATCH or ERROR, for example"
            )
        return
    said[0].attributes |= facts.metadata(call.metadata)  # what could not be used
    found = _find(call)
    now = time.time_ns()
    records = Records(call.settings)
    events = statements.add(records, found, said, now, call.settings.capture, is_repeatable=False)
    if not call.settings.disabled:
        _note(found, events, redaction.clean(verdict, call.settings.capture))
        call.handed = hand_over(records.records, call.settings)
    call.fields = {
        "execution_id": found.execution.execution_id,
        "agent_name": found.execution.agent_name or None,
        "verification_status": values.get("verification_status"),
        "verified_by": by,
        "verified_at": facts.shown(now),
    }


def _find(call: Call) -> Known:
    """The execution, with its trace where it began on this machine. Raises AgentOtelError for an unknown name."""
    wanted: str = call.values["execution"].strip()
    folder = ExecutionFolder(call.settings.state_dir)
    number = identity.parse(wanted)
    here = folder.find(identity.spelled(number)) if number else None
    if here is None:
        execution_id, is_known = named_execution.resolve(wanted, call.values.get("database_url"), call.problem)
        here = folder.find(execution_id)
        if not is_known:
            call.warning = UNKNOWN
    call.execution_id = here.execution_id if here else execution_id
    if here is not None:
        return Known(here, folder, is_here=True, has_place=True, has_span=True)
    elsewhere = OpenExecution(execution_id, 0, 0, 0, "", 0, "", "")
    return Known(elsewhere, folder, is_here=False, has_place=False, has_span=False)


def _note(found: Known, events: list[str], verdict: Mapping[str, object]) -> None:
    """Keep the events for the span of an execution that still runs here."""
    execution_id = found.execution.execution_id
    if found.is_here and not found.folder.is_closed(execution_id):
        for event in events:
            found.folder.append(f"{execution_id}.events", journal.said_line(event, verdict))


def _caller() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
