"""The spool: everything that left the agent's hands and has not yet been acknowledged by a receiver.

``<state_dir>/spool`` holds segments of this and other processes. What a process wrote survives its death (it is with
the operating system at once, on the disk after `sync`); any later process adopts and delivers it. Standard library
only, for the command's hot path; no logging, for the same reason: `problem` holds the last one as text.
"""

from __future__ import annotations

import os
import stat
import time
from _thread import allocate_lock

from agent_otel.counts import IO_ERROR, SPOOL_FULL, SPOOLED, TOO_LARGE, Counts
from agent_otel.errors import AgentOtelError
from agent_otel.record import MAX_PAYLOAD, frame
from agent_otel.segment import ACKNOWLEDGED_SUFFIX, SUFFIX, UNBORN_SUFFIX, Segment, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

#: A segment is closed and another begun at this size.
SEGMENT_SIZE: Final = 4 * 1024**2
#: A wholly delivered segment is replaced above this size, so that idle processes hold little of the limit.
IDLE_SIZE: Final = 64 * 1024
#: How often the size of the other processes' segments is looked up while appending, in seconds; and of how many of
#: them: when there are more, all are taken to be as large as these are on average.
MEASURE_SECONDS: Final = 5.0
MAX_MEASURED: Final = 256
#: The newest segments are asked whether they have room for one more process's records: those of processes at work are
#: held, and older ones are full. With more processes at once than this, files become more.
MAX_FOLD_TRIES: Final = 64
#: Leftovers of processes that died while making a segment are removed after this time, in seconds.
UNBORN_SECONDS: Final = 3600


class SpoolRefusedError(AgentOtelError):
    """The spool's folder cannot be trusted."""


class SpoolFullError(AgentOtelError):
    """The spool is at its limit."""


class Spool:
    """Appends to a segment of its own, and hands out segments for delivery. Thread-safe."""

    def __init__(self, folder: str, limit: int) -> None:
        self.folder = folder
        self.counts = Counts(folder)
        self.tally = Tally()
        self.problem: str | None = None
        self._limit = limit
        self._lock = allocate_lock()
        self._segments: list[Segment] = []  # ours, the last is written to
        self._number = 0
        self._prefix = ""
        self._others = 0
        self._measured_at = -MEASURE_SECONDS

    def append(self, kind: int, items: int, payload: bytes, *, durable: bool = False) -> bool:
        """Keep a record; with `durable` it is on the disk when this returns.

        False when it is not: lost, which is counted, or kept but not synced. `problem` says why.
        """
        if len(payload) > MAX_PAYLOAD:
            return self.lose(TOO_LARGE, items, f"a record of {len(payload)} bytes is over {MAX_PAYLOAD}")
        framed = frame(kind, items, payload)
        try:
            segment = self.put(framed, items)
        except (OSError, AgentOtelError) as error:
            return self.lose(reason(error), items, str(error))
        return self._synced(segment) if durable else True

    def put(self, framed: bytes, items: int) -> Segment:
        """Write whole records to our segment, all or none of them. Raises OSError, Spool{Refused,Full}Error."""
        with self._lock:
            if self._used() + len(framed) > self._limit:
                raise SpoolFullError(f"{self.folder} is at its limit of {self._limit} bytes")
            segment = self._active(len(framed))
            segment.append(framed)
            self.tally.appended += items
        self.counts.add(SPOOLED, items)
        return segment

    def lose(self, reason: str, items: int, problem: str) -> bool:
        """Count items that never got into the spool; always False."""
        self.counts.add(reason, items)
        self.tally.dropped += items
        self.problem = f"{reason}: {problem}"
        return False

    def sync(self) -> None:
        """Have everything on the disk that was appended."""
        for segment in self.own():
            self._synced(segment)

    def own(self) -> list[Segment]:
        """This process's segments, oldest first."""
        with self._lock:
            return list(self._segments)

    def retire(self, segment: Segment) -> None:
        """Remove one of our own segments if nothing in it waits and it is full or large for an idle one."""
        with self._lock:
            is_active = bool(self._segments) and segment is self._segments[-1]
            if not segment.finished or (is_active and segment.size < IDLE_SIZE):
                return
            self._segments.remove(segment)
        segment.remove()

    def orphans(self) -> Iterator[Segment]:
        """Segments of dead processes, oldest first, each locked for us; the caller closes or removes it at once."""
        own = {segment.path for segment in self.own()}
        if not os.access(self.folder, os.W_OK):
            return  # what cannot be removed would be delivered again and again
        for name in self._names():
            path = os.path.join(self.folder, name)
            if name.endswith(UNBORN_SUFFIX):
                self._remove_unborn(path)
            elif name.endswith(ACKNOWLEDGED_SUFFIX):
                self._remove_widowed(path)
            elif name.endswith(SUFFIX) and path not in own:
                segment = Segment.adopt(path)
                if segment is not None:
                    yield segment

    def fold(self, segment: Segment) -> None:
        """Move what waits in one of our own segments into another that nobody holds and that has room, if there is one.

        Otherwise an outage would make a file of every short process. A crash in between leaves the records in both
        files, and both are delivered, as receivers must expect anyhow.
        """
        rest = segment.unsettled()
        names = [name for name in self._names() if name.endswith(SUFFIX)]
        for name in names[: -MAX_FOLD_TRIES - 1 : -1]:
            target = Segment.adopt(os.path.join(self.folder, name))
            if target is None:  # our own is among them
                continue
            try:
                if target.size + len(rest) <= SEGMENT_SIZE:
                    target.append(rest)
                    target.sync()
                    segment.remove()
                    return
            except OSError:  # the disk is full: they stay where they are
                return
            finally:
                target.close()

    def close(self) -> None:
        """Let go of our segments; whatever waits in them is delivered by another process. Appending opens a new one."""
        with self._lock:
            segments, self._segments = self._segments, []
        for segment in segments:
            if segment.finished:
                segment.remove()
            else:
                segment.close()

    def after_fork(self) -> None:
        """In a child process: the parent's segments are not ours (closing a copy leaves the parent's lock alone)."""
        self._lock = allocate_lock()
        for segment in self._segments:
            segment.close()
        self._segments, self._prefix = [], ""
        self.tally = Tally()
        self.counts.after_fork()

    def _synced(self, segment: Segment) -> bool:
        try:
            segment.sync()
        except OSError as error:
            self.problem = f"fsync of {segment.path}: {error}"
            return False
        return True

    def _active(self, size: int) -> Segment:
        if self._segments and self._segments[-1].size + size <= SEGMENT_SIZE:
            return self._segments[-1]
        if self._segments and self._segments[-1].size == 0:
            return self._segments[-1]  # one record larger than a segment
        if not self._prefix:
            check_folder(self.folder)
            self._prefix = f"{os.getpid()}-{time.time_ns():x}-{os.urandom(4).hex()}"
        self._number += 1
        path = os.path.join(self.folder, f"{self._prefix}-{self._number:04d}{SUFFIX}")
        try:
            segment = Segment.create(path, self.tally)
        except FileNotFoundError:  # the folder was removed meanwhile
            check_folder(self.folder)
            segment = Segment.create(path, self.tally)
        self._segments.append(segment)
        return segment

    def _used(self) -> int:
        """Bytes of all processes' segments; those of others as of a few seconds ago."""
        now = time.monotonic()
        if now - self._measured_at >= MEASURE_SECONDS:
            self._measured_at = now
            self._others = self._measure()
        return self._others + sum(segment.size for segment in self._segments)

    def _measure(self) -> int:
        own = {os.path.basename(segment.path) for segment in self._segments}
        others = [name for name in self._listed() if name.endswith(SUFFIX) and name not in own]
        some = others[:: len(others) // MAX_MEASURED + 1]
        return sum(map(self._size, some)) * len(others) // len(some) if some else 0

    def _names(self) -> list[str]:
        return sorted(self._listed(), key=_time)

    def _listed(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except OSError:
            return []

    def _size(self, name: str) -> int:
        try:
            return os.stat(os.path.join(self.folder, name)).st_size
        except OSError:
            return 0

    @staticmethod
    def _remove_widowed(path: str) -> None:
        """A note on a segment whose process died while it removed the two."""
        if not os.path.lexists(path.removesuffix(ACKNOWLEDGED_SUFFIX)):
            try:  # noqa: SIM105 - contextlib takes 2 ms to import
                os.unlink(path)
            except OSError:
                pass

    @staticmethod
    def _remove_unborn(path: str) -> None:
        try:
            if os.stat(path).st_mtime < time.time() - UNBORN_SECONDS:
                os.unlink(path)
        except OSError:
            pass


def reason(error: OSError | AgentOtelError) -> str:
    """Under which reason items are counted that could not be kept."""
    return SPOOL_FULL if isinstance(error, SpoolFullError) else IO_ERROR


def _time(name: str) -> str:
    """When a segment was made, as it stands in its name; hex digits of one length, until the year 2554."""
    return name.partition("-")[2]


def check_folder(folder: str) -> None:
    """Make the folder, for this user only. Raises SpoolRefusedError when another user could read or plant records."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise SpoolRefusedError(f"{folder} is not a folder; remove it or set AGENT_OTEL_HOME")
    if status.st_uid != os.geteuid():
        raise SpoolRefusedError(f"{folder} belongs to user {status.st_uid}, not to us; set AGENT_OTEL_HOME")
    if status.st_mode & 0o022:
        raise SpoolRefusedError(f"{folder} can be written by other users; chmod 700 it")
