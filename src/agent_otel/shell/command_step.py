"""A command as a step of the execution around it."""

from __future__ import annotations

import os
import time

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import facts, trace_context
from agent_otel.shell.known import known
from agent_otel.shell.records import Records
from agent_otel.shell.step_record import StepRecord
from agent_otel.step_intent import StepIntent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.shell.call import Call
    from agent_otel.shell.ending import Ending


class CommandStep:
    """A span that begins and ends with the command."""

    def __init__(self, call: Call, command: Sequence[str]) -> None:
        self._call = call
        self._command = command
        self._known = known(call)
        self._span_id = identity.random_span_id()
        self._started = time.time_ns()
        self.environment = trace_context.variables(self._known.execution, self._span_id) if self._known else {}
        self.answers: list[dict[str, object]] = []

    def beat(self) -> None:
        """The execution around it says that it runs."""

    def end(self, ending: Ending) -> None:
        """Say how the command ended."""
        call, found = self._call, self._known
        if found is None:
            return
        intent = StepIntent(os.path.basename(self._command[0]) or "command", action=" ".join(self._command))
        step = StepRecord(found, intent, self._span_id)
        step.started, step.ended = self._started, self._started + ending.duration_ns
        step.attributes |= {s.STEP_OBSERVATION: ending.sentence, **facts.metadata(call.metadata)}
        if ending.status != "success":
            step.error = ending.sentence
            failure = {s.STEP_SUCCESS: False, s.ERROR_TYPE: ending.error_type, s.ERROR_MESSAGE: ending.sentence}
            step.attributes |= failure
        records = Records(call.settings)
        records.spans([step.span(records, call.settings.capture)])
        if not call.settings.disabled:
            call.handed = hand_over(records.records, call.settings)
        call.fields = {
            "execution_id": found.execution.execution_id,
            "agent_name": found.execution.agent_name or None,
            "steps": [f"{self._span_id:016x}"],
        }
        self.answers.append(call.answer())
