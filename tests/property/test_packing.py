"""COPY streams: packing by column gives what packing value by value gives."""

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.store import copy_format
from agent_otel.store.copy_format import HEADER, TRAILER, column_type, pack_events, pack_spans
from tests.fixtures import otlp_strategies as otlp

EPOCH_US = 946_684_800_000_000
NUMBERS = {"int2": "!ih", "int8": "!iq", "float8": "!id"}
NAMES = {int: "int", float: "float", str: "str", bytes: "bytes"}


def field(value: Any, kind: str) -> bytes:
    """One value as the format's description says."""
    if value is None:
        return struct.pack("!i", -1)
    if kind == "timestamptz":
        return struct.pack("!iq", 8, value - EPOCH_US)
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], struct.calcsize(NUMBERS[kind]) - 4, value)
    encoded: bytes = value.encode() if kind == "text" else b"\x01" * (kind == "jsonb") + value
    return struct.pack("!i", len(encoded)) + encoded


def stream(rows: list[Any], batch_id: int) -> bytes:
    """Rows one by one."""
    packed = HEADER
    for row in rows:
        packed += struct.pack("!h", len(row))
        for (name, annotation), value in zip(type(row).__annotations__.items(), row, strict=True):
            kind = column_type(name, NAMES.get(annotation, str(annotation)))
            packed += field(batch_id if name == "batch_id" else value, kind)
    return packed + TRAILER


def raw(record: Span | LogRecord) -> RawItem:
    """A record as it comes out of a request."""
    return RawItem(record.SerializeToString(), b"", b"", b"", b"")


@given(st.lists(otlp.SPANS | otlp.PLAIN_SPANS, max_size=5), st.integers(1, 2**63 - 1))
def test_spans_by_column_are_spans_by_row(spans: list[Span], batch_id: int) -> None:
    """Any rows, none included."""
    rows = [item.row for item in map_spans([raw(span) for span in spans]).spans]
    assert b"".join(pack_spans(rows, batch_id)) == stream(rows, batch_id)


@given(st.lists(otlp.LOG_RECORDS | otlp.PLAIN_LOG_RECORDS, max_size=5), st.integers(1, 2**63 - 1))
def test_events_by_column_are_events_by_row(records: list[LogRecord], batch_id: int) -> None:
    """Likewise for log records."""
    rows = [item.row for item in map_logs([raw(record) for record in records]).events]
    assert b"".join(pack_events(rows, batch_id)) == stream(rows, batch_id)


def test_more_rows_than_are_packed_at_once_are_all_there() -> None:
    """The last piece of a batch may be full, or hold one row."""
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="n")
    (item,) = map_spans([raw(span)]).spans
    for count in (copy_format._CHUNK, copy_format._CHUNK + 1):
        rows = [item.row._replace(span_id=number, cost_usd=-0.0 if number % 2 else 0.0) for number in range(count)]
        assert b"".join(pack_spans(rows, 7)) == stream(rows, 7)
