"""The end of an execution: its completion event, the claim to send its span, the span."""

import uuid

from opentelemetry.trace import StatusCode, TraceFlags

from agent_otel import ids, redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.execution_start import Started


def finish(running: Started, final: dict[str, Value], verdict: dict[str, Value], ended: int) -> None:
    """Send the end. `final` is what is only known now; `ended` in ns is the end of the span and of the event alike.

    `verdict`: the last one given, for who searches spans; what is told of it is an event of its own.

    The event goes first: it is in the spool when this returns. The span goes only from whoever closes the execution
    first, so that it exists once.
    """
    client, record, span = running.client, running.record, running.span
    client.running.pop(record.execution_id, None)
    if not client.enabled:
        return
    status = str(final[s.EXECUTION_STATUS])
    times: dict[str, Value] = {s.EXECUTION_START_NS: record.started_at, s.EXECUTION_END_NS: ended}
    running.events.send(
        s.EVENT_COMPLETED,
        f"{record.agent_name} ended: {status}",
        {**running.facts, **final, **times},
        time_ns=ended,
        event_id=ids.event_id(uuid.UUID(record.execution_id), s.EVENT_COMPLETED),
    )
    # Our processor claims the end in the background, where making a file costs the agent nothing.
    in_background = client.processor is not None and record.trace_flags & TraceFlags.SAMPLED
    if not in_background and not client.claim(record.execution_id):
        return
    span.set_attributes(redaction.clean({**final, **verdict}, client.settings.capture))
    if status == "error":
        message = str(final.get(s.ERROR_MESSAGE, ""))
        span.set_status(StatusCode.ERROR, redaction.error_text(message, client.settings.capture))
    span.end(ended)
