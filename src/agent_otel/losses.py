"""What could not be kept or delivered, counted by reason, in the process and, across processes, in one small file."""

from __future__ import annotations

import fcntl
import os
from _thread import allocate_lock

from agent_otel import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

FILE_NAME: Final = "losses.json"

#: The reasons. Items are spans and events.
SPOOL_FULL: Final = "spool_full"
IO_ERROR: Final = "io_error"
TOO_LARGE: Final = "too_large"
UNENCODABLE: Final = "unencodable"
DAMAGED: Final = "damaged"
REFUSED: Final = "refused_by_receiver"
REJECTED: Final = "rejected_in_part"


class Losses:
    """Counts of this process; `persist` adds what is new to the file."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE_NAME)
        self.counts: dict[str, int] = {}
        self._unsaved: dict[str, int] = {}
        self._lock = allocate_lock()

    def add(self, reason: str, items: int) -> None:
        """Count items as lost."""
        with self._lock:
            for counts in (self.counts, self._unsaved):
                counts[reason] = counts.get(reason, 0) + items

    @property
    def total(self) -> int:
        """All items lost in this process."""
        return sum(self.counts.values())

    def persist(self) -> None:
        """Add what is new to the file. On a full disk it is kept for the next time."""
        with self._lock:
            if not self._unsaved:
                return
            fresh, self._unsaved = self._unsaved, {}
        try:
            _add_to_file(self._path, fresh)
        except OSError:
            with self._lock:
                for reason, items in fresh.items():
                    self._unsaved[reason] = self._unsaved.get(reason, 0) + items

    def after_fork(self) -> None:
        """Start from nothing in a child process."""
        self._lock = allocate_lock()
        self.counts, self._unsaved = {}, {}


def read_losses(folder: str) -> dict[str, int]:
    """What all processes of this spool have lost since it was made."""
    try:
        with open(os.path.join(folder, FILE_NAME), "rb") as file:
            return _parsed(file.read())
    except OSError:
        return {}


def _add_to_file(path: str, fresh: dict[str, int]) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        known = _parsed(os.pread(descriptor, 64 * 1024, 0))
        for reason, items in fresh.items():
            known[reason] = known.get(reason, 0) + items
        content = plain_json.dumps(known).encode()
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)


def _parsed(content: bytes) -> dict[str, int]:
    try:
        return {str(reason): int(items) for reason, items in plain_json.loads(content.decode()).items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        return {}
