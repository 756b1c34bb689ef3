"""Day partitions: which exist, and what happens to rows whose day may not be made now."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import Batch, EventItem, SpanItem

REASON: Final = "no partition: at most 32 new days are made in a minute, and none that was detached"

_DAY_US: Final = 86_400_000_000
#: Days outside [2020-01-01, 2100-01-01) share two outlier partitions, which always exist.
_FIRST_DAY: Final = dt.date(2020, 1, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
_END_DAY: Final = dt.date(2100, 1, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
#: After any time that OTLP can say.
_END_US: Final = 2**64 // 1000 + 1
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
#: Made ahead, so that midnight costs nobody anything.
_DAYS_AHEAD: Final = 2

Item = TypeVar("Item", SpanItem, EventItem)


class KnownDays:
    """The days (since the Unix epoch) whose partitions this connection has seen."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def forget(self) -> None:
        """Look again: a partition may have been dropped, or another database is behind the URL."""
        self._known.clear()

    def ensure(self, connection: Connection, batch: Batch) -> frozenset[int]:
        """Make the partitions a batch needs, in a transaction of their own; return the days that may not be made."""
        wanted = {_day(item) for item in batch.items()} - self._known
        missing = {day for day in wanted if _FIRST_DAY <= day < _END_DAY}
        if not missing:
            return frozenset()
        if not self._known:
            today = dt.datetime.now(dt.UTC).date().toordinal() - _EPOCH_ORDINAL
            missing.update(range(today, today + _DAYS_AHEAD + 1))
        days = [dt.date.fromordinal(day + _EPOCH_ORDINAL) for day in sorted(missing)]
        with connection.transaction():
            rows = connection.execute(queries.load("ingest")["ensure_partitions"], [days]).fetchall()
        refused = frozenset(row[0].toordinal() - _EPOCH_ORDINAL for row in rows)
        self._known |= missing - refused
        return refused


def split(items: Sequence[Item], refused: frozenset[int]) -> tuple[Sequence[Item], Sequence[Item]]:
    """The items that have a partition, and those that have none."""
    if not refused:
        return items, []
    return [item for item in items if _day(item) not in refused], [item for item in items if _day(item) in refused]


def extents(items: Iterable[SpanItem | EventItem]) -> list[tuple[int, int]]:
    """The extents of the partitions that items fall in: first µs since the Unix epoch, and the first one after.

    A statement that names an extent opens one partition; without it the planner may read through all of them.
    """
    days = {min(max(_day(item), _FIRST_DAY - 1), _END_DAY) for item in items}
    return [_extent(day) for day in sorted(days)]


def _extent(day: int) -> tuple[int, int]:
    if day < _FIRST_DAY:
        return 0, _FIRST_DAY * _DAY_US
    return day * _DAY_US, (day + 1) * _DAY_US if day < _END_DAY else _END_US


def _day(item: SpanItem | EventItem) -> int:
    time = item.row.start_time if isinstance(item, SpanItem) else item.row.time
    return time // _DAY_US
