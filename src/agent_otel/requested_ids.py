"""An id generator that hands out the ids that agent-otel asks for and otherwise asks the provider's own."""

from contextvars import ContextVar
from typing import NamedTuple

from opentelemetry.sdk.trace.id_generator import IdGenerator


class Request(NamedTuple):
    """The ids that the next span of this context shall have; None leaves one to the provider's generator."""

    trace_id: int | None
    span_id: int | None
    random_trace_id: bool


class RequestedIds(IdGenerator):
    """Wraps the provider's generator. The SDK asks for trace id, randomness and span id, in that order."""

    def __init__(self, original: IdGenerator) -> None:
        self.original = original
        self._request: ContextVar[Request | None] = ContextVar("agent_otel_requested_ids", default=None)

    def request(self, trace_id: int | None, span_id: int | None, *, random_trace_id: bool) -> None:
        """Ask for ids for the span that is started next, in this context, by the caller."""
        self._request.set(Request(trace_id, span_id, random_trace_id))

    def withdraw(self) -> None:
        """Forget a request that no span took."""
        self._request.set(None)

    def generate_trace_id(self) -> int:
        """The requested trace id, else one of the provider's generator."""
        request = self._request.get()
        return self.original.generate_trace_id() if request is None or request.trace_id is None else request.trace_id

    def is_trace_id_random(self) -> bool:
        """W3C Trace Context level 2: whether the last seven bytes of the trace id are random."""
        request = self._request.get()
        if request is None or request.trace_id is None:
            return self.original.is_trace_id_random()
        return request.random_trace_id

    def generate_span_id(self) -> int:
        """The requested span id, else one of the provider's generator. A request holds for one span."""
        request = self._request.get()
        if request is None:
            return self.original.generate_span_id()
        self._request.set(None)
        return self.original.generate_span_id() if request.span_id is None else request.span_id
