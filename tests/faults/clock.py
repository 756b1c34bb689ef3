"""A client's clock that is hours off.

The clock that Python programs ask (time.time, time.time_ns) is shifted in the client's process before anything else is
imported. libfaketime would shift the system's, but with it Python 3.11 either fails in time.sleep or never ends a wait
for a lock.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.faults import ledger

VARIABLE: Final = "FAULTS_CLOCK_HOURS"
_HOUR_NS: Final = 3_600 * 10**9


def environment(hours: int) -> dict[str, str]:
    """What makes a client's clock so many hours fast or, below 0, slow."""
    return {VARIABLE: str(hours)}


def shift(hours: int) -> None:
    """Do it in this process."""
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + hours * _HOUR_NS
    time.time = lambda: (true_ns() + hours * _HOUR_NS) / 1e9


def grpc_timeout(seconds: float) -> float:
    """The timeout to ask of grpc in this process, so that it comes to `seconds`.

    Its Python side adds it to time.time(), its core compares the sum with the system's clock, which is right.
    """
    return seconds - 3_600 * int(os.environ.get(VARIABLE, "0"))


def require_off(ledgers: Iterable[Path], hours: int) -> None:
    """Raise unless what the clients wrote into their ledgers is of that other time."""
    for path in ledgers:
        ahead_ns = ledger.parse(path.read_text())[-1].time_ns - time.time_ns()
        if abs(ahead_ns - hours * _HOUR_NS) > _HOUR_NS / 2:
            raise RuntimeError(f"the clock behind {path} was {ahead_ns / 1e9:.0f} s ahead, not {hours} h")
