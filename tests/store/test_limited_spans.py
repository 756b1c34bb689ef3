"""Spans beyond the limits of one record, through PostgreSQL and back."""

import uuid
from contextlib import closing

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv
from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.connection import connect
from agent_otel.store.reader import Reader
from agent_otel.store.writer import Writer

MIB = 1024 * 1024


def test_a_limited_span_comes_back_whole(database_url: str) -> None:
    """Its columns hold what the limits leave, its exact bytes the rest; content of megabytes is a column."""
    trace_id = uuid.uuid4()
    many = {f"key.{number:04}": number for number in range(1_500)}
    texts = {"note": "é" * MIB, semconv.GEN_AI_AGENT_NAME: "a" * MIB, semconv.GEN_AI_INPUT_MESSAGES: "p" * 4 * MIB}
    span = Span(
        trace_id=trace_id.bytes,
        span_id=b"s" * 8,
        name="n" * MIB,
        attributes=to_attributes({**texts, **many}),
        events=[Span.Event(name=str(number)) for number in range(1_030)],
        links=[Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8)] * 1_030,
    )
    with closing(Writer(database_url)) as writer, Reader(database_url) as reader:
        assert writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")])).spans == 1
        (row,) = reader.spans(trace_id)
    raw = span.SerializeToString()
    assert Canonical(rebuild.span(row), raw).encoded == Canonical(Span.FromString(raw), raw).encoded
    with connect(database_url, application="test") as connection:
        shown = connection.execute(
            "SELECT length(name), length(agent_name), length(attributes ->> 'note'), length(content ->> %s),"
            " jsonb_array_length(events), jsonb_array_length(links), attributes ? 'key.1022', attributes ? 'key.1023'"
            " FROM spans WHERE trace_id = %s AND otlp IS NOT NULL",
            [semconv.GEN_AI_INPUT_MESSAGES, trace_id],
        ).fetchone()
    assert shown == (64 * 1024, 8 * 1024, 32 * 1024, 4 * MIB, 1_024, 1_024, True, False)
