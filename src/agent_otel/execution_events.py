"""The lifecycle events of one execution: what they share is encoded once."""

import uuid

from opentelemetry.trace import Span

from agent_otel import otlp_json, redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.client import Client
from agent_otel.open_execution import OpenExecution


class ExecutionEvents:
    """Sends events of the execution as log records and, where asked, as events of its span too."""

    __slots__ = ("_client", "_record", "_shared", "_span")

    def __init__(self, client: Client, record: OpenExecution, parent_execution_id: str | None, span: Span) -> None:
        self._client = client
        self._record = record
        self._span = span
        shared = {
            s.EXECUTION_ID: record.execution_id,
            s.CORRELATION_ID: record.correlation_id,
            s.PARENT_EXECUTION_ID: parent_execution_id,
            s.GEN_AI_AGENT_NAME: record.agent_name,
            s.SESSION_ID: record.session_id,
            s.PROJECT: record.project,
        }
        self._shared = otlp_json.key_values({key: value for key, value in shared.items() if value})

    def send(
        self,
        name: str,
        body: str,
        attributes: dict[str, Value],
        *,
        time_ns: int,
        event_id: uuid.UUID | None = None,
        severity: int = otlp_json.SEVERITY_INFO,
        on_span: bool = False,
        durable: bool = False,
    ) -> None:
        """Hand over one event. `on_span`: the execution's span carries it too, under the same event id."""
        identified: dict[str, Value] = {s.EVENT_ID: str(event_id or self._client.new_uuid()), **attributes}
        kept = redaction.clean(identified, self._client.settings.capture)
        record = otlp_json.LogRecord(
            event_name=name,
            time_ns=time_ns,
            severity=severity,
            body=body,
            attributes=f"{self._shared},{otlp_json.key_values(kept)}",
            trace_id=self._record.trace_id,
            span_id=self._record.span_id,
            flags=self._record.trace_flags,
        )
        self._client.events.emit(record, durable=durable)
        if on_span:
            self._span.add_event(name, kept, time_ns)
