"""Processes by identity: a pid alone may by now belong to somebody else."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Identity:
    """One run of a program: the pid, when it began (in the system's own form) and its command line."""

    pid: int
    started: str
    argv: tuple[str, ...]


def identify(pid: int) -> Identity | None:
    """Who has this pid now; None when nobody, or when it has ended and only waits for its parent (a zombie)."""
    return _from_proc(pid) if (_PROC / "self/stat").exists() else _from_ps(pid)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds; False when it did not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def end(identity: Identity, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn, waiting its seconds, to exactly this run of the program; True when it is gone.

    For processes that are not our children; those are waited for with their Popen.
    """
    for number, seconds in signals:
        if identify(identity.pid) != identity:
            return True
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return True
        if wait_until(lambda: identify(identity.pid) != identity, seconds):
            return True
    return False


def _from_proc(pid: int) -> Identity | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        argv = (_PROC / str(pid) / "cmdline").read_bytes()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # proc(5): the name in parentheses may hold anything; after it, field 3 is the state and field 22 the start time.
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    arguments = argv.rstrip(b"\0").split(b"\0")
    return Identity(pid, f"{boot}:{fields[19]}", tuple(each.decode(errors="replace") for each in arguments))


def _from_ps(pid: int) -> Identity | None:
    """The same from ps, for systems without /proc (macOS)."""
    command = ["ps", "-ww", "-p", str(pid), "-o", "lstart=", "-o", "stat=", "-o", "command="]
    words = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    fields = words.stdout.split()
    # lstart is five words: Thu Nov 20 11:35:00 2026
    if len(fields) < 7 or fields[5].startswith("Z"):
        return None
    return Identity(pid, " ".join(fields[:5]), tuple(fields[6:]))
