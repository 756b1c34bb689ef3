"""agent_otel.requested_ids: our ids for our spans, the provider's own for all others."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from agent_otel.requested_ids import RequestedIds


class Sevens(IdGenerator):
    """A host program's generator."""

    def generate_span_id(self) -> int:
        return 7

    def generate_trace_id(self) -> int:
        return 77


def test_request_holds_for_one_span() -> None:
    """The next span gets what was asked for, the one after what the provider makes."""
    ids = RequestedIds(Sevens())
    tracer = TracerProvider(id_generator=ids, shutdown_on_exit=False).get_tracer("x")
    ids.request(1, 2, random_trace_id=True)
    first, second = (tracer.start_span("x").get_span_context() for _ in range(2))
    assert (first.trace_id, first.span_id, int(first.trace_flags)) == (1, 2, 3)
    assert (second.trace_id, second.span_id, int(second.trace_flags)) == (77, 7, 1)


def test_partial_request() -> None:
    """Either id may be left to the provider."""
    ids = RequestedIds(Sevens())
    ids.request(None, 2, random_trace_id=True)
    assert (ids.generate_trace_id(), ids.is_trace_id_random(), ids.generate_span_id()) == (77, False, 2)
    ids.request(1, None, random_trace_id=False)
    assert (ids.generate_trace_id(), ids.is_trace_id_random(), ids.generate_span_id()) == (1, False, 7)


def test_withdrawn() -> None:
    """A request that no span took is gone."""
    ids = RequestedIds(Sevens())
    ids.request(1, 2, random_trace_id=True)
    ids.withdraw()
    assert (ids.generate_trace_id(), ids.generate_span_id()) == (77, 7)
