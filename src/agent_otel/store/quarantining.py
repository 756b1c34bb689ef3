"""What can never be stored as it is goes to quarantine: each item with its bytes, what many share only once."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import EventItem, QuarantineRow, Source, SpanItem

#: Characters of a reason: it may list every field that is wrong.
MAX_REASON: Final = 1000


#: Bytes of resource and scope that may be repeated for each item.
REPEATED: Final = 1024


class Packing:
    """Makes the quarantine rows of items.

    A request that holds just one item repeats its resource and scope. Where those are larger than the item, and worth
    it, they are kept apart, once: 10,000 small spans under a resource of a megabyte take 11 MB and not 10 GB.
    """

    def __init__(self) -> None:
        self._requests: dict[Source, bytes] = {}

    def row(self, signal: str, reason: str, source: Source) -> QuarantineRow:
        """One item, with what it shares with others."""
        origin = source.origin()
        shared = self._requests.get(origin)
        if shared is None:
            shared = self._requests[origin] = origin.request()
        if len(shared) > max(len(source.raw), REPEATED):
            return QuarantineRow(signal, reason, source.raw, shared)
        return QuarantineRow(signal, reason, source.request())


def rows(items: Iterable[SpanItem | EventItem], reason: str) -> Iterator[QuarantineRow]:
    """The quarantine rows of some items."""
    packing = Packing()
    for item in items:
        yield packing.row("traces" if isinstance(item, SpanItem) else "logs", reason, item.source)


def add(connection: Connection, refused: Sequence[QuarantineRow]) -> None:
    """Keep them, inside the caller's transaction; what is in quarantine and open already is not added again."""
    if not refused:
        return
    statements = queries.load("ingest")
    # Several items of one request may be kept as that request.
    distinct = set(refused)
    origins = {origin: hashlib.sha256(origin).digest() for origin in {row.origin for row in distinct} if origin}
    if origins:
        pairs = sorted((digest, origin) for origin, digest in origins.items())
        connection.execute(statements["quarantine_origins"], [list(column) for column in zip(*pairs, strict=True)])
    keyed = sorted(
        (_identity(row, origins), row.signal, reason_text(row.reason), row.raw, origins.get(row.origin))
        for row in distinct
    )
    connection.execute(statements["quarantine"], [list(column) for column in zip(*keyed, strict=True)])


def reason_text(reason: str) -> str:
    """A reason as it can be stored, whatever of a sender's text is in it: at most 1,000 characters, no NUL."""
    cut = reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - 1]}…"
    return cut.replace("\0", "\ufffd").encode(errors="replace").decode()


def _identity(row: QuarantineRow, origins: dict[bytes, bytes]) -> bytes:
    """The same item refused again has the same, without a copy of what it shares with others."""
    identity = hashlib.sha256(origins.get(row.origin, b""))
    identity.update(row.raw)
    return identity.digest()
