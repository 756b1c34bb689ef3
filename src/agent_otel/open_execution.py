"""Executions that are open on this machine: one small file each in the state folder, so that any process can find them.

``<id>.json`` says where the execution's span belongs; ``<id>.closed`` is made by whoever closes the execution first,
and only that one sends its span.
"""

import json
import os
import time
from contextlib import suppress
from typing import Final, NamedTuple

#: ``.closed`` files older than this are removed, and of the younger ones the oldest beyond the number.
KEEP_CLOSED_SECONDS: Final = 7 * 24 * 3600
MAX_CLOSED: Final = 200_000
#: Files of executions that never ended are removed after a month.
KEEP_OPEN_SECONDS: Final = 30 * 24 * 3600


class OpenExecution(NamedTuple):
    """Where an execution stands: enough to add a step or a child, or to complete it from another process."""

    execution_id: str
    trace_id: int
    span_id: int
    trace_flags: int
    agent_name: str
    started_at: int
    correlation_id: str
    session_id: str
    project: str | None = None


class ExecutionFolder:
    """``<state_dir>/executions``. A folder that cannot be written costs the files, never the execution."""

    def __init__(self, state_dir: str) -> None:
        self.path = f"{state_dir}/executions"
        self.failures = 0
        self._written: set[str] = set()

    def add(self, execution: OpenExecution) -> None:
        """Write the execution's file, unless this process already did."""
        if execution.execution_id in self._written:
            return
        self._written.add(execution.execution_id)
        ids = {"trace_id": f"{execution.trace_id:032x}", "span_id": f"{execution.span_id:016x}"}
        try:
            descriptor = self._create(f"{execution.execution_id}.json", os.O_TRUNC)
            try:
                os.write(descriptor, json.dumps({**execution._asdict(), **ids}).encode())
            finally:
                os.close(descriptor)
        except OSError:
            self.failures += 1

    def find(self, execution_id: str) -> OpenExecution | None:
        """The execution, when its file is here and whole."""
        try:
            with open(self._file(f"{execution_id}.json"), encoding="utf-8") as file:
                fields = json.load(file)
            fields["trace_id"], fields["span_id"] = int(fields["trace_id"], 16), int(fields["span_id"], 16)
            return OpenExecution(**fields)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def close(self, execution_id: str) -> bool:
        """Claim the end of the execution; False when another was first. Unwritable folder: the claim holds."""
        try:
            os.close(self._create(f"{execution_id}.closed", os.O_EXCL))
        except FileExistsError:
            return False
        except OSError:
            self.failures += 1
        return True

    def remove(self, execution_id: str) -> None:
        """Remove the file of an execution whose end was handed over."""
        self._written.discard(execution_id)
        with suppress(OSError):
            os.unlink(self._file(f"{execution_id}.json"))

    def clean_up(self, now: float | None = None) -> int:
        """Remove files past their time; return how many. `now` in seconds since the epoch."""
        moment = time.time() if now is None else now
        ages: dict[str, list[tuple[float, str]]] = {".closed": [], ".json": []}
        with suppress(OSError):
            for entry in os.scandir(self.path):
                suffix = os.path.splitext(entry.name)[1]
                if suffix in ages:
                    ages[suffix].append((moment - entry.stat().st_mtime, entry.path))
        closed = sorted(ages[".closed"])
        outdated = [path for age, path in closed[:MAX_CLOSED] if age > KEEP_CLOSED_SECONDS]
        outdated += [path for _, path in closed[MAX_CLOSED:]]
        outdated += [path for age, path in ages[".json"] if age > KEEP_OPEN_SECONDS]
        for path in outdated:
            with suppress(OSError):
                os.unlink(path)
        return len(outdated)

    def _create(self, name: str, flag: int) -> int:
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | flag
        try:
            return os.open(self._file(name), flags, 0o600)
        except FileNotFoundError:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            return os.open(self._file(name), flags, 0o600)

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"
