"""Spans whose values break naive exporters, at real doors on a real PostgreSQL.

Each is sent between two good neighbours. It is stored so that all of it comes back, or it is in quarantine with its
bytes and a reason; the neighbours are stored and the answer is OK in either case. Which rows of the research's tables
these tests stand for: tests/contract/test_hostile_table.py.
"""

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.store.reader import Reader
from tests.contract import numbered
from tests.contract.conftest import Exporter
from tests.contract.doors import DOORS, TRACES, Door

_OK = grpc.StatusCode.OK
#: Without compression: it changes nothing inside.
_PLAIN = tuple(door for door in DOORS if not door.name.endswith("-gzip"))
every_door = pytest.mark.parametrize("door", _PLAIN, ids=[door.name for door in _PLAIN])

Spoil = Callable[[Span], None]


def _set(**fields: Any) -> Spoil:
    def spoil(span: Span) -> None:
        for name, value in fields.items():
            setattr(span, name, value)

    return spoil


def _holds(*values: AnyValue, key: str = "k") -> Spoil:
    def spoil(span: Span) -> None:
        span.attributes.extend(KeyValue(key=key, value=value) for value in values)

    return spoil


def _nested(depth: int, *, lists: bool) -> AnyValue:
    value = AnyValue(string_value="deep")
    for _ in range(depth):
        if lists:
            value = AnyValue(array_value=ArrayValue(values=[value]))
        else:
            value = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=value)]))
    return value


def _no_value(span: Span) -> None:
    span.attributes.add(key="none")
    span.attributes.add(key="empty list").value.array_value.SetInParent()
    span.attributes.add(key="empty map").value.kvlist_value.SetInParent()
    span.attributes.add(key="bytes").value.bytes_value = b"\x00\xff"


def _many(span: Span) -> None:
    for number in range(1_000):
        span.events.add(name=f"event {number}", time_unix_nano=numbered.START_NS + number)
        span.links.add(trace_id=(number + 1).to_bytes(16), span_id=(number + 1).to_bytes(8))
        span.attributes.add(key=f"key {number}").value.int_value = number


_SQL = "'; DROP TABLE agent_otel.spans; -- \" $1 %s %(x)s {} \\"


def _looks_like_sql(span: Span) -> None:
    span.name = span.trace_state = span.status.message = _SQL
    span.attributes.add(key=_SQL).value.string_value = _SQL
    span.attributes.add(key="search_path").value.string_value = "pg_temp"
    span.events.add(name=_SQL, time_unix_nano=1)


#: What a span holds that must come back as it was.
STORED: dict[str, Spoil] = {
    "NUL in a name": _set(name="a\0b"),
    "NUL in a value": _holds(AnyValue(string_value="a\0b")),
    "NUL in a key": _holds(AnyValue(string_value="v"), key="k\0"),
    "a backslash and u0000": _holds(AnyValue(string_value="\\u0000")),
    "NaN and infinities": _holds(*(AnyValue(double_value=float(text)) for text in ("nan", "inf", "-inf"))),
    "minus zero, 1.0, 1e22": _holds(*(AnyValue(double_value=number) for number in (-0.0, 1.0, 1e22, 5e-324))),
    "largest integers": _holds(AnyValue(int_value=2**63 - 1), AnyValue(int_value=-(2**63))),
    "largest counts": _set(dropped_attributes_count=2**32 - 1, flags=2**32 - 1),
    "a key twice": _holds(AnyValue(int_value=1), AnyValue(int_value=2)),
    "24 maps deep": _holds(_nested(23, lists=False)),
    "24 lists deep": _holds(_nested(23, lists=True)),
    "no times": _set(start_time_unix_nano=0, end_time_unix_nano=0),
    "ends before it starts": _set(end_time_unix_nano=numbered.START_NS - 10**18),
    "the last nanosecond": _set(start_time_unix_nano=2**64 - 1, end_time_unix_nano=2**64 - 1),
    "year 2262": _set(start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63),
    "unknown kind": _set(kind=99),
    "no name": _set(name=""),
    "a long name": _set(name="n" * 20_000),
    "a long tool name": _holds(AnyValue(string_value="t" * 20_000), key="gen_ai.tool.name"),
    "values of no kind": _no_value,
    "thousands of parts": _many,
    "looks like SQL": _looks_like_sql,
}

#: What cannot be a row, and a word of the reason.
REFUSED: dict[str, tuple[Spoil, str]] = {
    "a trace id of zeros": (_set(trace_id=bytes(16)), "trace"),
    "no trace id": (_set(trace_id=b""), "trace"),
    "a span id of five bytes": (_set(span_id=b"five!"), "span"),
    "a span id of zeros": (_set(span_id=bytes(8)), "span"),
}


def send(exporter: Exporter, door: Door, spoil: Spoil) -> tuple[Span, Any]:
    """Send a spoilt span between two neighbours, which must be stored; the span and the answer."""
    trace = numbered.new_trace()
    request = numbered.traces(trace, "first", f"hostile {trace.hex()}", "last")
    span = request.resource_spans[0].scope_spans[0].spans[1]
    spoil(span)
    reply = door.send(exporter.addresses, TRACES, request.SerializeToString())
    assert reply.code is _OK
    assert {"first", "last"} <= set(numbered.stored_spans(exporter, trace))
    return span, reply


def stored(exporter: Exporter, span: Span) -> Span:
    """A span as it comes back."""
    with Reader(exporter.database_url) as reader:
        rows = reader.spans(uuid.UUID(bytes=span.trace_id))
        return next(rebuild.span(row) for row in rows if rebuild.span(row).span_id == span.span_id)


def _canonical(span: Span) -> bytes:
    encoded = span.SerializeToString()
    return Canonical(Span.FromString(encoded), encoded).encoded


@every_door
@pytest.mark.parametrize("spoil", STORED.values(), ids=STORED)
def test_it_is_stored_and_comes_back(exporter: Exporter, door: Door, spoil: Spoil) -> None:
    """Bit by bit, attribute order aside; nothing is said to be rejected."""
    span, reply = send(exporter, door, spoil)
    assert reply.rejected is None, reply.message
    assert _canonical(stored(exporter, span)) == _canonical(span)


@every_door
@pytest.mark.parametrize(("spoil", "reason"), REFUSED.values(), ids=REFUSED)
def test_it_is_in_quarantine_with_the_reason(exporter: Exporter, door: Door, spoil: Spoil, reason: str) -> None:
    """The answer counts it and says why."""
    span, reply = send(exporter, door, spoil)
    assert reply.rejected == 1
    assert reason in reply.message
    (kept,) = numbered.quarantined(exporter, span.name.encode())
    assert reason in kept[1]


@every_door
@pytest.mark.parametrize("lists", [True, False], ids=["lists", "maps"])
@pytest.mark.parametrize("depth", [25, 60, 300])
def test_deeper_nesting_costs_nothing_but_the_span(exporter: Exporter, door: Door, depth: int, *, lists: bool) -> None:
    """Beyond 24 levels a span is stored with its exact bytes, or it is in quarantine; protobuf itself stops before 100.

    A client library cannot even make some of these, so they are written by hand.
    """
    trace = numbered.new_trace()
    name = f"deep {trace.hex()}"
    request = numbered.traces(trace, "first", name, "last")
    if door.name == "json":
        reply = door.send_raw(exporter.addresses, TRACES, _deep_json(trace, name, depth, lists=lists))
    else:
        body = _deep_protobuf(request, depth, lists=lists)
        reply = door.send_raw(exporter.addresses, TRACES, body)
    assert reply.code is _OK
    names = numbered.stored_spans(exporter, trace)
    assert {"first", "last"} <= set(names)
    assert (name in names) == (reply.rejected is None)
    assert bool(numbered.quarantined(exporter, name.encode())) == (reply.rejected == 1)


def _field(number: int, value: bytes) -> bytes:
    length, size = bytearray(), len(value)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + value


def _deep_protobuf(request: Any, depth: int, *, lists: bool) -> bytes:
    value = _field(1, b"deep")
    for _ in range(depth):
        # AnyValue.array_value is field 5 with values in 1, kvlist_value is 6 with key-values in 1, their value in 2.
        value = _field(5, _field(1, value)) if lists else _field(6, _field(1, _field(1, b"k") + _field(2, value)))
    attribute = _field(9, _field(1, b"k") + _field(2, value))
    spans = [span.SerializeToString() for span in request.resource_spans[0].scope_spans[0].spans]
    spans[1] += attribute
    return _field(1, _field(2, b"".join(_field(2, span) for span in spans)))


def _deep_json(trace: bytes, name: str, depth: int, *, lists: bool) -> bytes:
    before, after = (
        ('{"arrayValue":{"values":[', "]}}") if lists else ('{"kvlistValue":{"values":[{"key":"k","value":', "}]}}")
    )
    value = before * depth + '{"stringValue":"deep"}' + after * depth
    spans = [
        f'{{"traceId":"{trace.hex()}","spanId":"{number:016x}","name":"{each}","attributes":[{attribute}]}}'
        for number, each, attribute in (
            (1, "first", ""),
            (2, name, f'{{"key":"k","value":{value}}}'),
            (3, "last", ""),
        )
    ]
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{",".join(spans)}]}}]}}]}}'.encode()


@pytest.mark.parametrize(
    "member",
    [
        '"attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]',
        '"attributes":[{"key":"k","value":{"intValue":18446744073709551616}}]',
        '"attributes":[{"key":"k","value":{"doubleValue":1e400}}]',
        '"attributes":[{"key":"k","value":{"doubleValue":"1e131073"}}]',
        '"startTimeUnixNano":"18446744073709551616"',
        '"startTimeUnixNano":-1',
        '"traceId":"AAAAAAAAAAAAAAAAAAAAAA=="',
        '"kind":"SPAN_KIND_OF_TOMORROW"',
        '"attributes":{"k":"v"}',
    ],
)
def test_json_that_no_protobuf_can_say_is_in_quarantine(exporter: Exporter, member: str) -> None:
    """Numbers beyond their type, ids in base64, wrong shapes: that span alone is refused, with the field's name."""
    trace = numbered.new_trace()
    name = f"beyond {trace.hex()}"
    body = (
        f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace.hex()}","spanId":"{1:016x}","name":"good"}},'
        f'{{"spanId":"{2:016x}","name":"{name}",{member}}}]}}]}}]}}'
    )
    json_door = next(door for door in DOORS if door.name == "json")
    reply = json_door.send_raw(exporter.addresses, TRACES, body.encode())
    assert (reply.code, reply.rejected) == (_OK, 1)
    # A number beyond a double is found before anybody knows which field it is in.
    assert member.split('"')[1] in reply.message or "range of a double" in reply.message
    assert numbered.stored_spans(exporter, trace) == ["good"]
    assert len(numbered.quarantined(exporter, name.encode())) == 1


def test_nothing_that_looks_like_sql_changed_the_schema(exporter: Exporter) -> None:
    """The tables are those of a fresh database, and searching for the text finds it as text."""
    count = (
        "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'agent_otel'::regnamespace AND relkind IN ('r', 'v')"
    )
    views = "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'agent_otel'::regnamespace AND relkind = 'v'"
    before = exporter.query(views)
    span, _ = send(exporter, _PLAIN[0], _looks_like_sql)
    assert exporter.query(views) == before
    assert exporter.query(count)[0][0] > 0
    assert exporter.query(
        "SELECT name FROM spans WHERE name = %s AND trace_id = %s", _SQL, uuid.UUID(bytes=span.trace_id)
    ) == [(_SQL,)]
