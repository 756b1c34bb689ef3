"""What processes and folders hold: file handles, connections, memory, bytes on disk."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_KIB = 1024


class Usage(NamedTuple):
    """Of some processes together: open file handles, those of them that are sockets, bytes of memory.

    Memory is the proportional share (Pss), in which what processes share, such as PostgreSQL's buffers, counts once.
    """

    handles: int
    connections: int
    memory: int


def usage(pids: Iterable[int]) -> Usage:
    """Of those of the processes that still run."""
    each = [_usage(Path("/proc") / str(pid)) for pid in pids]
    return Usage(*(sum(values) for values in zip(*each, strict=True))) if each else Usage(0, 0, 0)


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder and below; 0 when it is not there."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # delivered meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _usage(process: Path) -> Usage:
    try:
        handles = [_target(handle) for handle in (process / "fd").iterdir()]
        return Usage(len(handles), sum(target.startswith("socket:") for target in handles), _memory(process))
    except OSError:  # it has ended meanwhile
        return Usage(0, 0, 0)


def _target(handle: Path) -> str:
    with suppress(OSError):
        return str(handle.readlink())
    return ""


def _memory(process: Path) -> int:
    rollup = (process / "smaps_rollup").read_text()
    return next(int(line.split()[1]) * _KIB for line in rollup.splitlines() if line.startswith("Pss:"))
