"""A command as a step of the execution around it."""

from __future__ import annotations

import os
import time

from agent_otel import identity, otlp_json, redaction, step_intent
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import facts, trace_context
from agent_otel.shell.known import known
from agent_otel.shell.records import Records
from agent_otel.shell.step import place_of_step
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
        records = Records(call.settings)
        step = StepIntent(os.path.basename(self._command[0]) or "command", action=" ".join(self._command))
        attributes = {
            **step_intent.of_execution(found.execution),
            **step_intent.attributes(step),
            s.STEP_OBSERVATION: ending.sentence,
            **facts.metadata(call.metadata),
        }
        failed = ending.status != "success"
        if failed:
            attributes |= {
                s.STEP_SUCCESS: False,
                s.ERROR_TYPE: ending.error_type,
                s.ERROR_MESSAGE: ending.sentence,
            }
        trace_id, parent, flags = place_of_step(found)
        records.spans(
            [
                otlp_json.Span(
                    step_intent.span_name(step),
                    otlp_json.KIND_INTERNAL,
                    trace_id,
                    self._span_id,
                    parent,
                    self._started,
                    self._started + ending.duration_ns,
                    records.attributes(attributes),
                    status_code=otlp_json.STATUS_ERROR if failed else otlp_json.STATUS_UNSET,
                    status_message=redaction.error_text(ending.sentence, call.settings.capture) or "" if failed else "",
                    flags=flags,
                )
            ]
        )
        if not call.settings.disabled:
            call.handed = hand_over(records.records, call.settings)
        call.fields = {
            "execution_id": found.execution.execution_id,
            "agent_name": found.execution.agent_name or None,
            "steps": [f"{self._span_id:016x}"],
        }
        self.answers.append(call.answer())
