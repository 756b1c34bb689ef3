"""agent_otel.otlp_json: a span written by hand is the protobuf message that was meant, as json_format reads it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from agent_otel.otlp_json import Span, key_values, resource_spans_frame, span, span_event, traces_request

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=9) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(st.text(max_size=9), VALUES, max_size=4)
TIMES = st.integers(0, 2**64 - 1)
TRACE_IDS = st.integers(1, 2**128 - 1)
SPAN_IDS = st.integers(1, 2**64 - 1)
EVENTS = st.lists(st.tuples(st.text(max_size=9), TIMES, ATTRIBUTES), max_size=3)
LINKS = st.lists(st.tuples(TRACE_IDS, SPAN_IDS, ATTRIBUTES), max_size=3)
FIELDS = st.fixed_dictionaries(
    {
        "name": st.text(max_size=9),
        "kind": st.integers(0, 5),
        "trace_id": TRACE_IDS,
        "span_id": SPAN_IDS,
        "parent_span_id": st.just(0) | SPAN_IDS,
        "start_ns": TIMES,
        "end_ns": TIMES,
        "attributes": ATTRIBUTES,
        "events": EVENTS,
        "links": LINKS,
        "status_code": st.integers(0, 2),
        "status_message": st.text(max_size=9),
        "flags": st.integers(0, 2**32 - 1),
        "trace_state": st.text(max_size=9),
    }
)


@given(st.lists(FIELDS, max_size=3), ATTRIBUTES, st.text(max_size=9), st.text(max_size=9))
def test_a_request_is_what_was_meant(
    spans: list[dict[str, Any]], resource: dict[str, Any], url: str, name: str
) -> None:
    """All fields of spans, resource and scope, over the whole range of each."""
    before, after = resource_spans_frame(resource, url, name, "1", f"{url}/scope")
    written = traces_request([f"{before}{','.join(as_json(fields) for fields in spans)}{after}".encode()] * 2)
    meant = ExportTraceServiceRequest()
    for _ in range(2):
        group = meant.resource_spans.add(schema_url=url)
        group.resource.attributes.extend(pairs(resource))
        scope = group.scope_spans.add(schema_url=f"{url}/scope")
        scope.scope.name, scope.scope.version = name, "1"
        scope.spans.extend(as_message(fields) for fields in spans)
    assert normal(read(written)) == normal(meant)


def as_json(fields: dict[str, Any]) -> str:
    """A span by our builder."""
    given = {
        **fields,
        "attributes": key_values(fields["attributes"]),
        "events": [span_event(name, time_ns, key_values(attributes)) for name, time_ns, attributes in fields["events"]],
        "links": [(trace_id, span_id, key_values(attributes)) for trace_id, span_id, attributes in fields["links"]],
    }
    return span(Span(**given))


def as_message(fields: dict[str, Any]) -> SpanMessage:
    """The same span as a protobuf message."""
    return SpanMessage(
        name=fields["name"],
        kind=fields["kind"],
        trace_id=fields["trace_id"].to_bytes(16),
        span_id=fields["span_id"].to_bytes(8),
        parent_span_id=fields["parent_span_id"].to_bytes(8) if fields["parent_span_id"] else b"",
        start_time_unix_nano=fields["start_ns"],
        end_time_unix_nano=fields["end_ns"],
        attributes=pairs(fields["attributes"]),
        events=[
            SpanMessage.Event(name=name, time_unix_nano=time_ns, attributes=pairs(attributes))
            for name, time_ns, attributes in fields["events"]
        ],
        links=[
            SpanMessage.Link(trace_id=trace_id.to_bytes(16), span_id=span_id.to_bytes(8), attributes=pairs(attributes))
            for trace_id, span_id, attributes in fields["links"]
        ],
        status=Status(code=fields["status_code"], message=fields["status_message"]),
        flags=fields["flags"],
        trace_state=fields["trace_state"],
    )


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as protobuf messages."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Any) -> AnyValue:
    """A value as a protobuf message."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=float("nan") if value != value else value)  # JSON knows one NaN
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))


def read(request: bytes) -> ExportTraceServiceRequest:
    """The request as protobuf's own JSON reader understands it, which wants ids in base64."""
    return json_format.ParseDict(json.loads(request, object_hook=_base64_ids), ExportTraceServiceRequest())


def normal(request: ExportTraceServiceRequest) -> bytes:
    """Bytes to compare by, because NaN is not equal to itself."""
    return request.SerializeToString(deterministic=True)


def _base64_ids(members: dict[str, Any]) -> dict[str, Any]:
    ids = {"traceId", "spanId", "parentSpanId"} & members.keys()
    return {**members, **{name: base64.b64encode(bytes.fromhex(members[name])).decode() for name in ids}}
