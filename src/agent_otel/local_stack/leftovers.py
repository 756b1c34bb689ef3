"""Processes of a stack whose supervisor was killed: ended by what the state file says of them, never by name."""

import signal
from pathlib import Path
from typing import Final

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import program, state
from agent_otel.local_stack.process import end, identify
from agent_otel.local_stack.slots import POSTGRES

_KILL_SECONDS: Final = 5
_SIGNALS: Final = ((signal.SIGTERM, program.STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS))
#: SIGTERM would let PostgreSQL wait for its clients; these are its "fast" and "immediate" stop.
_POSTGRES_SIGNALS: Final = ((signal.SIGINT, program.STOP_SECONDS), (signal.SIGQUIT, _KILL_SECONDS))


def stop(folder: Path) -> list[str]:
    """End the recorded parts that are still the same runs of the same programs; return their names."""
    found = state.read(folder)
    if found is None:
        return []
    left = [part for part in reversed(found.parts) if identify(part.process.pid) == part.process]
    for part in left:
        if not end(part.process, _POSTGRES_SIGNALS if part.name == POSTGRES else _SIGNALS):
            raise LocalStackError(f"the {part.name} of an earlier run (pid {part.process.pid}) does not end; end it")
    state.remove(folder)
    return [part.name for part in left]
