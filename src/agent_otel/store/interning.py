"""Resources and scopes are stored once: their id is a prefix of their digest, so no two writers can disagree."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agent_otel.errors import RetryableError
from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import Batch, ResourceRow, ScopeRow

#: Ids remembered as stored; beyond that the memory is emptied and filled anew.
REMEMBERED: Final = 10_000


class Interner:
    """Remembers which resources and scopes are stored."""

    def __init__(self) -> None:
        self._resources: set[int] = set()
        self._scopes: set[int] = set()

    def intern(self, connection: Connection, batch: Batch) -> None:
        """Add what is new, inside the caller's transaction."""
        statements = queries.load("ingest")
        for rows, known, what in self._tables(batch):
            new = [row for row_id, row in sorted(rows.items()) if row_id not in known]
            if new:
                connection.execute(statements[f"intern_{what}"], _columns(new))
                found = connection.execute(statements[f"interned_{what}"], [[row[0] for row in new]])
                _verify(dict(found.fetchall()), new)

    def committed(self, batch: Batch) -> None:
        """Remember what a committed batch has added."""
        for rows, known, _ in self._tables(batch):
            if len(known) + len(rows) > REMEMBERED:
                known.clear()
            known.update(rows)

    def forget(self) -> None:
        """Look again: another database may be behind the URL."""
        self._resources.clear()
        self._scopes.clear()

    def _tables(self, batch: Batch) -> list[tuple[Mapping[int, ResourceRow | ScopeRow], set[int], str]]:
        return [(batch.resources, self._resources, "resources"), (batch.scopes, self._scopes, "scopes")]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _verify(stored: dict[int, bytes], rows: Iterable[ResourceRow | ScopeRow]) -> None:
    for row in rows:
        if stored.get(row[0]) != row.digest:
            raise RetryableError(
                f"two different resources or scopes share the id {row[0]}: a collision of 64-bit digests"
            )
