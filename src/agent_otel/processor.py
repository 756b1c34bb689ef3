"""The span processor of agent-otel: ended spans go to the courier; nothing is dropped, nothing waits for a network."""

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from agent_otel.courier import Courier
from agent_otel.guard import swallow


class SpoolSpanProcessor(SpanProcessor):
    """Takes every sampled span of its provider."""

    def __init__(self, courier: Courier[ReadableSpan]) -> None:
        self._courier = courier
        self._retired = False

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span."""
        try:
            context = span.context
            if context is not None and context.trace_flags.sampled and not self._retired:
                self._courier.add_span(span)
        except Exception as error:
            if not swallow("taking an ended span", error):
                raise

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Whether everything of this process was acknowledged by the receiver."""
        return self._courier.flush(timeout_millis / 1_000).spooled == 0

    def shutdown(self) -> None:
        """Deliver for a moment, then leave the rest in the spool."""
        self._courier.close()

    def retire(self) -> None:
        """Take no more spans: the provider cannot be told to forget a processor."""
        self._retired = True
