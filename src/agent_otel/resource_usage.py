"""What the process used of the machine: of the whole process with its ended children, whatever else it does."""

import os
from typing import Final, NamedTuple

from agent_otel import semconv as s
from agent_otel.attribute_value import Value

try:
    from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
except ImportError:  # a system without it
    getrusage = None  # type: ignore[assignment]

#: ru_maxrss is in kibibytes on Linux, in bytes on macOS.
_MAXRSS_UNIT: Final = 1 if os.uname().sysname == "Darwin" else 1024


class ResourceUsage(NamedTuple):
    """Processor time, user and system, in seconds; largest resident memory of the process or a child, in bytes."""

    cpu_time_s: float
    memory_max_bytes: int


def read() -> ResourceUsage | None:
    """What it used until now; None where the system does not say."""
    if getrusage is None:
        return None
    own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return ResourceUsage(
        own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        max(own.ru_maxrss, children.ru_maxrss) * _MAXRSS_UNIT,
    )


def attributes(begun: ResourceUsage | None, ended: ResourceUsage | None) -> dict[str, Value]:
    """What was used in between; a fork in between begins at zero."""
    if begun is None or ended is None:
        return {}
    used = max(0.0, ended.cpu_time_s - begun.cpu_time_s)
    return {s.CPU_TIME_S: round(used, 6), s.MEMORY_MAX_BYTES: ended.memory_max_bytes}
