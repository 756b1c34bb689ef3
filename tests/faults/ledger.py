"""The ledger: what a client was promised, written by the client itself and on the disk before it goes on.

One line an entry: kind, time in ns of the client's clock, fields. A line is one write, so a kill leaves whole lines.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

#: Fields: process id, grace in ns. A process of the client began; see `promised` for the grace.
BEGIN: Final = "begin"
#: Fields: trace id (32 hex digits), span ids (16 hex digits each, joined by commas).
SPANS: Final = "spans"
#: Fields: event ids (UUIDs joined by commas).
EVENTS: Final = "events"
#: Fields: execution id, stage. A progress event, whose own id the helper does not return.
PROGRESS: Final = "progress"
#: Fields: execution id, steps, input tokens, output tokens.
EXECUTION: Final = "execution"
#: Fields: what happened. An attempt that failed; the client tries again.
ERROR: Final = "error"
#: Fields: spans and events delivered, spooled, lost. The process came to its end in order.
END: Final = "end"

_IN_GRACE: Final = frozenset({SPANS, EXECUTION})


class Entry(NamedTuple):
    """One line."""

    kind: str
    time_ns: int
    fields: list[str]


class Ledger:
    """Appends entries. Not thread-safe: a client has one."""

    def __init__(self, path: Path, grace_ns: int = 0) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.write(BEGIN, os.getpid(), grace_ns)

    def write(self, kind: str, *fields: object) -> None:
        """Append an entry; the system has it when this returns, the disk after `sync`."""
        os.write(self._file, f"{kind} {time.time_ns()} {' '.join(map(str, fields))}\n".encode())

    def sync(self) -> None:
        """Return once all entries are on the disk."""
        os.fsync(self._file)


def parse(text: str) -> list[Entry]:
    """The entries of whole lines; what stands behind the last line's end is left out."""
    whole = text[: text.rfind("\n") + 1]
    return [Entry(kind, int(when), fields) for kind, when, *fields in (line.split() for line in whole.splitlines())]


def promised(entries: list[Entry]) -> Iterator[Entry]:
    """What the client may rely on.

    All of a process that came to its end; of a killed one, spans and executions only when they are older than its grace
    at its last sign of life: the helpers promise a span within 200 ms of its end.
    """
    for process in _processes(entries):
        grace = 0 if process[-1].kind == END else int(process[0].fields[1])
        latest = process[-1].time_ns - grace
        yield from (entry for entry in process if entry.time_ns <= latest or entry.kind not in _IN_GRACE)


def _processes(entries: list[Entry]) -> Iterator[list[Entry]]:
    begins = [number for number, entry in enumerate(entries) if entry.kind == BEGIN]
    for first, last in zip(begins, [*begins[1:], len(entries)], strict=True):
        yield entries[first:last]
