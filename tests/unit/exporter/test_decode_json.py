"""OTLP/JSON: the same items as from protobuf, and a value that is wrong costs only the item it stands in."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from agent_otel.exporter.decode_json import decode
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.refusals import Refusals
from agent_otel.exporter.signals import LOGS, TRACES, Signal
from tests.fixtures.otlp_strategies import LOG_RECORDS, RESOURCES, SCOPES, SPANS
from tests.unit.exporter.otlp_json_encoder import Spelling

_URLS = st.sampled_from(["", "https://opentelemetry.io/schemas/1.41.0", "é😀"])
_TRACE = "5b8efff798038103d269b633813fc60c"


class Read:
    """A body decoded, with what was refused of it."""

    def __init__(self, body: bytes, signal: Signal = TRACES, max_items: int = 1000) -> None:
        self.refusals = Refusals(signal.name, body, 2**20)
        self.items = decode(body, signal, self.refusals, max_items)
        self.kept = self.refusals.take()


def spans(*texts: str, resource: str = "{}") -> bytes:
    """A request whose spans are these texts."""
    return f'{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"spans":[{",".join(texts)}]}}]}}]}}'.encode()


def read_span(**fields: Any) -> Span:
    """The span that these JSON fields make; it must not be refused."""
    (item,) = Read(spans(json.dumps(fields))).items
    return Span.FromString(item.raw)


def read_value(value: Any) -> AnyValue:
    """The attribute value that this JSON makes."""
    return read_span(attributes=[{"key": "k", "value": value}]).attributes[0].value


def refusal(text: str) -> str:
    """Why a span of this text is refused."""
    read = Read(spans(text))
    assert read.items == []
    return read.kept[0].reason


@given(st.integers(), SPANS, RESOURCES, SCOPES, _URLS)
def test_spans_lose_nothing(seed: int, span: Span, resource: Resource, scope: Any, url: str) -> None:
    """A random span with its resource and scope, in any allowed spelling, is the same span again."""
    for message in (span, resource, scope):
        _canonical(message)
    group = ResourceSpans(resource=resource, schema_url=url)
    group.scope_spans.append(ScopeSpans(scope=scope, spans=[span], schema_url=url))
    _check(seed, TRACES, group, span)


@given(st.integers(), LOG_RECORDS, RESOURCES, SCOPES, _URLS)
def test_log_records_lose_nothing(seed: int, record: LogRecord, resource: Resource, scope: Any, url: str) -> None:
    """A random log record with its resource and scope, in any allowed spelling, is the same record again."""
    for message in (record, resource, scope):
        _canonical(message)
    group = ResourceLogs(resource=resource, schema_url=url)
    group.scope_logs.append(ScopeLogs(scope=scope, log_records=[record], schema_url=url))
    _check(seed, LOGS, group, record)


def _check(seed: int, signal: Signal, group: Any, item: Any) -> None:
    scope_group = (group.scope_spans if signal is TRACES else group.scope_logs)[0]
    body = f'{{"{signal.keys[0]}": [{Spelling(seed).json(group)}]}}'.encode()
    read = Read(body, signal)
    assert read.kept == []
    assert read.items == [
        RawItem(
            item.SerializeToString(),
            group.resource.SerializeToString(),
            scope_group.scope.SerializeToString(),
            group.schema_url.encode(),
            scope_group.schema_url.encode(),
        )
    ]


def _canonical(message: Any) -> None:
    """Make every NaN the one that JSON can name."""
    for field, value in message.ListFields():
        for member in value if field.is_repeated else [value]:
            if field.message_type is not None:
                _canonical(member)
            elif isinstance(member, float) and math.isnan(member):
                message.double_value = math.nan


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": 5}, AnyValue(int_value=5)),
        ({"intValue": "-9223372036854775808"}, AnyValue(int_value=-(2**63))),
        ({"int_value": 5.0}, AnyValue(int_value=5)),
        ({"doubleValue": 1}, AnyValue(double_value=1.0)),
        ({"doubleValue": "1e3"}, AnyValue(double_value=1000.0)),
        ({"doubleValue": "-Infinity"}, AnyValue(double_value=-math.inf)),
        ({"bytesValue": "_-8"}, AnyValue(bytes_value=b"\xff\xef")),
        ({"bytesValue": "/+8="}, AnyValue(bytes_value=b"\xff\xef")),
        ({"stringValue": ""}, AnyValue(string_value="")),
        ({"arrayValue": {}}, AnyValue(array_value=ArrayValue())),
        ({"kvlistValue": {"values": []}}, AnyValue(kvlist_value=KeyValueList())),
        ({"stringValue": None}, AnyValue()),
        ({"newKind": 1}, AnyValue()),
        ({}, AnyValue()),
    ],
)
def test_values(value: Any, expected: AnyValue) -> None:
    """Numbers as numbers or strings, base64 of both alphabets, null as absent, unknown fields ignored."""
    read = read_value(value)
    assert (read, read.WhichOneof("value")) == (expected, expected.WhichOneof("value"))


def test_enums_are_numbers_or_names() -> None:
    """2, "2" and "SPAN_KIND_SERVER" are the same kind; a number that is not known yet is kept."""
    assert {read_span(kind=kind).kind for kind in (2, "2", "SPAN_KIND_SERVER")} == {2}
    assert read_span(kind=77).kind == 77
    assert read_span(status={"code": "STATUS_CODE_ERROR"}).status.code == 2


def test_the_specification_s_example() -> None:
    """Upper-case hex ids and nanoseconds as strings, as in the OTLP repository's trace.json."""
    span = read_span(
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="EEE19B7EC3C1B174",
        parentSpanId="EEE19B7EC3C1B173",
        name="I'm a server span",
        startTimeUnixNano="1544712660000000000",
        endTimeUnixNano="1544712661000000000",
        kind=2,
        attributes=[{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
    )
    assert span.trace_id.hex() == _TRACE
    assert (span.span_id.hex(), span.parent_span_id.hex()) == ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1544712660000000000, 1544712661000000000)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"traceId":"zz"}', "span.traceId"),
        ('{"traceId":"5b 8e"}', "span.traceId"),
        ('{"spanId":"abc"}', "span.spanId"),
        ('{"spanId":5}', "span.spanId"),
        ('{"name":5}', "span.name"),
        ('{"kind":"NO_KIND"}', "span.kind"),
        ('{"kind":true}', "span.kind"),
        ('{"startTimeUnixNano":"18446744073709551616"}', "span.startTimeUnixNano"),
        ('{"startTimeUnixNano":-1}', "span.startTimeUnixNano"),
        ('{"startTimeUnixNano":1.5}', "span.startTimeUnixNano"),
        ('{"flags":4294967296}', "span.flags"),
        ('{"flags":" 1"}', "span.flags"),
        ('{"flags":"1_0"}', "span.flags"),
        ('{"attributes":{}}', "span.attributes"),
        ('{"attributes":[null]}', "span.attributes[0]"),
        ('{"attributes":[{"key":"a","value":"x"}]}', "span.attributes[0].value"),
        ('{"attributes":[{},{"value":{"intValue":"9223372036854775808"}}]}', "span.attributes[1].value.intValue"),
        ('{"attributes":[{"value":{"intValue":1,"stringValue":"a"}}]}', "span.attributes[0].value.stringValue"),
        ('{"attributes":[{"value":{"doubleValue":"one"}}]}', "span.attributes[0].value.doubleValue"),
        ('{"attributes":[{"value":{"doubleValue":true}}]}', "span.attributes[0].value.doubleValue"),
        ('{"attributes":[{"value":{"boolValue":"true"}}]}', "span.attributes[0].value.boolValue"),
        ('{"attributes":[{"value":{"bytesValue":"*"}}]}', "span.attributes[0].value.bytesValue"),
        ('{"status":[]}', "span.status"),
        ('{"events":[{"name":1}]}', "span.events[0].name"),
        ("5", "span"),
        ('"text"', "span"),
        ("null", "span"),
        ("[]", "span"),
        ('{"name":"a",}', "span: not JSON"),
        ('{"attributes":[{"value":{"doubleValue":1e999}}]}', "span: 1e999"),
        ('{"flags":' + "9" * 5000 + "}", "span: "),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "span: nested too deeply"),
    ],
)
def test_a_wrong_value_names_its_field(text: str, field: str) -> None:
    """The reason begins with the path of the field; the neighbours are read, the sender's text is kept."""
    good = f'{{"traceId":"{_TRACE}"}}'
    read = Read(spans(good, text, good))
    assert [Span.FromString(item.raw).trace_id.hex() for item in read.items] == [_TRACE] * 2
    (row,) = read.kept
    assert row.reason.startswith(field)
    assert read.refusals.total == 1
    assert text.encode() in row.raw
    assert refusal_of(row.raw) == row.reason


def refusal_of(raw: bytes) -> str:
    """Why a kept request is refused when it is sent again."""
    read = Read(raw)
    assert read.items == []
    return read.kept[0].reason


def test_values_nested_too_deeply_are_refused() -> None:
    """24 levels of values pass, 25 do not."""

    def nested(levels: int) -> str:
        value: Any = {"intValue": 1}
        for _ in range(levels - 1):
            value = {"arrayValue": {"values": [value]}}
        return json.dumps({"attributes": [{"key": "k", "value": value}]})

    assert len(Read(spans(nested(24))).items) == 1
    assert "nested deeper than 24 levels" in refusal(nested(25))


@pytest.mark.parametrize(
    "name",
    [b"\\ud800 x", b"x \\udfff", b"\xff", b"\xed\xa0\x80"],
    ids=["high", "low", "not UTF-8", "encoded surrogate"],
)
def test_text_that_is_not_unicode_is_stored_with_replacements(name: bytes) -> None:
    """The span is stored with U+FFFD in place; the bytes as they came are kept, with the field; nothing is refused."""
    read = Read(spans('{"name":"@"}', '{"name":"good"}').replace(b"@", name))
    first, second = (Span.FromString(item.raw).name for item in read.items)
    assert "�" in first
    assert second == "good"
    (row,) = read.kept
    assert row.reason == "altered: text that is not Unicode, replaced by U+FFFD: span.name"
    assert name in row.raw
    assert b"good" not in row.raw
    assert read.refusals.total == 0


def test_a_surrogate_pair_is_one_character() -> None:
    """What JSON escapes in two halves is not damage."""
    assert read_span(name="\U0001f600").name == "\U0001f600"
    assert Read(spans('{"name":"\\ud83d\\ude00"}')).kept == []


def test_altered_resources_are_kept_once() -> None:
    """All spans of an altered resource are stored; the original is kept with the first of them."""
    resource = '{"attributes":[{"key":"a","value":{"stringValue":"\\ud800"}}]}'
    read = Read(spans("{}", "{}", "{}", resource=resource))
    assert (len(read.items), len(read.kept), read.refusals.total) == (3, 1, 0)


def test_a_wrong_resource_refuses_its_spans() -> None:
    """The reason names the resource's field, for each span."""
    read = Read(spans("{}", "{}", resource='{"attributes":5}'))
    assert read.items == []
    assert {row.reason for row in read.kept} == {"resource.attributes: must be an array"}
    assert read.refusals.total == 2
