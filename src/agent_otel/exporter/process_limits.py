"""What the exporter's process asks of its libraries and of the operating system, before it starts anything.

To be imported before grpc, whose core looks at its environment once: it would write lines of its own between ours, with
text of the sender's choice in them. GRPC_VERBOSITY=INFO brings them back.
"""

import ctypes
import gc
import logging
import os
import resource
from typing import Final

logger: Final = logging.getLogger(__name__)

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Its Python side writes a traceback for a header's name that is not UTF-8, and goes on without the header.
logging.getLogger("grpc._cython.cygrpc").setLevel(logging.CRITICAL)

#: malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
#: New objects before a collection of the youngest generation, and collections of one before one of the next.
_GARBAGE: Final = (50_000, 20, 100)
_MIB: Final = 1024 * 1024
#: Files that are no connections: ports, the database, logs, the selectors' own.
_OTHER_FILES: Final = 64


def give_memory_back() -> None:
    """Have glibc return the memory of large requests, which it keeps otherwise: in one heap a thread, for the next.

    Without glibc (macOS, musl) nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, _MIB)


def collect_garbage_seldom() -> None:
    """Look for reference cycles after 50,000 new objects and not after 700, and never again among those of the start.

    Rows have none and are freed when they are written, but some 10,000 objects a request wait for that: looking through
    all of them again and again took a tenth of the process's time.
    """
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


def allow_connections(count: int) -> None:
    """Raise the limit on open files as far as `count` connections need it and the system lets us; say when not."""
    wanted = count + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            logger.warning("fewer open files than connections", extra={"files": allowed, "wanted": wanted})
