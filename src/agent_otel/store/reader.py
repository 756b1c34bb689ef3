"""Typed questions to the database: one function, one query."""

import datetime as dt
import uuid
from typing import Any, LiteralString, Self

from psycopg.rows import dict_row

from agent_otel.errors import SchemaError
from agent_otel.store import migrations, queries
from agent_otel.store.connection import Connection, connect
from agent_otel.store.tables import microseconds

Row = dict[str, Any]


class Reader:
    """A read-only connection. Use as a context manager."""

    def __init__(self, database_url: str) -> None:
        self._connection: Connection = connect(database_url, application="reader")
        self._connection.read_only = True
        try:
            migrations.check(self._connection)
            self._connection.rollback()
        except SchemaError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def executions(
        self, *, agent: str | None = None, status: str | None = None, since: dt.datetime | None = None, limit: int = 20
    ) -> list[Row]:
        """The newest executions, at most `limit`."""
        return self._rows("executions", agent=agent, status=status, since=since, limit=limit)

    def find(self, wanted: uuid.UUID | None) -> uuid.UUID | None:
        """The execution that an execution id or correlation id names; the newest root for None."""
        rows = self._rows("find_execution", id=wanted) if wanted else self._rows("last_execution")
        return rows[0]["execution_id"] if rows else None

    def family(self, execution_id: uuid.UUID) -> list[Row]:
        """An execution and what it delegated, the execution first; `depth` from 0, and its parent: `delegated_by`."""
        return self._rows("family", "chain", id=execution_id)

    def chain(self, execution_id: uuid.UUID) -> list[Row]:
        """Every member of the tree that an execution belongs to, as agent_chain() has them, by depth."""
        return self._rows("chain", "chain", id=execution_id)

    def steps(self, execution_ids: list[uuid.UUID]) -> list[Row]:
        """The steps of executions, in order."""
        return self._rows("steps", ids=execution_ids)

    def spans(self, trace_id: uuid.UUID) -> list[Row]:
        """A trace's spans, as `exporter.rebuild.span` takes them."""
        return [_otlp_columns(row) for row in self._rows("spans_of_trace", trace_id=trace_id)]

    def events(self, trace_id: uuid.UUID) -> list[Row]:
        """A trace's log records, as `exporter.rebuild.log_record` takes them."""
        return [_otlp_columns(row) for row in self._rows("events_of_trace", trace_id=trace_id)]

    def resource(self, resource_id: int) -> Row:
        """One resource, as `exporter.rebuild.resource` takes it. Raises LookupError."""
        return self._one("resource", resource_id)

    def scope(self, scope_id: int) -> Row:
        """One scope, as `exporter.rebuild.scope` takes it. Raises LookupError."""
        return self._one("scope", scope_id)

    def quarantined(
        self,
        *,
        signal: str | None = None,
        since: dt.datetime | None = None,
        reason: str | None = None,
        resolved: bool = False,
        limit: int = 20,
    ) -> tuple[list[Row], list[Row]]:
        """The newest entries of the quarantine, at most `limit`; and how many there are in all, by reason."""
        filters = {"signal": signal, "since": since, "reason": reason, "resolved": resolved}
        entries = self._rows("entries", "quarantine", **filters, limit=limit)
        return entries, self._rows("reasons", "quarantine", **filters)

    def quarantined_as(self, prefix: str) -> list[Row]:
        """Entries whose id begins with these hex digits, open ones first; at most 20."""
        lowest, highest = (bytes.fromhex(prefix.ljust(64, digit)) for digit in "0f")
        return self._rows("named", "quarantine", lowest=lowest, highest=highest, limit=20)

    def quarantined_bytes(self, quarantine_id: int) -> tuple[bytes, bytes | None]:
        """What an entry holds, and the request with an empty item that it stands in when that is kept apart."""
        (row,) = self._rows("kept", "quarantine", id=quarantine_id)
        return row["raw"], row["origin"]

    def query(self, statement: LiteralString) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a statement of your own."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            rows = cursor.execute(statement).fetchall()
            return [column.name for column in cursor.description or ()], rows

    def _one(self, query: str, row_id: int) -> Row:
        rows = self._rows(query, id=row_id)
        if not rows:
            raise LookupError(f"no {query} has the id {row_id}")
        return rows[0]

    def _rows(self, query: str, file: str = "read", /, **parameters: Any) -> list[Row]:
        with self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(queries.load(file)[query], parameters).fetchall()


def _otlp_columns(row: Row) -> Row:
    return {name: _otlp_value(value) for name, value in row.items()}


def _otlp_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return microseconds(value)
    return value.bytes if isinstance(value, uuid.UUID) else value
