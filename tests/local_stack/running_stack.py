"""A local stack seen from outside: through its commands, its record and the processes it has."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from agent_otel.local_stack import state
from agent_otel.local_stack.process import identify, wait_until
from agent_otel.store.connection import connect

START_SECONDS: Final = 60
UP: Final = (sys.executable, "-m", "agent_otel", "up", "--free-ports")


def agent_otel(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run our command to its end."""
    command = [sys.executable, "-m", "agent_otel", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)


def processes_in(home: Path) -> list[int]:
    """Processes of this stack: each has the folder in its environment or on its command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(home).encode() in words and identify(int(entry.name)):
                found.append(int(entry.name))
    return found


def ready(home: Path, up: subprocess.Popen[bytes] | None = None) -> state.State:
    """The record of the stack once it is ready; the test fails at once when `up` ends before."""

    def is_ready() -> bool:
        found = state.read(home / "state")
        return bool(found and found.ready and found.runs)

    wait_until(lambda: is_ready() or bool(up and up.poll() is not None), START_SECONDS)
    assert is_ready(), (home.parent / "process-0.log").read_text() if up else "the stack is not ready"
    found = state.read(home / "state")
    assert found is not None
    return found


def part(found: state.State, name: str) -> state.RunningPart:
    """One part of the record."""
    return next(part for part in found.parts if part.name == name)


def select(url: str, statement: Any) -> list[Any]:
    """The rows of a statement."""
    with connect(url, application="test", autocommit=True) as connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows
