"""What runs: a file that tells `status`, `down` and the next `up`, and a lock that only one stack can hold."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.process import Identity, identify
from agent_otel.local_stack.secret import write_private

_FILE: Final = "stack.json"
_LOCK: Final = "stack.lock"


@dataclass(frozen=True)
class RunningPart:
    """One part: where it listens, who it is, where its log and its health page are."""

    name: str
    address: str
    process: Identity
    log: str
    ready_url: str | None = None


@dataclass(frozen=True)
class State:
    """A stack. `ready` once every part is; URLs of the databases hold passwords, so the file is private."""

    supervisor: Identity
    ready: bool
    parts: tuple[RunningPart, ...]
    missing: tuple[str, ...]
    endpoint: str
    grpc_endpoint: str
    database_url: str
    reader_url: str
    jaeger_query_url: str | None

    @property
    def runs(self) -> bool:
        """Whether the supervisor of this stack is alive."""
        return identify(self.supervisor.pid) == self.supervisor


def read(folder: Path) -> State | None:
    """The stack in the folder, running or left behind; None when there is none."""
    path = folder / _FILE
    try:
        found = json.loads(path.read_text())
        parts = (RunningPart(**{**part, "process": _identity(part["process"])}) for part in found["parts"])
        return State(
            **{
                **found,
                "supervisor": _identity(found["supervisor"]),
                "parts": tuple(parts),
                "missing": tuple(found["missing"]),
            }
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise LocalStackError(
            f"{path} cannot be read ({error!r}), so it is unknown what runs: end what is left of the stack, delete it"
        ) from error


def write(folder: Path, state: State) -> None:
    """Replace the state in the folder."""
    write_private(folder / _FILE, json.dumps(asdict(state), indent=1))


def remove(folder: Path) -> None:
    """Say that no stack runs."""
    (folder / _FILE).unlink(missing_ok=True)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; LocalStackError that says who does when it is taken. The kernel frees a dead holder's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            running = read(folder)
            who = f" (pid {running.supervisor.pid}, {running.endpoint})" if running else ""
            raise LocalStackError(
                f"the local stack already runs{who}: `agent-otel status` shows it, `agent-otel down` stops it"
            ) from taken
        yield


def _identity(fields: dict[str, Any]) -> Identity:
    return Identity(fields["pid"], fields["started"], tuple(fields["argv"]))
