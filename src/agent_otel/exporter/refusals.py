"""What of one request is not stored as a row: how much, why, and the quarantine rows that keep it."""

from collections import Counter
from typing import Final

from agent_otel.store.rows import QuarantineRow

_MOST_REASONS: Final = 3
_MOST_DISTINCT: Final = 64
_MOST_CHARACTERS: Final = 1024
#: Beyond it the rows themselves would be the load: a megabyte can hold 40,000 items.
_MOST_ROWS: Final = 1_000
#: Reasons of the store, which quarantines such rows itself.
_BY_STORE: Final = "refused by the store, such as other content under ids and start that are stored already"


class Refusals:
    """Counts refused items by reason and keeps their bytes; past a limit it keeps the whole request once instead.

    `limit` is in bytes of rows; what several items share counts once.
    """

    def __init__(self, signal: str, body: bytes, limit: int) -> None:
        self._signal = signal
        self._body = body
        self._left = limit
        self._rows_left = _MOST_ROWS
        self._whole = False
        self._origins: set[bytes] = set()
        self._reasons: Counter[str] = Counter()
        self._rows: list[QuarantineRow] = []

    @property
    def total(self) -> int:
        """How many items are refused."""
        return self._reasons.total()

    @property
    def whole(self) -> bool:
        """Whether the whole request is kept already, so that what is refused from now on need not come with bytes."""
        return self._whole

    @property
    def by_store(self) -> int:
        """How many of them the store refused."""
        return self._reasons[_BY_STORE]

    def refuse(self, reason: str, raw: bytes, origin: bytes = b"") -> None:
        """An item that is not stored, as QuarantineRow keeps it."""
        known = reason in self._reasons or len(self._reasons) < _MOST_DISTINCT
        self._reasons[reason if known else "other reasons"] += 1
        self.keep(reason, raw, origin)

    def refused_by_store(self, count: int) -> None:
        """Items that are in quarantine already."""
        if count:
            self._reasons[_BY_STORE] += count

    def keep(self, reason: str, raw: bytes, origin: bytes = b"") -> None:
        """Put an item into quarantine, without counting it as refused."""
        if self._whole:
            return
        self._left -= len(raw) + (0 if origin in self._origins else len(origin))
        self._origins.add(origin)
        self._rows_left -= 1
        self._whole = self._left < 0 or self._rows_left < 0
        if self._whole:
            reason, raw = f"the whole request, because too much of it is refused; next: {reason}", self._body
            origin = b""
        self._rows.append(QuarantineRow(self._signal, reason, raw, origin))

    def take(self) -> list[QuarantineRow]:
        """The quarantine rows since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def message(self) -> str:
        """The reasons in a sentence, the most frequent first."""
        common = self._reasons.most_common(_MOST_REASONS)
        more = len(self._reasons) - len(common)
        parts = [f"{count} x {reason}" for reason, count in common] + ([f"{more} more reasons"] if more else [])
        return f"not stored, kept in quarantine: {'; '.join(parts)}"[:_MOST_CHARACTERS]
