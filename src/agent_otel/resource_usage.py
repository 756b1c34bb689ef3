"""What the process used of the machine: of the whole process with its ended children, whatever else it does."""

from __future__ import annotations

import os
from typing import Final

from agent_otel import semconv as s
from agent_otel.attribute_value import Value

try:
    from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage, struct_rusage
except ImportError:  # a system without it
    getrusage = None  # type: ignore[assignment]

#: ru_maxrss is in kibibytes on Linux, in bytes on macOS.
_MAXRSS_UNIT: Final = 1 if os.uname().sysname == "Darwin" else 1024


class ResourceUsage:
    """Begins to count when it is made."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = 0.0 if getrusage is None else _seconds(getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))

    def attributes(self) -> dict[str, Value]:
        """Processor time until now, the largest resident memory ever; nothing where the system does not say.

        In a child that was forked in between the time begins at zero.
        """
        if getrusage is None:
            return {}
        own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
        used = max(0.0, _seconds(own, children) - self._begun)
        memory = max(_memory(own.ru_maxrss), children.ru_maxrss * _MAXRSS_UNIT)
        return {s.CPU_TIME_S: round(used, 6), s.MEMORY_MAX_BYTES: memory}


def _seconds(own: struct_rusage, children: struct_rusage) -> float:
    """Processor time, user and system, in seconds."""
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _memory(maxrss: int) -> int:
    """The largest resident memory of this process, in bytes.

    Linux hands ru_maxrss on through exec: it begins at that of the process that started this one, and says nothing
    before this one has more. /proc knows, but takes as long as all the rest.
    """
    return (maxrss > _INHERITED and maxrss * _MAXRSS_UNIT) or _peak() or maxrss * _MAXRSS_UNIT


def _peak() -> int:
    """As /proc says it, in bytes; 0 where it does not."""
    try:
        with open("/proc/self/status", "rb") as status:
            return int(status.read().partition(b"VmHWM:")[2].partition(b"kB")[0]) * 1024
    except (OSError, ValueError):
        return 0


def _inherited() -> int:
    """The ru_maxrss that is another process's; 0 where it is this one's."""
    if getrusage is None:
        return 0
    maxrss = getrusage(RUSAGE_SELF).ru_maxrss
    return maxrss if 0 < _peak() < maxrss * _MAXRSS_UNIT else 0


_INHERITED: Final = _inherited()
