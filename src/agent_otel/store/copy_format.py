"""Rows in PostgreSQL's binary COPY format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format")."""

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from agent_otel.store.rows import EventRow, SpanRow

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"

#: timestamptz is sent as µs since 2000-01-01; our rows hold µs since 1970-01-01.
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_NULL: Final = b"\xff\xff\xff\xff"
_JSONB_VERSION: Final = b"\x01"

_length: Final = struct.Struct("!i").pack
_int2: Final = struct.Struct("!ih").pack
_int8: Final = struct.Struct("!iq").pack
_float8: Final = struct.Struct("!id").pack

Encode = Callable[[Any], bytes]


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


_ENCODERS: Final[dict[str, Encode]] = {
    "int2": lambda value: _int2(2, value),
    "int8": lambda value: _int8(8, value),
    "float8": lambda value: _float8(8, value),
    "timestamptz": lambda value: _int8(8, value - _POSTGRES_EPOCH_US),
    "uuid": _bytes,
    "bytea": _bytes,
    "text": lambda value: _bytes(value.encode()),
    "jsonb": lambda value: _length(len(value) + 1) + _JSONB_VERSION + value,
}

_UUIDS: Final = {"trace_id", "execution_id", "event_id"}
_TIMES: Final = {"start_time", "end_time", "time", "event_time", "observed_time"}
_SMALL: Final = {"kind", "status_code", "severity_number"}
_JSON: Final = {"attributes", "content", "events", "links", "body"}


def column_type(name: str, annotation: str) -> str:
    """The PostgreSQL type of a row's field."""
    if name in _UUIDS:
        return "uuid"
    if name in _TIMES:
        return "timestamptz"
    if name in _JSON:
        return "jsonb"
    if name in _SMALL or name.endswith("_ns"):
        return "int2"
    return {"int": "int8", "float": "float8", "str": "text", "bytes": "bytea"}[annotation.split(" |", maxsplit=1)[0]]


def _encoders(row: type[SpanRow] | type[EventRow]) -> list[Encode]:
    names = {int: "int", float: "float", str: "str", bytes: "bytes"}
    types = [(name, names.get(kind, str(kind))) for name, kind in row.__annotations__.items()]
    return [_ENCODERS[column_type(name, annotation)] for name, annotation in types]


_SPAN: Final = _encoders(SpanRow)
_EVENT: Final = _encoders(EventRow)


_SPAN_BATCH: Final = SpanRow._fields.index("batch_id")
_EVENT_BATCH: Final = EventRow._fields.index("batch_id")


def pack_spans(rows: Iterable[SpanRow], batch_id: int) -> bytes:
    """A whole COPY stream of spans, all of one batch."""
    return HEADER + _pack(rows, _SPAN, _SPAN_BATCH, batch_id) + TRAILER


def pack_events(rows: Iterable[EventRow], batch_id: int) -> bytes:
    """A whole COPY stream of events, all of one batch."""
    return HEADER + _pack(rows, _EVENT, _EVENT_BATCH, batch_id) + TRAILER


def _pack(
    rows: Iterable[SpanRow] | Iterable[EventRow], encoders: list[Encode], batch_column: int, batch_id: int
) -> bytes:
    # The batch's id is known only here; a constant column spares a copy of each row.
    constant = _int8(8, batch_id)
    encoders = encoders.copy()
    encoders[batch_column] = lambda _: constant
    count = struct.pack("!h", len(encoders))
    parts = []
    for row in rows:
        parts.append(count)
        parts.extend(_NULL if value is None else encode(value) for encode, value in zip(encoders, row, strict=True))
    return b"".join(parts)
