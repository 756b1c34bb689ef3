"""Write batches: one transaction each, replays change nothing, a row that can never be stored costs only itself."""

import struct
import time
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import psycopg
from psycopg import errors as pg

from agent_otel.errors import ConfigurationError, DatabaseUnavailableError, RetryableError
from agent_otel.store import merging, migrations, model_requests, notes, partitions, quarantining, tables
from agent_otel.store.connection import Connection, connect, where
from agent_otel.store.interning import Interner
from agent_otel.store.rows import COLLISION, Batch, EventItem, SpanItem, Version, Written
from agent_otel.store.step_places import StepPlaces
from agent_otel.store.tables import Table

#: How often one batch is tried again after a deadlock, a serialization failure, a missing partition or a lost
#: connection, before the sender is told to come back.
ATTEMPTS: Final = 4
#: After a replay, batches go through staging for this long: a COPY that fails half-way leaves dead rows behind.
STAGING_S: Final = 10.0
LEASE: Final = 1000
#: A writer that is stopped inside a transaction loses it after this long, so that others get at the rows it has locked.
STOPPED_S: Final = 30

_UNSAFE: Final = ("fsync", "full_page_writes")
#: What PostgreSQL will never take, however often it is sent: data exceptions, program limits, bad text, and values that
#: do not fit their column's binary form.
_NEVER: Final = (
    *(pg.DataError, pg.ProgramLimitExceeded, pg.StatementTooComplex, pg.NotNullViolation),
    *(struct.error, OverflowError, UnicodeError),
)
#: After these the connection is as good as before. A check violation: a day's partition is missing after all.
_ROLLED_BACK: Final = (pg.DeadlockDetected, pg.SerializationFailure, pg.CheckViolation)
_AGAIN: Final = (
    *(*_ROLLED_BACK, pg.IdleInTransactionSessionTimeout),
    *(pg.OperationalError, pg.InterfaceError, DatabaseUnavailableError),
)

Item = TypeVar("Item", SpanItem, EventItem)


class Writer:
    """One connection that writes batches. Not thread-safe: each writing thread has its own."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: Connection | None = None
        self._interner = Interner()
        self._step_places = StepPlaces()
        self._days = partitions.KnownDays()
        self._next_batch_id = self._leased_until = 0
        self._stage_until = 0.0

    def write(self, batch: Batch) -> Written:
        """Store a batch; when this returns it is committed.

        Raises RetryableError when PostgreSQL is away, full or busy: nothing of the batch is stored then, or all of it,
        and the same batch can be sent again. Rows that can never be stored are in quarantine afterwards.
        """
        try:
            return self._persistently(batch)
        except _NEVER as error:
            return self._isolate(batch, error)

    def ping(self) -> None:
        """Raise unless the database answers and its schema is current.

        RetryableError: it does not answer. SchemaError, ConfigurationError: it answers and is not what we need.
        """
        try:
            connection = self._connected()
            migrations.check(connection)
        except (psycopg.Error, DatabaseUnavailableError) as error:
            self.close()
            raise RetryableError(f"PostgreSQL at {where(self._database_url)} does not answer") from error

    def close(self) -> None:
        """Give the connection back; the next write opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._interner.forget()
        self._step_places.forget()
        self._days.forget()

    def _persistently(self, batch: Batch) -> Written:
        for attempt in range(ATTEMPTS):
            try:
                return self._once(batch)
            except _NEVER:
                raise
            except _AGAIN as error:
                self._recover(error)
                if attempt + 1 == ATTEMPTS or not _worth_trying(error):
                    raise RetryableError(f"PostgreSQL at {where(self._database_url)} cannot take it now") from error
            except psycopg.Error as error:
                # Nothing we know of: the data may be fine, so the sender keeps it.
                self.close()
                raise RetryableError(f"PostgreSQL refused the batch: {_code(error)}") from error
        raise AssertionError("unreachable")

    def _recover(self, error: Exception) -> None:
        self._days.forget()
        if not isinstance(error, _ROLLED_BACK):
            self.close()

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self._database_url, application="exporter", autocommit=True)
            try:
                _require_durability(connection)
                connection.execute(
                    "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [f"{STOPPED_S}s"]
                )
                migrations.check(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _once(self, batch: Batch) -> Written:
        connection = self._connected()
        refused_days = self._days.ensure(connection, batch)
        with connection.transaction():
            batch_id = self._batch_id(connection)
            taken = self._interner.intern(connection, batch)
            if any(taken):
                batch = batch.without(*taken)
            spans, unplaced_spans = partitions.split(batch.spans, refused_days)
            events, unplaced_events = partitions.split(batch.events, refused_days)
            new_spans, conflicting_spans = self._insert(connection, tables.SPANS, spans, batch_id)
            new_events, conflicting_events = self._insert(connection, tables.EVENTS, events, batch_id)
            refused: list[tuple[str, list[SpanItem | EventItem]]] = [
                (COLLISION, batch.collided),
                (partitions.REASON, [*unplaced_spans, *unplaced_events]),
                (tables.CONFLICT, [*conflicting_spans, *conflicting_events]),
            ]
            set_aside = (row for reason, items in refused for row in quarantining.rows(items, reason))
            quarantining.add(connection, [*batch.quarantine, *set_aside])
            # Replays merge again, which changes nothing. Conflicts merge too: which of two contradicting records came
            # first must not decide what the execution's row says (docs/adr/001).
            records = [item.execution for item in _both(spans, events) if item.execution]
            new_rows = [item.row for item in new_spans]
            self._step_places.add(connection, new_rows, records)
            telling = model_requests.concerned(records)
            model_requests.lock(connection, telling)
            merging.executions(connection, records)
            notes.merge(connection, records)
            model_requests.merge(connection, telling)
            merging.traces(connection, new_rows)
        self._interner.committed(batch)
        self._step_places.committed()
        return Written(len(new_spans), len(new_events), _reasons(refused))

    def _insert(
        self, connection: Connection, table: Table[Item], items: Sequence[Item], batch_id: int
    ) -> tuple[Sequence[Item], list[Item]]:
        """Insert what is new; return the items inserted and those in conflict with another row of their key."""
        unique, repeated = tables.distinct(items)
        if not unique or self._copied(connection, table, unique, batch_id):
            return unique, repeated
        inserted, stored = table.stage(connection, unique, batch_id)
        conflicts = [item for item in unique if item.row.key in stored]
        # What contradicts the first of its key here may be what is stored: then it is a replay.
        conflicts += [item for item in repeated if stored.get(item.row.key) != item.row.digest]
        return inserted, conflicts

    def _copied(self, connection: Connection, table: Table[Item], items: Sequence[Item], batch_id: int) -> bool:
        """Append rows of which none is a replay; False when one is, or was a moment ago."""
        if time.monotonic() < self._stage_until:
            return False
        try:
            with connection.transaction():
                table.copy(connection, items, batch_id)
        except pg.UniqueViolation:
            self._stage_until = time.monotonic() + STAGING_S
            return False
        return True

    def _batch_id(self, connection: Connection) -> int:
        if self._next_batch_id >= self._leased_until:
            row = connection.execute("SELECT nextval('batch_ids')").fetchone()
            assert row is not None
            self._next_batch_id, self._leased_until = row[0], row[0] + LEASE
        self._next_batch_id += 1
        return self._next_batch_id - 1

    def _isolate(self, batch: Batch, error: Exception) -> Written:
        """Halve a batch that PostgreSQL will not take until the row stands alone; that row goes to quarantine."""
        size = len(batch.spans) + len(batch.events)
        if size <= 1:
            return self._set_aside(batch, f"PostgreSQL cannot hold it: {_code(error)}")
        halves = [self.write(half) for half in _halves(batch)]
        return Written(
            sum(half.spans for half in halves),
            sum(half.events for half in halves),
            {version: reason for half in halves for version, reason in half.refused.items()},
        )

    def _set_aside(self, batch: Batch, reason: str) -> Written:
        items = _both(batch.spans, batch.events)
        rest = Batch()
        rest.collided, rest.quarantine = batch.collided, [*batch.quarantine, *quarantining.rows(items, reason)]
        written = self._persistently(rest)
        return written._replace(refused={**written.refused, **_reasons([(reason, items)])})


def _both(spans: Iterable[SpanItem], events: Iterable[EventItem]) -> list[SpanItem | EventItem]:
    return [*spans, *events]


def _halves(batch: Batch) -> Iterable[Batch]:
    items = _both(batch.spans, batch.events)
    middle = len(items) // 2
    for part, others in ((items[:middle], batch), (items[middle:], Batch())):
        half = Batch()
        # Only what its items need: it may be a resource that PostgreSQL will not take.
        half.resources = {item.row.resource_id: batch.resources[item.row.resource_id] for item in part}
        half.scopes = {item.row.scope_id: batch.scopes[item.row.scope_id] for item in part}
        half.quarantine, half.collided = others.quarantine, others.collided
        half.spans = [item for item in part if isinstance(item, SpanItem)]
        half.events = [item for item in part if isinstance(item, EventItem)]
        yield half


def _reasons(refused: Iterable[tuple[str, Iterable[SpanItem | EventItem]]]) -> dict[Version, str]:
    return {(item.row.key, item.row.digest): reason for reason, items in refused for item in items}


def _require_durability(connection: Connection) -> None:
    """OK means committed to disk: refuse a server that would lose it, and never inherit an asynchronous commit."""
    for setting in _UNSAFE:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
        if row is not None and row[0] == "off":
            raise ConfigurationError(
                f"PostgreSQL runs with {setting}=off, so a crash can lose committed spans; turn it on"
            )
    connection.execute("SET synchronous_commit = on")


def _worth_trying(error: Exception) -> bool:
    """Whether an attempt within milliseconds may help: not when the disk or the connection slots are full."""
    return not isinstance(error, (pg.DiskFull, pg.TooManyConnections, pg.CannotConnectNow, DatabaseUnavailableError))


def _code(error: Exception) -> str:
    """What went wrong, without the data: messages can quote it."""
    sqlstate = getattr(error, "sqlstate", None)
    return f"SQLSTATE {sqlstate} ({type(error).__name__})" if sqlstate else type(error).__name__
