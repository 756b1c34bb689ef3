"""The two tables that keep what arrived: how rows get in, and what a repeated key means."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, LiteralString, TypeVar

from psycopg import sql

from agent_otel.store import copy_format, partitions, queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import EventItem, EventKey, EventRow, SpanItem, SpanKey, SpanRow, Version

CONFLICT: Final = "conflict: another record with the same identity and other content is stored"

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

Item = TypeVar("Item", SpanItem, EventItem)


class Table(Generic[Item]):
    """One table: COPY when keys are new, staging when some are not."""

    def __init__(
        self, name: LiteralString, columns: Sequence[str], pack: Callable[[Iterable[Any], int], Iterator[bytes]]
    ) -> None:
        self._pack = pack
        self._statements = queries.load("ingest")
        self._suffix = "spans" if name == "spans" else "events"
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
        self._copy = copy.format(sql.Identifier(name), listed)
        self._copy_staged = copy.format(sql.Identifier(f"staged_{name}"), listed)

    def copy(self, connection: Connection, items: Sequence[Item], batch_id: int) -> None:
        """Append the rows; a key that is already there fails all of them with UniqueViolation."""
        self._stream(connection, self._copy, items, batch_id)

    def stage(
        self, connection: Connection, items: Sequence[Item], batch_id: int
    ) -> tuple[list[Item], dict[SpanKey | EventKey, bytes]]:
        """Insert the rows whose keys are new; return those, and for keys that hold other content its digest."""
        connection.execute(self._statements[f"stage_{self._suffix}"])
        self._stream(connection, self._copy_staged, items, batch_id)
        inserted = set(self._keyed(connection, f"insert_staged_{self._suffix}"))
        # After the insert: it waits for other writers, and only a later statement sees what they committed meanwhile.
        stored: dict[SpanKey | EventKey, bytes] = {}
        for extent in partitions.extents(items):
            stored |= self._keyed(connection, f"conflicting_{self._suffix}", list(map(instant, extent)))
        return [item for item in items if item.row.key in inserted], stored

    def _stream(self, connection: Connection, statement: sql.Composed, items: Sequence[Item], batch_id: int) -> None:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for piece in self._pack([item.row for item in items], batch_id):
                copy.write(piece)

    def _keyed(
        self, connection: Connection, statement: str, parameters: Sequence[dt.datetime] | None = None
    ) -> dict[SpanKey | EventKey, bytes]:
        # Never prepared: the server would also make a plan for any parameters, and that one opens every partition.
        return dict(map(version, connection.execute(self._statements[statement], parameters, prepare=False)))


def distinct(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Split a batch's items into the first of each key and those that contradict it; exact repeats are dropped."""
    first: dict[SpanKey | EventKey, Item] = {}
    conflicts = []
    for item in items:
        known = first.setdefault(item.row.key, item)
        if known is not item and known.row.digest != item.row.digest:
            conflicts.append(item)
    # In key order, so that writers with the same keys wait for each other in one direction only.
    return [first[key] for key in sorted(first)], conflicts


def version(row: Sequence[Any]) -> Version:
    """The key and digest of a row that a statement returned: the columns of a key, then the digest."""
    if len(row) == 5:
        return (row[0].bytes, row[1], microseconds(row[2]), row[3]), row[4]
    return (row[0].bytes, microseconds(row[1]), row[2]), row[3]


def key_columns(key: SpanKey | EventKey) -> tuple[Any, ...]:
    """A key as a statement takes it."""
    if len(key) == 4:
        return (uuid.UUID(bytes=key[0]), key[1], instant(key[2]), key[3])
    return (uuid.UUID(bytes=key[0]), instant(key[1]), key[2])


def microseconds(instant: dt.datetime) -> int:
    """µs since the Unix epoch, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> dt.datetime:
    """The instant that many µs after the Unix epoch."""
    return _EPOCH + microseconds * _MICROSECOND


SPANS: Final[Table[SpanItem]] = Table("spans", SpanRow._fields, copy_format.pack_spans)
EVENTS: Final[Table[EventItem]] = Table("execution_events", EventRow._fields, copy_format.pack_events)
