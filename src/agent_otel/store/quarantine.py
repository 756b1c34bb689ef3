"""The open entries of the quarantine: read for a retry, and marked with what it found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import dict_row

from agent_otel.errors import ConfigurationError, DatabaseUnavailableError
from agent_otel.store import migrations, partitions, queries
from agent_otel.store.connection import Connection, connect
from agent_otel.store.quarantining import reason_text
from agent_otel.store.rows import Batch, Version
from agent_otel.store.tables import CONFLICT, instant, key_columns, version

#: Entries that are tried together, and their bytes unless a single one is larger.
ROWS: Final = 500
BYTES: Final = 16 * 1024 * 1024


class Entry(NamedTuple):
    """One open entry with its bytes."""

    quarantine_id: int
    #: Hex of its SHA-256.
    id: str
    signal: str
    raw: bytes
    #: When not None, `raw` is the item alone, and this the request with an empty item that it stands in.
    origin: bytes | None


class Quarantine:
    """A connection for a retry. Use as a context manager, which raises DatabaseUnavailableError when it is lost."""

    def __init__(self, database_url: str) -> None:
        self._connection: Connection = connect(database_url, application="quarantine", autocommit=True)
        try:
            migrations.check(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "Quarantine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._connection.close()
        if isinstance(error, psycopg.Error):
            raise DatabaseUnavailableError(
                f"PostgreSQL gave up: {type(error).__name__}; what was stored until then is stored, run it again"
            ) from error

    def require_rights(self) -> None:
        """Raise ConfigurationError unless this user may store records and mark entries."""
        ((allowed,),) = self._connection.execute(queries.load("quarantine")["may_retry"]).fetchall()
        if not allowed:
            raise ConfigurationError(
                "this database user may not retry: that takes the rights of agent_otel_owner (the local stack's own, or"
                " --database-url of a superuser or of a member of that role)"
            )

    def open(self, quarantine_ids: Sequence[int] | None = None) -> Iterator[list[Entry]]:
        """The entries that are open now, the oldest first, some at a time; only these when ids are given."""
        last = self._rows("newest")[0]["quarantine_id"]
        after = 0
        while rows := self._rows(
            "next_open", after=after, last=last, ids=quarantine_ids and list(quarantine_ids), rows=ROWS, bytes=BYTES
        ):
            after = rows[-1]["quarantine_id"]
            origins = self._origins({row["origin_sha256"] for row in rows} - {None})
            yield [
                Entry(row["quarantine_id"], row["id"], row["signal"], row["raw"], origins.get(row["origin_sha256"]))
                for row in rows
            ]

    def mark(self, reasons: Mapping[int, str | None]) -> None:
        """Note what became of entries: None for those that are stored, else why they stay."""
        if reasons:
            statement = queries.load("quarantine")["mark"]
            texts = [reason and reason_text(reason) for reason in reasons.values()]
            self._connection.execute(statement, {"ids": list(reasons), "reasons": texts})

    def conflicts(self, batch: Batch) -> dict[Version, str]:
        """What of a batch contradicts a stored record; nothing is written."""
        stored = dict(self._stored(batch))
        versions = [(item.row.key, item.row.digest) for item in batch.items()]
        return {(key, digest): CONFLICT for key, digest in versions if stored.get(key, digest) != digest}

    def _stored(self, batch: Batch) -> Iterator[Version]:
        for statement, names, items in (
            ("stored_spans", ("trace_ids", "span_ids", "times", "ns"), batch.spans),
            ("stored_events", ("event_ids", "times", "ns"), batch.events),
        ):
            for first, end in partitions.extents(items):
                columns = zip(*(key_columns(item.row.key) for item in items), strict=True)
                keys = dict(zip(names, map(list, columns), strict=True))
                found = self._rows(statement, **keys, first=instant(first), end=instant(end))
                yield from (version(tuple(row.values())) for row in found)

    def _origins(self, digests: set[bytes]) -> dict[bytes, bytes]:
        rows = self._rows("origins", digests=list(digests)) if digests else []
        return {row["sha256"]: row["raw"] for row in rows}

    def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(queries.load("quarantine")[query], parameters).fetchall()
