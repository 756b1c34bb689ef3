"""Rows in PostgreSQL's binary COPY format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format").

Packed column by column, not row by row: a column has one type, so one loop does all of its values, mostly in C; the
columns at the start of a row, of fixed width and never NULL, go through one struct; and what repeats in a column (a
name, a model, NULL) is packed once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat, takewhile
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

from agent_otel.store.rows import EventRow, SpanRow

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"

#: timestamptz is sent as µs since 2000-01-01; our rows hold µs since 1970-01-01.
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_NULL: Final = b"\xff\xff\xff\xff"
_JSONB_VERSION: Final = b"\x01"
#: Rows packed at once. A whole stream in one piece would be megabytes of fresh pages for every transaction.
_CHUNK: Final = 512

_length: Final = Struct("!i").pack
_int2: Final = Struct("!ih").pack
_int8: Final = Struct("!iq").pack
_float8: Final = Struct("!id").pack


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode())


def _timestamptz(value: int) -> bytes:
    return _int8(8, value - _POSTGRES_EPOCH_US)


#: One value of a type, with its length before it; jsonb, of which there is most, is packed without a call.
_ENCODERS: Final[dict[str, Callable[[Any], bytes]]] = {
    "int2": lambda value: _int2(2, value),
    "int8": lambda value: _int8(8, value),
    "float8": lambda value: _float8(8, value),
    "timestamptz": _timestamptz,
    "uuid": _bytes,
    "bytea": _bytes,
    "text": _text,
}
#: For a struct: how the types of fixed width are written, and how many bytes they take.
_FIXED: Final = {"uuid": ("16s", 16), "timestamptz": ("q", 8), "int8": ("q", 8), "int2": ("h", 2)}
#: Large and never alike, so looking for repeats would only cost; and doubles, because 0.0 equals -0.0.
_UNIQUE: Final = frozenset({"bytea", "float8"})

_UUIDS: Final = {"trace_id", "execution_id", "event_id"}
_TIMES: Final = {"start_time", "end_time", "time", "event_time", "observed_time"}
_SMALL: Final = {"kind", "status_code", "severity_number"}
_JSON: Final = {"attributes", "content", "events", "links", "body"}

Column: TypeAlias = Iterable[bytes]


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


class Layout(NamedTuple):
    """How the rows of one table are packed: the types of its columns, of which the first few go through a struct."""

    types: Sequence[str]
    fixed: Sequence[str]
    pack_fixed: Callable[..., bytes]
    #: Which column holds the batch's id, known only when the rows are written.
    batch: int


def _layout(row: type[SpanRow] | type[EventRow]) -> Layout:
    names = {int: "int", float: "float", str: "str", bytes: "bytes"}
    types = [column_type(name, names.get(kind, str(kind))) for name, kind in row.__annotations__.items()]
    fixed = list(takewhile(_FIXED.__contains__, types))
    form = "!h" + "".join(f"i{_FIXED[kind][0]}" for kind in fixed)
    return Layout(types, fixed, Struct(form).pack, row._fields.index("batch_id"))


_SPAN: Final = _layout(SpanRow)
_EVENT: Final = _layout(EventRow)


def pack_spans(rows: Iterable[SpanRow], batch_id: int) -> Iterator[bytes]:
    """A whole COPY stream of spans, all of one batch, in pieces."""
    return _stream(rows, _SPAN, batch_id)


def pack_events(rows: Iterable[EventRow], batch_id: int) -> Iterator[bytes]:
    """A whole COPY stream of events, all of one batch, in pieces."""
    return _stream(rows, _EVENT, batch_id)


def _stream(rows: Iterable[tuple[Any, ...]], layout: Layout, batch_id: int) -> Iterator[bytes]:
    yield HEADER
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        columns: list[Sequence[Any]] = list(zip(*chunk, strict=True))
        columns[layout.batch] = [batch_id] * len(chunk)
        yield b"".join(chain.from_iterable(zip(*_packed(columns, layout), strict=True)))
    yield TRAILER


def _packed(columns: Sequence[Sequence[Any]], layout: Layout) -> list[Column]:
    """Columns as bytes, the first standing for all of fixed width, and one for each run of columns without values."""
    width, rows = len(layout.fixed), len(columns[0])
    packed = [_fixed(columns, layout)]
    empty = 0
    for values, kind in zip(columns[width:], layout.types[width:], strict=True):
        if values.count(None) == rows:
            empty += 1
            continue
        if empty:
            packed.append(repeat(_NULL * empty, rows))
            empty = 0
        packed.append(_column(values, kind))
    packed.append(repeat(_NULL * empty, rows))
    return packed


def _fixed(columns: Sequence[Sequence[Any]], layout: Layout) -> Column:
    """The number of columns and the leading columns."""
    rows = len(columns[0])
    values: list[Iterable[Any]] = [repeat(len(columns), rows)]
    for kind, column in zip(layout.fixed, columns, strict=False):
        values.append(repeat(_FIXED[kind][1], rows))
        values.append(map((-_POSTGRES_EPOCH_US).__add__, column) if kind == "timestamptz" else column)
    return map(layout.pack_fixed, *values)


def _column(values: Sequence[Any], kind: str) -> Column:
    if kind == "jsonb":
        return [_NULL if value is None else _length(len(value) + 1) + _JSONB_VERSION + value for value in values]
    encode = _ENCODERS[kind]
    if kind in _UNIQUE:
        return [_NULL if value is None else encode(value) for value in values]
    packed = {value: encode(value) for value in set(values) if value is not None}
    packed[None] = _NULL
    return map(packed.__getitem__, values)
