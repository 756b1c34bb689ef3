"""What processes use, from /proc: CPU with that of their ended children, and memory. Linux only."""

import os
from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
CORES: Final = os.cpu_count() or 1


class Use(NamedTuple):
    """CPU seconds of a process and of its children that have ended; resident bytes now."""

    cpu_seconds: float
    resident: int


def tree(root: int) -> dict[int, Use]:
    """A process and all its living descendants, by pid."""
    found = {}
    children: dict[int, list[int]] = defaultdict(list)
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and (read := _read(folder)):
            found[int(folder.name)] = read[1]
            children[read[0]].append(int(folder.name))
    pids, members = [root], {}
    while pids:
        pid = pids.pop()
        if pid in found:
            members[pid] = found[pid]
        pids += children[pid]
    return members


def machine() -> float:
    """CPU seconds that all cores together have been busy since the machine started."""
    fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _read(folder: Path) -> tuple[int, Use] | None:
    """Parent and use of a process; None when it has just ended."""
    try:
        stat = (folder / "stat").read_text()
    except OSError:
        return None
    # proc(5): the name in parentheses may hold anything; after it come the state and the parent.
    fields = stat[stat.rindex(")") + 2 :].split()
    return int(fields[1]), Use(sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE)
