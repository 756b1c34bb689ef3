"""agent_otel.span_encoder and otlp_protobuf: byte for byte what OpenTelemetry's own encoder makes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import AnyValue

from agent_otel import otlp_protobuf
from agent_otel import semconv as s
from agent_otel.span_encoder import encode

TEXT = st.text(max_size=100)
KEYS = st.text(min_size=1, max_size=100)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=4)
BOUNDED = st.builds(lambda attributes: BoundedAttributes(attributes=attributes), ATTRIBUTES) | ATTRIBUTES
TIMES = st.integers(0, 2**64 - 1)
STATES = st.sampled_from([TraceState(), TraceState([("vendor", "value"), ("other", "x")])])
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(3)]),
)
RESOURCE = Resource({"service.name": "é", "n": 1}, "http://resource")
SCOPE = InstrumentationScope("scope", "1.0", "http://scope", {"a": True})
SPANS = st.builds(
    ReadableSpan,
    name=TEXT,
    context=st.builds(
        SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.just(False), trace_state=STATES
    ),
    parent=st.none() | CONTEXTS,
    resource=st.just(RESOURCE),
    attributes=BOUNDED,
    events=st.lists(st.builds(Event, TEXT, BOUNDED, TIMES), max_size=2),
    links=st.lists(st.builds(Link, CONTEXTS, ATTRIBUTES), max_size=2),
    kind=st.sampled_from(SpanKind),
    instrumentation_scope=st.just(SCOPE) | st.just(None),
    status=st.sampled_from([Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "é"), Status(StatusCode.ERROR)]),
    start_time=TIMES,
    end_time=TIMES,
)


@given(st.lists(SPANS, min_size=1, max_size=2))
def test_equals_the_otel_encoder(spans: Sequence[ReadableSpan]) -> None:
    """Every kind of value, event, link and status; several scopes; remembered attributes included."""
    assert encode(spans, "full") == encode_spans(spans).SerializeToString()


def test_more_attributes_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of attributes is bounded, and what was forgotten is encoded anew."""
    monkeypatch.setattr(otlp_protobuf, "MAX_REMEMBERED", 2)
    otlp_protobuf._remembered.clear()
    for number in [*range(9), *range(9)]:
        span = ReadableSpan("x", resource=RESOURCE, attributes={"key": f"value {number}"}, instrumentation_scope=SCOPE)
        assert ExportTraceServiceRequest.FromString(encode([span], "full")) is not None
    assert len(otlp_protobuf._remembered) <= 2


def test_equal_values_of_other_types() -> None:
    """True, 1 and 1.0 are equal in Python and three values in OTLP."""
    attributes: dict[str, AnyValue] = {"a": "1", "b": 1, "c": 1.0, "d": True}
    span = ReadableSpan("x", resource=RESOURCE, attributes=attributes, instrumentation_scope=SCOPE)
    (decoded,) = ExportTraceServiceRequest.FromString(encode([span], "full")).resource_spans[0].scope_spans[0].spans
    assert [pair.value.WhichOneof("value") for pair in decoded.attributes] == [
        "string_value",
        "int_value",
        "double_value",
        "bool_value",
    ]


def test_what_the_otel_encoder_loses() -> None:
    """Lone surrogates and integers beyond 64 bits become text; a link keeps its trace state."""
    linked = SpanContext(1, 2, True, trace_state=TraceState([("vendor", "value")]))
    span = ReadableSpan(
        "na\ud800me",
        SpanContext(1, 2, False),
        resource=RESOURCE,
        attributes={"bad": "\udfff", "big": 2**70},
        links=[Link(linked)],
        instrumentation_scope=SCOPE,
    )
    (decoded,) = ExportTraceServiceRequest.FromString(encode([span], "full")).resource_spans[0].scope_spans[0].spans
    assert decoded.name == "na\\ud800me"
    assert [pair.value.string_value for pair in decoded.attributes] == ["\\udfff", str(2**70)]
    assert decoded.links[0].trace_state == "vendor=value"


@pytest.mark.parametrize("mode", ["metadata", "minimal"])
def test_content_of_other_libraries(mode: str) -> None:
    """Spans that other libraries made lose their content too, in attributes, events and status."""
    span = ReadableSpan(
        "chat m",
        SpanContext(1, 2, False),
        resource=RESOURCE,
        attributes={s.GEN_AI_INPUT_MESSAGES: "SECRET", "kept": "yes"},
        events=[Event("exception", {s.EXCEPTION_MESSAGE: "MESSAGE", s.GEN_AI_OUTPUT_MESSAGES: "SECRET"}, 1)],
        status=Status(StatusCode.ERROR, "MESSAGE"),
        instrumentation_scope=SCOPE,
    )
    encoded = encode([span], "metadata" if mode == "metadata" else "minimal")
    assert b"SECRET" not in encoded
    assert b"yes" in encoded
    assert (b"MESSAGE" in encoded) is (mode == "metadata")
