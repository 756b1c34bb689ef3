"""A command as a step of the execution around it."""

from __future__ import annotations

import os
import time

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import facts, journal, trace_context
from agent_otel.shell.known import Known, known
from agent_otel.shell.records import Records
from agent_otel.shell.step_record import StepRecord
from agent_otel.step_intent import StepIntent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.file_tracking import FileTracking
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
        self._tracking = _tracking(call) if self._known else None
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
        files = self._files(found)
        step.attributes |= {s.STEP_OBSERVATION: ending.sentence, **files, **facts.metadata(call.metadata)}
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

    def _files(self, found: Known) -> dict[str, list[str]]:
        """The files that changed meanwhile, where that is tracked; the execution's end states them, too."""
        if self._tracking is None:
            return {}
        from agent_otel.shell import tracked_files

        changed = tracked_files.changed(self._call, self._tracking)
        if not changed:
            return {}
        told = {s.FILES_MODIFIED: changed[: journal.MAX_MEMBERS]}
        execution_id = found.execution.execution_id
        if found.is_here and not found.folder.is_closed(execution_id) and not self._call.settings.disabled:
            found.folder.append(f"{execution_id}.events", journal.united_line(told))
        return told


def _tracking(call: Call) -> FileTracking | None:
    if "track_files" not in call.values:
        return None
    from agent_otel.shell import tracked_files  # who tracks none does not load it

    return tracked_files.remember(call)
