"""The frame of a request: what protobuf would find in it, without decoding what it holds."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.errors import MalformedRequestError, RequestTooLargeError
from agent_otel.exporter.envelope import RawItem, decode, most_items, wrap

_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
_BYTES = st.one_of(st.binary(max_size=20), st.binary(min_size=120, max_size=140))
_RAW = st.builds(RawItem, *[_BYTES] * 5)


def _frame() -> Any:
    """The same frame as a protobuf message with everything inside it as bytes: the reference to compare with."""
    file = descriptor_pb2.FileDescriptorProto(name="frame.proto", package="frame", syntax="proto3")
    kinds = {
        "Scope": (("scope", 1, ""), ("items", 2, "*"), ("url", 3, "")),
        "Group": (("resource", 1, ""), ("scopes", 2, "Scope"), ("url", 3, "")),
        "Request": (("groups", 1, "Group"),),
    }
    for name, fields in kinds.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(
                name=field,
                number=number,
                type=descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
                label=_REPEATED if kind else _OPTIONAL,
            )
            if kind in kinds:
                added.type, added.type_name = added.TYPE_MESSAGE, f".frame.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("frame.Request"))


_FRAME = _frame()
_SCOPE_GROUPS = st.fixed_dictionaries({"scope": _BYTES, "items": st.lists(_BYTES, max_size=3), "url": _BYTES})
_GROUPS = st.fixed_dictionaries({"resource": _BYTES, "scopes": st.lists(_SCOPE_GROUPS, max_size=3), "url": _BYTES})
_BODIES = st.lists(_GROUPS, max_size=3).map(lambda groups: _FRAME(groups=groups).SerializeToString())


def _reference(body: bytes) -> list[RawItem]:
    return [
        RawItem(item, group.resource, scope.scope, group.url, scope.url)
        for group in _FRAME.FromString(body).groups
        for scope in group.scopes
        for item in scope.items
    ]


@given(_BODIES)
def test_items_are_those_that_protobuf_finds(body: bytes) -> None:
    """Every item of a random request comes out with its resource, scope and schema URLs, in order, byte for byte."""
    assert decode(body) == _reference(body)


@given(_BODIES, st.data())
def test_damage_is_refused_or_read_as_protobuf_reads_it(body: bytes, data: st.DataObject) -> None:
    """After random damage nothing is found that protobuf does not find, and nothing but the one error is raised."""
    damaged = bytearray(body or b"\x0a\x00")
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        found = decode(bytes(damaged))
    except MalformedRequestError:
        return
    # A resource that occurs twice is merged here, while the reference, which has it as bytes, takes the last.
    shape = [(item.raw, item.resource_schema_url, item.scope_schema_url) for item in found]
    assert shape == [(item.raw, item.resource_schema_url, item.scope_schema_url) for item in _reference(bytes(damaged))]


@given(_RAW)
def test_a_wrapped_item_is_a_request_of_it_alone(item: RawItem) -> None:
    """decode is the inverse of wrap, whatever the bytes."""
    assert decode(wrap(item)) == [item]


def test_traces_and_logs_have_this_frame() -> None:
    """Requests of both signals are walked by the same numbers."""
    traces = ExportTraceServiceRequest()
    group = traces.resource_spans.add(schema_url="r", resource=Resource(attributes=[KeyValue(key="a")]))
    group.scope_spans.add(schema_url="s", scope=InstrumentationScope(name="n")).spans.add(name="x" * 200)
    (item,) = decode(traces.SerializeToString())
    assert Span.FromString(item.raw) == group.scope_spans[0].spans[0]
    assert (Resource.FromString(item.resource), item.resource_schema_url) == (group.resource, b"r")
    assert InstrumentationScope.FromString(item.scope) == group.scope_spans[0].scope
    request = ExportLogsServiceRequest()
    request.resource_logs.add(schema_url="r").scope_logs.add(schema_url="s").log_records.add(event_name="e")
    (item,) = decode(request.SerializeToString())
    assert (item.resource_schema_url, item.scope_schema_url) == (b"r", b"s")
    assert wrap(item) == request.SerializeToString()


def test_a_resource_in_two_parts_is_merged() -> None:
    """Protobuf merges a message field that occurs twice; both halves count, also when they come after the items."""
    first, second = (Resource(attributes=[KeyValue(key=key)]).SerializeToString() for key in "ab")
    group = _field(1, first) + _field(2, _field(2, b"span")) + _field(1, second)
    assert decode(_field(1, group)) == [RawItem(b"span", first + second, b"", b"", b"")]


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def test_unknown_fields_are_skipped() -> None:
    """A newer sender's fields, of every wire type, cost nothing."""
    item = RawItem(b"span", b"", b"", b"", b"")
    unknown = b"\x20\x96\x01" + b"\x29" + bytes(8) + b"\x32\x02hi" + b"\x3d" + bytes(4) + b"\xc2\x3e\x00"
    assert decode(unknown + wrap(item) + unknown) == [item]


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05",
        b"\x0a\x02\x12\x05",
        b"\x0a\x04\x12\x02\x12\x05",
        b"\x0b",
        b"\x02\x00",
        b"\xff" * 11,
        b"\x0a\x05\x12\x03\x92\x00\x00",
    ],
    ids=["cut", "too long", "group", "item", "group type", "number 0", "endless varint", "tag with spare bytes"],
)
def test_what_is_not_protobuf_is_malformed(body: bytes) -> None:
    """Lengths beyond their message, unknown wire types and endless varints are refused."""
    with pytest.raises(MalformedRequestError, match="not an OTLP export request"):
        decode(body)


def test_items_are_counted_before_they_are_kept() -> None:
    """At the limit all is taken; one more is refused."""
    item = RawItem(b"", b"", b"", b"", b"")
    body = _field(1, _field(2, b"\x12\x00" * 5))
    assert decode(body, max_items=5) == [item] * 5
    with pytest.raises(RequestTooLargeError, match="more than 4 items"):
        decode(body, max_items=4)


def test_empty_groups_are_limited_too() -> None:
    """A body of nothing but empty groups cannot take more memory than one of items."""
    assert decode(b"\x0a\x00" * 10, max_items=5) == []
    with pytest.raises(RequestTooLargeError, match="more parts"):
        decode(b"\x0a\x00" * 11, max_items=5)


@pytest.mark.parametrize(
    ("size", "most"), [(0, 10_000), (23, 10_000), (24, 10_001), (24 * 990_000, 1_000_000), (10**9, 1_000_000)]
)
def test_the_items_of_a_request_are_limited_by_its_size(size: int, most: int) -> None:
    """Ten thousand may be of any size; above that there is one for every 24 bytes, up to the limit."""
    assert most_items(size, 1_000_000) == most
    assert most_items(size, 5) == 5
