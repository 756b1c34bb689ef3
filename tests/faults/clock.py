"""A client's clock that is hours off, with libfaketime: only its own process sees the other time."""

import os
import time
from pathlib import Path
from typing import Final

from tests.faults.clients import Clients

MISSING: Final = "libfaketime is not installed: apt-get install libfaketime (Debian)"
_PLACES: Final = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1")
_HOUR_S: Final = 3_600


def library() -> Path | None:
    """The library to preload, or None where it is not installed."""
    found = (path for pattern in _PLACES for path in Path("/").glob(pattern.lstrip("/")))
    return next(found, None)


def environment(hours: int) -> dict[str, str]:
    """What makes a process's wall clock so many hours fast (or, below 0, slow). Pauses and timeouts stay right."""
    return {"LD_PRELOAD": os.fspath(library() or ""), "FAKETIME": f"{hours * _HOUR_S:+d}", "DONT_FAKE_MONOTONIC": "1"}


def require_off(clients: Clients, hours: int) -> None:
    """Raise unless what the clients wrote into their ledgers is of that other time."""
    for client in clients.all:
        ahead_s = client.entries()[-1].time_ns / 1e9 - time.time()
        if abs(ahead_s - hours * _HOUR_S) > _HOUR_S / 2:
            raise RuntimeError(f"the clock of client {client.name} was {ahead_s:.0f} s ahead, not {hours} h")
