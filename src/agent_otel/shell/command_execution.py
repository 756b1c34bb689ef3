"""A command as an execution of its own."""

from __future__ import annotations

import os
import time

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.open_execution import ExecutionFolder
from agent_otel.shell import complete, facts, start, trace_context
from agent_otel.shell.known import Known
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from agent_otel.shell.call import Call
    from agent_otel.shell.ending import Ending


class CommandExecution:
    """Begins with the command and ends with it."""

    def __init__(self, call: Call, command: Sequence[str]) -> None:
        self._call = call
        call.values.setdefault("agent", os.path.basename(command[0]) or "command")
        if call.settings.capture == "full":  # a command line may hold what is not to be kept
            call.values.setdefault("description", " ".join(command))
        self._execution = start.begin(call)
        self.environment = trace_context.variables(self._execution)
        self.answers = [call.answer()]

    def beat(self) -> None:
        """Say that it still runs."""
        execution, records = self._execution, Records(self._call.settings)
        records.event(
            s.EVENT_HEARTBEAT,
            time.time_ns(),
            f"{execution.agent_name} is running",
            facts.identity_of(execution),
            {s.EVENT_ID: identity.spelled(identity.new_uuid())},
            trace_id=execution.trace_id,
            span_id=execution.span_id,
            flags=execution.trace_flags,
        )
        hand_over(records.records, self._call.settings)

    def end(self, ending: Ending) -> None:
        """Say how the command ended."""
        call = self._call
        call.values["status"] = ending.status
        call.warning = ""
        folder = ExecutionFolder(call.settings.state_dir)
        complete.end(
            call,
            Known(self._execution, folder, is_here=True, has_place=True, has_span=True),
            _measured(ending),
        )
        self.answers.append(call.answer())


def _measured(ending: Ending) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if ending.status != "success":
        measured = {s.ERROR_TYPE: ending.error_type, s.ERROR_MESSAGE: ending.sentence}
    if ending.memory:
        measured |= {s.MEMORY_MAX_BYTES: ending.memory, s.CPU_TIME_S: round(ending.seconds, 6)}
    return measured
