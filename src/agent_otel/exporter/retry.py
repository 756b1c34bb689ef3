"""Retry what is in quarantine: map it anew, store what now fits, and note why the rest stays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from agent_otel.exporter import quarantined
from agent_otel.exporter.limits import DEFAULT
from agent_otel.store.quarantine import Entry, Quarantine
from agent_otel.store.rows import Batch, Version

#: Items in one transaction.
ITEMS: Final = 5_000

#: Stores a batch; returns what of it was refused, and why.
Store = Callable[[Batch], Mapping[Version, str]]


class Outcome(NamedTuple):
    """What became of an entry."""

    entry: Entry
    #: Why it stays in quarantine; None when all of it is stored.
    reason: str | None


def retry(quarantine: Quarantine, store: Store, quarantine_ids: Sequence[int] | None = None) -> Iterator[Outcome]:
    """Try entries, all that are open by default, the oldest first; each outcome is noted before it is yielded.

    An entry is marked after its content is committed. Killed in between, the next retry finds a replay and marks it.
    """
    for outcomes in _outcomes(quarantine, store, quarantine_ids):
        quarantine.mark({outcome.entry.quarantine_id: outcome.reason for outcome in outcomes})
        yield from outcomes


def rehearse(quarantine: Quarantine, quarantine_ids: Sequence[int] | None = None) -> Iterator[Outcome]:
    """What `retry` would do as far as that shows without writing: mapping and conflicts with what is stored."""
    for outcomes in _outcomes(quarantine, quarantine.conflicts, quarantine_ids):
        yield from outcomes


def _outcomes(quarantine: Quarantine, store: Store, quarantine_ids: Sequence[int] | None) -> Iterator[list[Outcome]]:
    for entries in quarantine.open(quarantine_ids):
        attempt = _Attempt(store)
        for entry in entries:
            attempt.add(entry)
        attempt.flush()
        yield [Outcome(entry, attempt.reasons.get(entry.quarantine_id)) for entry in entries]


class _Kept(NamedTuple):
    """Where items of an entry come from: the entry as it stands, so that a refusal meets it and adds no other."""

    raw: bytes

    def request(self) -> bytes:
        return self.raw

    def origin(self) -> "_Kept":
        return _Kept(b"")


class _Attempt:
    """Entries on their way into the store, some transactions for all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch = Batch()
        self._owners: list[tuple[Version, int]] = []
        #: Why entries stay, by their id: the first reason of each.
        self.reasons: dict[int, str] = {}

    def add(self, entry: Entry) -> None:
        signal = quarantined.signal_of(entry.signal)
        body = quarantined.request(entry.raw, entry.origin)
        items, problems = quarantined.decode(signal, body)
        self._refuse(entry, problems)
        for first in range(0, len(items), ITEMS):
            try:
                batch = signal.to_batch(items[first : first + ITEMS], DEFAULT)
            except Exception as error:  # noqa: BLE001 - a fault of ours that it brings out must not cost the others
                self._refuse(entry, [f"could not be mapped: {type(error).__name__}"])
                continue
            self._take(entry, batch)

    def flush(self) -> None:
        batch, self._batch = self._batch, Batch()
        owners, self._owners = self._owners, []
        if not owners:
            return
        refused = self._store(batch)
        for version, quarantine_id in owners:
            if version in refused:
                self.reasons.setdefault(quarantine_id, refused[version])

    def _take(self, entry: Entry, batch: Batch) -> None:
        self._refuse(entry, [row.reason for row in batch.quarantine])
        batch.quarantine = []
        if entry.origin is None:
            kept = _Kept(entry.raw)
            batch.spans = [item._replace(source=kept) for item in batch.spans]
            batch.events = [item._replace(source=kept) for item in batch.events]
        if len(self._owners) + len(batch.items()) > ITEMS:
            self.flush()
        self._owners += [((item.row.key, item.row.digest), entry.quarantine_id) for item in batch.items()]
        self._batch.extend(batch)

    def _refuse(self, entry: Entry, reasons: Sequence[str]) -> None:
        for reason in reasons[:1]:
            self.reasons.setdefault(entry.quarantine_id, reason)
