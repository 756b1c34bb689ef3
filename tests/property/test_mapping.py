"""OTLP to rows and back, for any input: the pure half, without a database."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.store.rows import Batch
from tests.fixtures import otlp_strategies as otlp


def canonical(message: Span | LogRecord | Resource | InstrumentationScope) -> bytes:
    """What two records share that differ in nothing but the order of attributes and an empty status."""
    encoded = message.SerializeToString()
    return Canonical(type(message).FromString(encoded), encoded).encoded


def mapped(span: Span, resource: Resource | None = None, scope: InstrumentationScope | None = None) -> Batch:
    """The batch of one span."""
    return map_spans([item(span, resource, scope)])


def item(
    record: Span | LogRecord, resource: Resource | None = None, scope: InstrumentationScope | None = None
) -> RawItem:
    """A record as it comes out of a request."""
    return RawItem(
        record.SerializeToString(),
        (resource or Resource()).SerializeToString(),
        (scope or InstrumentationScope()).SerializeToString(),
        b"",
        b"",
    )


def columns(row: Any, *json_columns: str) -> dict[str, Any]:
    """A row by column name, with its JSON decoded as jsonb would give it back."""
    values = row._asdict()
    for name in json_columns:
        if values[name] is not None:
            values[name] = json.loads(values[name], parse_float=_jsonb_number)
    return dict(values)


def _jsonb_number(text: str) -> float | int:
    """A JSON number with a point or exponent after jsonb: numeric keeps the digits, no exponent and no -0."""
    plain = format(Decimal(text), "f")
    return float(plain.removeprefix("-") if not Decimal(plain) else plain) if "." in plain else int(plain)


@given(otlp.SPANS)
def test_a_span_comes_back_as_it_was(span: Span) -> None:
    """Whatever a span carries is rebuilt from its row, attribute order aside."""
    (spanned,) = mapped(span).spans
    rebuilt = rebuild.span(columns(spanned.row, "attributes", "content", "events", "links"))
    assert canonical(rebuilt) == canonical(span)


@given(otlp.LOG_RECORDS)
def test_a_log_record_comes_back_as_it_was(record: LogRecord) -> None:
    """Whatever a log record carries is rebuilt from its row, attribute order aside."""
    (event,) = map_logs([item(record)]).events
    values = columns(event.row, "attributes", "content", "body")
    rebuilt = rebuild.log_record({**values, "has_body": event.row.body is not None})
    assert canonical(rebuilt) == canonical(record)


@given(otlp.VALUES)
def test_any_value_comes_back_on_an_ordinary_span(value: AnyValue) -> None:
    """A value is rebuilt when nothing else on its span is odd, so that no other reason keeps the exact bytes."""
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=[KeyValue(key="k", value=value)])
    (spanned,) = mapped(span).spans
    rebuilt = rebuild.span(columns(spanned.row, "attributes", "content", "events", "links"))
    assert canonical(rebuilt) == canonical(span)


@given(otlp.PLAIN_SPANS)
def test_an_ordinary_span_comes_back_from_its_columns(span: Span) -> None:
    """A span without anything that JSON cannot hold keeps no exact bytes and is rebuilt from its columns."""
    (spanned,) = mapped(span).spans
    assert spanned.row.otlp is None
    rebuilt = rebuild.span(columns(spanned.row, "attributes", "content", "events", "links"))
    assert canonical(rebuilt) == canonical(span)


@given(otlp.PLAIN_LOG_RECORDS)
def test_an_ordinary_log_record_comes_back_from_its_columns(record: LogRecord) -> None:
    """Likewise for a log record."""
    (event,) = map_logs([item(record)]).events
    assert event.row.otlp is None
    values = columns(event.row, "attributes", "content", "body")
    rebuilt = rebuild.log_record({**values, "has_body": event.row.body is not None})
    assert canonical(rebuilt) == canonical(record)


@given(otlp.RESOURCES, otlp.SCOPES)
def test_resources_and_scopes_come_back_as_they_were(resource: Resource, scope: InstrumentationScope) -> None:
    """Whatever a resource and a scope carry is rebuilt from their rows."""
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8)
    batch = mapped(span, resource, scope)
    (resource_row,), (scope_row,) = batch.resources.values(), batch.scopes.values()
    assert canonical(rebuild.resource(columns(resource_row, "attributes"))) == canonical(resource)
    assert canonical(rebuild.scope(columns(scope_row, "attributes"))) == canonical(scope)


@given(otlp.SPANS, st.randoms(use_true_random=False))
def test_the_order_of_attributes_does_not_change_the_digest(span: Span, random: Any) -> None:
    """Two copies of a span that differ only in attribute order are one span, not a conflict."""
    keys = [pair.key for pair in span.attributes]
    if len(set(keys)) != len(keys):
        return
    shuffled = Span.FromString(span.SerializeToString())
    pairs = [KeyValue.FromString(pair.SerializeToString()) for pair in shuffled.attributes]
    random.shuffle(pairs)
    del shuffled.attributes[:]
    shuffled.attributes.extend(pairs)
    assert mapped(span).spans[0].row.digest == mapped(shuffled).spans[0].row.digest


@given(otlp.SPANS, otlp.ATTRIBUTES)
def test_a_changed_value_changes_the_digest(span: Span, attributes: list[KeyValue]) -> None:
    """A span whose content differs has another digest."""
    changed = Span.FromString(span.SerializeToString())
    changed.attributes.extend(attributes)
    changed.attributes.append(KeyValue(key="the one more"))
    assert mapped(span).spans[0].row.digest != mapped(changed).spans[0].row.digest


@given(st.binary(max_size=200))
def test_any_bytes_are_a_row_or_in_quarantine(raw: bytes) -> None:
    """No bytes raise, and none disappear."""
    batch = map_spans([RawItem(raw, b"", b"", b"", b"")])
    assert len(batch.spans) + len(batch.quarantine) == 1
    logs = map_logs([RawItem(raw, b"", b"", b"", b"")])
    assert len(logs.events) + len(logs.quarantine) == 1
