"""A segment of the spool: one append-only file of records, locked (flock) as long as its process lives.

What was delivered of it is told by a side file with one number, the offset up to which everything is. A segment whose
lock can be taken belongs to nobody, and whoever takes it delivers the rest.
"""

from __future__ import annotations

import fcntl
import os
import stat

from agent_otel.record import read_records, record_headers, record_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from agent_otel.record import Record

SUFFIX: Final = ".spool"
ACKNOWLEDGED_SUFFIX: Final = ".ack"
#: A new segment has this suffix until it is locked, so that nobody adopts it in between.
UNBORN_SUFFIX: Final = ".new"


class Tally:
    """Items, that is spans and events, of the segments that share it."""

    def __init__(self) -> None:
        self.appended = 0
        self.delivered = 0
        self.lost = 0
        self.dropped = 0  # never appended

    @property
    def waiting(self) -> int:
        """Appended, and neither delivered nor lost."""
        return self.appended - self.delivered - self.lost


class Segment:
    """An open, locked segment. `size` and `acknowledged` are offsets in bytes."""

    def __init__(self, path: str, descriptor: int, tally: Tally) -> None:
        self.path = path
        self.tally = tally
        self.size = os.fstat(descriptor).st_size
        self.dirty = False
        self._descriptor = descriptor
        self._is_new = False
        noted = _read_acknowledged(path)
        self.acknowledged = noted if noted <= self.size else 0

    @classmethod
    def create(cls, path: str, tally: Tally) -> Segment:
        """Make a new one. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(path + UNBORN_SUFFIX, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(path + UNBORN_SUFFIX, path)
        except OSError:
            os.close(descriptor)
            raise
        segment = cls(path, descriptor, tally)
        segment._is_new = True
        return segment

    @classmethod
    def adopt(cls, path: str) -> Segment | None:
        """Take over one that no process holds; None when it is held, gone, or not our user's."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between open and flock another process may have delivered and removed it.
            if os.fstat(descriptor).st_nlink == 1 and _is_ours(os.fstat(descriptor)):
                segment = cls(path, descriptor, Tally())
                segment._is_new = True  # whoever made it may have died before its folder was synced
                return segment
        except OSError:
            pass
        os.close(descriptor)
        return None

    @property
    def finished(self) -> bool:
        """Whether everything in it is settled."""
        return self.acknowledged >= self.size

    def append(self, framed: bytes) -> None:
        """Write one record at the end, wholly or not at all. Raises OSError."""
        written = os.write(self._descriptor, framed)
        if written != len(framed):
            os.ftruncate(self._descriptor, self.size)
            raise OSError(f"only {written} of {len(framed)} bytes fit into {self.path}")
        self.size += written
        self.dirty = True

    def sync(self) -> None:
        """Have everything on the disk, of a new segment also that it exists. Raises OSError."""
        if self.dirty:
            self.dirty = False
            os.fsync(self._descriptor)
        if self._is_new:
            self._is_new = False
            _sync_folder(os.path.dirname(self.path))

    def unsettled(self) -> bytes:
        """All bytes that are not settled."""
        return os.pread(self._descriptor, self.size - self.acknowledged, self.acknowledged)

    def next_size(self) -> int:
        """Bytes of the next record that is not settled; 0 when there is none, or damage."""
        return record_size(self._descriptor, self.acknowledged, self.size)

    def window(self, max_bytes: int) -> list[Record]:
        """The next records that are not settled, `max_bytes` of them at most but at least one."""
        return list(read_records(self._descriptor, self.acknowledged, self.size, max_bytes))

    def acknowledge(self, offset: int) -> None:
        """Everything before `offset` is settled."""
        self.acknowledged = offset
        try:
            descriptor = os.open(self.path + ACKNOWLEDGED_SUFFIX, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
            try:
                # One write within one block. Lost at a power cut, or not made because the disk is full, it costs a
                # repetition, never a record; and a full disk is freed by going on to the segment's end.
                os.pwrite(descriptor, b"%020d" % offset, 0)
            finally:
                os.close(descriptor)
        except OSError:
            pass

    def remove(self) -> None:
        """Delete the files, then let go."""
        for path in (self.path, self.path + ACKNOWLEDGED_SUFFIX):
            try:  # noqa: SIM105 - contextlib takes 2 ms to import
                os.unlink(path)
            except OSError:
                pass
        self.close()

    def close(self) -> None:
        """Let go of it: from now on any process may adopt it."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def unsettled(path: str) -> Iterator[tuple[int, int]]:
    """Items and bytes of each record that waits in a segment of ours, whoever holds it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if _is_ours(os.fstat(descriptor)):
            size = os.fstat(descriptor).st_size
            noted = _read_acknowledged(path)
            yield from record_headers(descriptor, noted if noted <= size else 0, size)
    finally:
        os.close(descriptor)


def _is_ours(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_acknowledged(path: str) -> int:
    try:
        with open(path + ACKNOWLEDGED_SUFFIX, "rb") as file:
            return int(file.read(20))
    except (OSError, ValueError):
        return 0
