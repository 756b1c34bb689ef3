"""`agent-otel start`: an execution begins."""

from __future__ import annotations

import time

from agent_otel import identity, redaction
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.open_execution import ExecutionFolder, OpenExecution
from agent_otel.shell import call as calls
from agent_otel.shell import facts, journal, options, started, trace_context
from agent_otel.shell.call import Call
from agent_otel.shell.lineage import Lineage, lineage
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def run(argv: Sequence[str]) -> int:
    """Record the start and print the ids."""
    call = Call("start", options.START, argv)
    if call.arguments.unusable:
        return call.leave()
    execution = begin(call)
    return call.leave(_export(execution) if call.values.get("export") else "")


def begin(call: Call) -> OpenExecution:
    """Start the execution that the arguments describe, or meet the one that a retry names."""
    folder = ExecutionFolder(call.settings.state_dir)
    place = lineage(call, folder)
    execution = _execution(call, place)
    stated = _stated(call, place)
    line = journal.start_line(stated, call.metadata, place)
    event_id = started.event_id(execution)
    if not call.settings.disabled:
        if folder.add(execution):
            folder.append(f"{execution.execution_id}.events", line)
        else:
            execution = folder.find(execution.execution_id) or execution
            event_id = _repeated_event_id(folder, execution, line)
            call.warning = calls.ALREADY_STARTED
        if folder.failures:
            call.problem(f"{folder.problem}: later calls need --agent, --started-at and --correlation-id")
            call.warning = calls.NO_LOCAL_STATE
        records = Records(call.settings)
        started.add(records, execution, {**stated, **facts.metadata(call.metadata)}, event_id)
        call.handed = hand_over(records.records, call.settings)
        if "track_files" in call.values:
            from agent_otel.shell import tracked_files  # who tracks none does not load it

            tracked_files.begin(call, folder, execution.execution_id)
    _answer(call, execution)
    return execution


def _execution(call: Call, place: Lineage) -> OpenExecution:
    values = call.values
    number = identity.parse(values.get("execution_id", "")) or identity.new_uuid()
    session = values.get("session_id") or call.settings.session_id or place.session_id
    return OpenExecution(
        execution_id=identity.spelled(number),
        trace_id=place.trace_id,
        span_id=identity.execution_span_id(number),
        trace_flags=place.flags,
        agent_name=values["agent"],
        started_at=time.time_ns(),
        correlation_id=place.correlation_id,
        session_id=session or identity.spelled(identity.new_uuid()),
        project=call.settings.project,
    )


def _stated(call: Call, place: Lineage) -> dict[str, Any]:
    """What the start says, and the end repeats; what is not to be kept is not kept here either."""
    stated = {**facts.stated(call.arguments), **facts.intent(call.values), s.CAPTURE_MODE: call.settings.capture}
    if place.parent_execution_id:
        stated[s.PARENT_EXECUTION_ID] = place.parent_execution_id
    return dict(redaction.clean(stated, call.settings.capture))


def _repeated_event_id(folder: ExecutionFolder, execution: OpenExecution, line: str) -> str:
    """The id of a start that is told again: the first one's when it says the same, else one of its own."""
    name = f"{execution.execution_id}.events"
    first = folder.read(name).partition("\n")[0]
    if not first and not folder.is_closed(execution.execution_id):
        # Whoever told it first died before it noted and sent this.
        folder.append(name, line)
        return started.event_id(execution)
    return started.event_id(execution) if line == first else started.event_id(execution, line)


def _answer(call: Call, execution: OpenExecution) -> None:
    call.execution_id = execution.execution_id
    call.fields = {
        "execution_id": execution.execution_id,
        "started_at": facts.shown(execution.started_at),
        "correlation_id": execution.correlation_id,
        "session_id": execution.session_id,
    }


def _export(execution: OpenExecution) -> str:
    """Lines for ``eval``, quoted for any POSIX shell."""
    given = {name: value.replace("'", "'\\''") for name, value in trace_context.variables(execution).items()}
    return "".join(f"export {name}='{value}'\n" for name, value in given.items())
