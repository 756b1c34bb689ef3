"""A step that is over, as the span that is sent of it."""

from __future__ import annotations

from agent_otel import identity, otlp_json, redaction, step_intent
from agent_otel.shell import trace_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agent_otel.model import Capture
    from agent_otel.shell.known import Known
    from agent_otel.shell.records import Records
    from agent_otel.step_intent import StepIntent


class StepRecord:
    """One step of an execution. Times in nanoseconds; `error` is None for a success, else why it failed."""

    __slots__ = ("attributes", "ended", "error", "found", "intent", "span_id", "started")

    def __init__(self, found: Known, intent: StepIntent, span_id: int | None = None) -> None:
        self.found = found
        self.intent = intent
        named = intent.step_id or intent.tool_call_id
        self.span_id = span_id or identity.step_span_id(found.execution.execution_id, named)
        self.started = self.ended = 0
        self.error: str | None = None
        self.attributes: dict[str, Any] = {
            **step_intent.of_execution(found.execution),
            **step_intent.attributes(intent),
        }

    def span(self, records: Records, capture: Capture) -> otlp_json.Span:
        """As OTLP has it."""
        trace_id, parent, flags = self._place()
        return otlp_json.Span(
            step_intent.span_name(self.intent),
            otlp_json.KIND_CLIENT if self.intent.kind == "llm" else otlp_json.KIND_INTERNAL,
            trace_id,
            self.span_id,
            parent,
            self.started,
            self.ended,
            records.attributes(self.attributes),
            status_code=otlp_json.STATUS_UNSET if self.error is None else otlp_json.STATUS_ERROR,
            status_message=redaction.error_text(self.error, capture) or "",
            flags=flags,
        )

    def _place(self) -> tuple[int, int, int]:
        """Trace, parent and flags: below the span around this process, when that is of the execution, else its own.

        Of an unknown execution nobody knows the trace: its steps share one, named by its id.
        """
        execution = self.found.execution
        around = trace_context.inherited(execution.execution_id)
        if self.found.has_place:
            trace_id, span_id, flags = self.found.place
            return trace_id, around.span_id if around and around.trace_id == trace_id else span_id, flags
        return identity.parse(execution.execution_id) or 0, 0, execution.trace_flags
