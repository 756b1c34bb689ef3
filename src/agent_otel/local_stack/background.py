"""The local stack in a process of its own: started detached from the terminal, and stopped from another."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import leftovers, state
from agent_otel.local_stack.logs import open_log, tail
from agent_otel.local_stack.process import end
from agent_otel.local_stack.state import State

#: A first start makes a database; each part may take a minute.
START_SECONDS: Final = 300
#: Every part has 20 s to end before it is killed.
STOP_SECONDS: Final = 120
_KILL_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.1


def start(command: Sequence[str], folder: Path) -> State:
    """Run the supervising command in the background and return once its stack in `folder` is ready.

    LocalStackError with what it printed when it ends before, or is not ready within START_SECONDS.
    """
    log = folder / "logs/up.log"
    with open_log(log) as output:
        begins = output.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = state.read(folder)
        if found and found.ready and found.supervisor.pid == child.pid:
            return found
        if child.poll() is not None:
            raise LocalStackError(f"the stack did not start:\n{_since(log, begins)}")
        time.sleep(_POLL_SECONDS)
    child.send_signal(signal.SIGTERM)
    child.wait(STOP_SECONDS)
    raise LocalStackError(f"the stack was not ready within {START_SECONDS} s; the end of {log}:\n{tail(log)}")


def stop(folder: Path) -> list[str]:
    """Stop the stack in `folder`, also one whose supervisor was killed; return what was stopped."""
    found = state.read(folder)
    if found is None:
        return []
    if found.runs:
        end(found.supervisor, [(signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS)])
        # Whatever a killed supervisor left is ended too; after an orderly stop nothing is.
        leftovers.stop(folder)
        return [part.name for part in found.parts]
    return leftovers.stop(folder)


def _since(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset, os.SEEK_SET)
        return file.read().decode(errors="replace").strip()
