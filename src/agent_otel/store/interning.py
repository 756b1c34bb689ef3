"""Resources and scopes are stored once: their id is a prefix of their digest, so no two writers can disagree."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import Batch, Interned

#: Ids remembered as stored; beyond that the memory is emptied and filled anew.
REMEMBERED: Final = 10_000


class Taken(NamedTuple):
    """Ids of a batch's resources and scopes that stand for others already."""

    resources: set[int]
    scopes: set[int]


class Interner:
    """Remembers which resources and scopes are stored, by id with their digest."""

    def __init__(self) -> None:
        self._resources: dict[int, bytes] = {}
        self._scopes: dict[int, bytes] = {}

    def intern(self, connection: Connection, batch: Batch) -> Taken:
        """Add what is new, inside the caller's transaction; return the ids that have another digest."""
        return Taken(
            _intern(connection, "resources", batch.resources, self._resources),
            _intern(connection, "scopes", batch.scopes, self._scopes),
        )

    def committed(self, batch: Batch) -> None:
        """Remember what a committed batch has added."""
        _remember(self._resources, batch.resources)
        _remember(self._scopes, batch.scopes)

    def forget(self) -> None:
        """Look again: another database may be behind the URL."""
        self._resources.clear()
        self._scopes.clear()


def _intern(connection: Connection, what: str, rows: Mapping[int, Interned], known: Mapping[int, bytes]) -> set[int]:
    new = [row for row_id, row in sorted(rows.items()) if row_id not in known]
    added = _added(connection, what, new) if new else {}
    return {row_id for row_id, row in rows.items() if (known.get(row_id) or added[row_id]) != row.digest}


def _added(connection: Connection, what: str, rows: Sequence[Interned]) -> dict[int, bytes]:
    """The digests that stand behind the ids once the rows are in, which another writer's may have been before."""
    statements = queries.load("ingest")
    connection.execute(statements[f"intern_{what}"], _columns(rows))
    return dict(connection.execute(statements[f"interned_{what}"], [[row[0] for row in rows]]).fetchall())


def _remember(known: dict[int, bytes], rows: Mapping[int, Interned]) -> None:
    if len(known) + len(rows) > REMEMBERED:
        known.clear()
    known.update((row_id, row.digest) for row_id, row in rows.items())


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
