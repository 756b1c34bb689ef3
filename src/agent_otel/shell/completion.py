"""The end of an execution: its completion event, the claim to send its span, the span.

The span is sent once, by whoever claims the end first; a later completion is an event, which the row is merged with.
"""

from __future__ import annotations

from agent_otel import identity, otlp_json, redaction
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import facts
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from agent_otel.hand_over import Handed
    from agent_otel.settings import Settings
    from agent_otel.shell.journal import Journal
    from agent_otel.shell.known import Known
    from agent_otel.shell.statements import Statement


class Completion:
    """`final`: what is only known at the end, the status too; `ended` in ns; `event_only`: what the span leaves out.

    `verdict`: the one of this end, which the event leaves out, because it is `said` as an event of its own.
    """

    __slots__ = ("ended", "event_only", "final", "found", "handed", "is_first", "notes", "said", "verdict")

    def __init__(self, found: Known, notes: Journal, final: dict[str, Any], ended: int) -> None:
        self.found = found
        self.notes = notes
        self.final = final
        self.ended = ended
        self.event_only: dict[str, Any] = {}
        self.said: Sequence[Statement] = ()
        self.verdict: dict[str, Any] = {}
        #: Whether nobody else had sent the span, or would have, if there is one.
        self.is_first = True
        self.handed: Handed | None = None

    def send(self, settings: Settings) -> Handed:
        """Hand the event over, and the span if it is ours to send."""
        found, records = self.found, Records(settings)
        if self.said:
            self._add_said(records, settings)
        self._add_event(records)
        if found.has_span:
            span = records.spans([self._span(records, settings)])
            self.is_first = found.folder.close(found.execution.execution_id, span)
            if not self.is_first:
                del records.records[-1]
        self.handed = handed = hand_over(records.records, settings)
        if found.has_span and self.is_first and (handed.spooled or handed.delivered):
            found.folder.handed_over(found.execution.execution_id)
        return handed

    def _add_said(self, records: Records, settings: Settings) -> None:
        from agent_otel.shell import statements  # who says nothing does not load it

        events = statements.add(records, self.found, self.said, self.ended, settings.capture, is_repeatable=True)
        self.notes.events += events

    def _add_event(self, records: Records) -> None:
        execution, final = self.found.execution, self.final
        event_id = identity.named_uuid(identity.parse(execution.execution_id) or 0, s.EVENT_COMPLETED)
        started = {s.EXECUTION_START_NS: execution.started_at} if execution.started_at else {}
        facts_of_start = {k: v for k, v in self.notes.attributes.items() if k not in s.CONTENT_ATTRIBUTES}
        trace_id, span_id, flags = self.found.place
        records.event(
            s.EVENT_COMPLETED,
            self.ended,
            f"{execution.agent_name or 'execution'} ended: {final[s.EXECUTION_STATUS]}",
            facts.identity_of(execution),
            {
                s.EVENT_ID: identity.spelled(event_id),
                **facts_of_start,
                **final,
                **self.event_only,
                **started,
                s.EXECUTION_END_NS: self.ended,
            },
            trace_id=trace_id,
            span_id=span_id,
            flags=flags,
        )

    def _span(self, records: Records, settings: Settings) -> otlp_json.Span:
        execution, notes, final = self.found.execution, self.notes, self.final
        attributes = {
            s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT,
            **facts.identity_of(execution),
            **notes.attributes,
            s.CAPTURE_MODE: settings.capture,
            **final,
            **(self.verdict or notes.verdict),
        }
        failed = final[s.EXECUTION_STATUS] == "error"
        message = redaction.error_text(str(final.get(s.ERROR_MESSAGE, "")), settings.capture) if failed else ""
        return otlp_json.Span(
            f"{s.OPERATION_INVOKE_AGENT} {execution.agent_name}",
            otlp_json.KIND_INTERNAL,
            execution.trace_id,
            execution.span_id,
            notes.parent_span_id,
            execution.started_at,
            self.ended,
            records.attributes(attributes),
            events=notes.events,
            links=[(trace, span, otlp_json.key_values({s.LINK_TYPE: kind})) for trace, span, kind in notes.links],
            status_code=otlp_json.STATUS_ERROR if failed else otlp_json.STATUS_UNSET,
            status_message=message or "",
            flags=execution.trace_flags,
            trace_state=notes.trace_state,
        )
