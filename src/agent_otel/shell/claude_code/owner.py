"""The process whose hook we are: when it is gone, nothing that it began goes on."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: What may stand between the CLI and a hook.
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ash", "busybox"})
_MAX_SHELLS: Final = 4


def owner() -> str:
    """``pid:start`` of the CLI; without /proc its pid, of which nobody can tell later whether it is still the same."""
    pid = os.getppid()
    for _ in range(_MAX_SHELLS):
        name, parent, start = _status(pid)
        if not start:
            return str(pid)
        if name not in _SHELLS or parent <= 1:
            return f"{pid}:{start}"
        pid = parent
    return str(pid)


def is_gone(known: str) -> bool:
    """Whether that process has ended, as far as can be told."""
    pid, _, start = known.partition(":")
    if not start or not pid.isdigit() or not os.path.exists("/proc/self/stat"):
        return False
    return _status(int(pid))[2] != start


def _status(pid: int) -> tuple[str, int, str]:
    """Name, parent and start (clock ticks since boot) of a process: proc_pid_stat(5). Empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            content = file.read()
    except OSError:
        return "", 0, ""
    name, _, rest = content.rpartition(")")
    fields = rest.split()
    if len(fields) < 20 or fields[0] in "ZX":
        return "", 0, ""
    return name.partition("(")[2], int(fields[1]), fields[19]
