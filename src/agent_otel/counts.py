"""What became of spans and events, counted in the process and, over all processes of a spool, in one small file."""

from __future__ import annotations

import fcntl
import os
import time
from _thread import allocate_lock

from agent_otel import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

FILE_NAME: Final = "counts.json"
#: One JSON object a line, of those who found the file locked for too long; part of the sum.
LATE_NAME: Final = "counts.late"
#: What versions before counted, losses only; part of the sum.
OLD_NAME: Final = "losses.json"

#: Written to the spool; in requests that were answered, whatever the answer; stored by the receiver, as it says.
SPOOLED: Final = "spooled"
SENT: Final = "sent"
ACKNOWLEDGED: Final = "acknowledged"
#: Given up because the receiver will never take them: the whole record, or part of a request.
REFUSED: Final = "refused_by_receiver"
REJECTED: Final = "rejected_in_part"
#: Lost on this machine.
SPOOL_FULL: Final = "spool_full"
IO_ERROR: Final = "io_error"
TOO_LARGE: Final = "too_large"
UNENCODABLE: Final = "unencodable"
DAMAGED: Final = "damaged"

_NO_LOSS: Final = (SPOOLED, SENT, ACKNOWLEDGED)

#: Seconds between looks whether the file is free, and for all of them. Whoever holds it longer was stopped.
_LOOK_SECONDS: Final = 0.0005
_LOCK_SECONDS: Final = 0.005
_MAX_BYTES: Final = 64 * 1024


class Counts:
    """Counts of this process by name; `persist` adds what is new to the file. Thread-safe."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE_NAME)
        self._late_path = os.path.join(folder, LATE_NAME)
        self.counted: dict[str, int] = {}
        self._unsaved: dict[str, int] = {}
        self._lock = allocate_lock()

    def add(self, name: str, items: int) -> None:
        """Count items."""
        with self._lock:
            for counts in (self.counted, self._unsaved):
                counts[name] = counts.get(name, 0) + items

    @property
    def losses(self) -> dict[str, int]:
        """What was given up or lost, by reason."""
        return {name: items for name, items in self.counted.items() if name not in _NO_LOSS}

    def persist(self) -> None:
        """Add what is new to the file. On a full disk it is kept for the next time."""
        with self._lock:
            if not self._unsaved:
                return
            fresh, self._unsaved = self._unsaved, {}
        try:
            if not _add_to_file(self._path, fresh):
                _append_line(self._late_path, fresh)
        except OSError:
            with self._lock:
                self._unsaved = summed((self._unsaved, fresh))

    def after_fork(self) -> None:
        """Start from nothing in a child process."""
        self._lock = allocate_lock()
        self.counted, self._unsaved = {}, {}


def read_counts(folder: str) -> dict[str, int]:
    """What all processes of this spool have counted since it was made."""
    late = _content(folder, LATE_NAME).splitlines()
    return summed(map(_parsed, (_content(folder, FILE_NAME), _content(folder, OLD_NAME), *late)))


def refused(counts: dict[str, int]) -> int:
    """Items that the receiver will never take."""
    return counts.get(REFUSED, 0) + counts.get(REJECTED, 0)


def lost(counts: dict[str, int]) -> int:
    """Items that were lost on this machine."""
    return sum(losses(counts).values())


def losses(counts: dict[str, int]) -> dict[str, int]:
    """Items that were lost on this machine, by reason."""
    return {name: items for name, items in counts.items() if name not in (*_NO_LOSS, REFUSED, REJECTED)}


def summed(several: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts added up by name."""
    total: dict[str, int] = {}
    for counts in several:
        for name, items in counts.items():
            total[name] = total.get(name, 0) + items
    return total


def _add_to_file(path: str, fresh: dict[str, int]) -> bool:
    """Read, add, write; False when another process does not let go of the file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not _is_ours(descriptor):
            return False
        content = plain_json.dumps(summed((_parsed(os.pread(descriptor, _MAX_BYTES, 0)), fresh))).encode()
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
    return True


def _is_ours(descriptor: int) -> bool:
    """Lock the file, for which a process that was stopped while it held it must not make all others wait for ever."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        else:
            return True


def _append_line(path: str, fresh: dict[str, int]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, plain_json.dumps(fresh).encode() + b"\n")
    finally:
        os.close(descriptor)


def _content(folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def _parsed(content: bytes) -> dict[str, int]:
    try:
        return {str(name): int(items) for name, items in plain_json.loads(content.decode()).items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        return {}
