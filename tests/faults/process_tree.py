"""The processes below a process, and holding some of them still."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent_otel.local_stack.process import wait_until

_STOP_S = 5.0


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that still run."""
    return [child for child, (state, parent) in _processes().items() if parent == pid and state not in "ZX"]


def workers(pid: int) -> list[int]:
    """Worker processes of an exporter: its children, but for Python's own helper; the exporter itself without any."""
    return [child for child in children(pid) if "resource_tracker" not in _command(child)] or [pid]


def tree(pid: int) -> list[int]:
    """The process and everything below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each that still runs."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """Hold the processes where they are (SIGSTOP) for the block; those it leaves alive go on."""
    held = list(pids)
    send(held, signal.SIGSTOP)
    try:
        wait_until(lambda: all(_state(pid) in "TZX" for pid in held), _STOP_S)
        yield
    finally:
        send(held, signal.SIGCONT)


def gone(pid: int) -> bool:
    """Whether the process has ended, waited for or not."""
    return _state(pid) in "ZX"


def _state(pid: int) -> str:
    found = _stat(Path("/proc") / str(pid))
    return found[0] if found else "X"


def _processes() -> dict[int, tuple[str, int]]:
    """State and parent of every process."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    found = {int(folder.name): _stat(folder) for folder in folders}
    return {pid: stat for pid, stat in found.items() if stat}


def _stat(folder: Path) -> tuple[str, int] | None:
    try:
        text = (folder / "stat").read_text()
    except OSError:  # it has ended meanwhile
        return None
    # proc(5): the name in parentheses may hold anything; state and parent follow.
    state, parent = text[text.rindex(")") + 2 :].split()[:2]
    return state, int(parent)


def _command(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
