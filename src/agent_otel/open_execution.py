"""Executions that are open on this machine: one small file each in the state folder, so that any process can find them.

``<id>.json`` says where the execution's span belongs; ``<id>.closed`` is made by whoever closes the execution first,
and only that one sends its span. ``<id>.events`` is the journal of calls of the command (agent_otel.shell.journal),
``<id>.files`` what agent_otel.file_tracking remembers of its start; ``closing/`` holds the spans of those that claimed
an end and have not handed the span over yet.
"""

from __future__ import annotations

import os
import time

from agent_otel import plain_json
from agent_otel.state_folder import StateFolder, lives, unlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

#: ``.closed`` files older than this are removed, and of the younger ones the oldest beyond the number.
KEEP_CLOSED_SECONDS: Final = 7 * 24 * 3600
MAX_CLOSED: Final = 200_000
#: Files of executions that never ended are removed after a month.
KEEP_OPEN_SECONDS: Final = 30 * 24 * 3600

#: A claim that holds its span for so long was left by a process that died, whoever has its pid now.
UNFINISHED_SECONDS: Final = 30.0
CLOSING: Final = "closing"
_SUFFIXES: Final = (".closed", ".json", ".events", ".files")


class OpenExecution:
    """Where an execution stands: enough to add a step or a child, or to complete it from another process."""

    __slots__ = (
        *("agent_name", "correlation_id", "execution_id", "project", "session_id", "span_id", "started_at"),
        *("trace_flags", "trace_id"),
    )

    def __init__(
        self,
        execution_id: str,
        trace_id: int,
        span_id: int,
        trace_flags: int,
        agent_name: str,
        started_at: int,
        correlation_id: str,
        session_id: str,
        project: str | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.trace_id = trace_id
        self.span_id = span_id
        self.trace_flags = trace_flags
        self.agent_name = agent_name
        self.started_at = started_at  # nanoseconds since the epoch
        self.correlation_id = correlation_id
        self.session_id = session_id
        self.project = project

    def as_json(self) -> str:
        """One JSON object; ids as hex digits."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["trace_id"], fields["span_id"] = f"{self.trace_id:032x}", f"{self.span_id:016x}"
        return plain_json.dumps(fields)

    @classmethod
    def from_json(cls, content: str) -> OpenExecution:
        """What `as_json` wrote. Raises ValueError, TypeError or KeyError for anything else."""
        fields = plain_json.loads(content)
        fields["trace_id"], fields["span_id"] = int(fields["trace_id"], 16), int(fields["span_id"], 16)
        return cls(**fields)


class ExecutionFolder(StateFolder):
    """``<state_dir>/executions``. A folder that cannot be written costs the files, never the execution."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(f"{state_dir}/executions")
        self._written: set[str] = set()

    def add(self, execution: OpenExecution) -> bool:
        """Write the execution's file, unless this process already did; False when another process has."""
        if execution.execution_id in self._written:
            return True
        self._written.add(execution.execution_id)
        name, made = f"{execution.execution_id}.json", f"{execution.execution_id}.{os.getpid()}.json"
        try:
            self._write(made, os.O_TRUNC, execution.as_json().encode())
            try:
                os.link(self._file(made), self._file(name))  # all or nothing, and only one
            except FileExistsError:
                if self.find(execution.execution_id) is not None:
                    return False
                os.replace(self._file(made), self._file(name))  # it was damaged: nobody could go on with it
        except OSError as error:
            self._failed(error)
        finally:
            unlink(self._file(made))
        return True

    def find(self, execution_id: str) -> OpenExecution | None:
        """The execution, when its file is here, ours and whole."""
        content = self.read(f"{execution_id}.json")
        try:
            return OpenExecution.from_json(content) if content else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def close(self, execution_id: str, span: bytes = b"") -> bool:
        """Claim the end of the execution; False when another was first. Unwritable folder: the claim holds.

        With `span`, the bytes of the execution's span are kept with the claim until `handed_over`, so that a process
        that dies in between does not take them along.
        """
        closed, closing = f"{execution_id}.closed", f"{CLOSING}/{execution_id}.{os.getpid()}"
        try:
            if not span:
                self._write(closed, os.O_EXCL, b"")
                return True
            self._write(closing, os.O_TRUNC, span)
            os.link(self._file(closing), self._file(closed))  # all or nothing, and only one
        except FileExistsError:
            unlink(self._file(closing))
            return False
        except OSError as error:
            unlink(self._file(closing))
            self._failed(error)
        return True

    def is_closed(self, execution_id: str) -> bool:
        """Whether somebody claimed the end."""
        return os.path.exists(self._file(f"{execution_id}.closed"))

    def unfinished(self, age: float = UNFINISHED_SECONDS) -> Iterator[tuple[str, bytes]]:
        """File and span of those that claimed an end and died before the span was in the spool."""
        try:
            entries = list(os.scandir(self._file(CLOSING)))
        except OSError:
            return
        for entry in entries:
            try:
                span = _abandoned(entry, age)
            except OSError:  # handed over meanwhile
                continue
            if span:
                yield entry.name, span

    def handed_over(self, execution_id: str, closing: str = "") -> None:
        """The span is in the spool: the claim need not hold it any longer, nor do we what it was made of."""
        for path in (
            f"{CLOSING}/{closing or f'{execution_id}.{os.getpid()}'}",
            f"{execution_id}.events",
            f"{execution_id}.files",
        ):
            unlink(self._file(path))
        _empty(self._file(f"{execution_id}.closed"))

    def remove(self, execution_id: str) -> None:
        """Remove the file of an execution whose end was handed over."""
        self._written.discard(execution_id)
        unlink(self._file(f"{execution_id}.json"))

    def clean_up(self, now: float | None = None) -> int:
        """Remove files past their time; return how many. `now` in seconds since the epoch."""
        moment = time.time() if now is None else now
        closed, others = self._ages(moment)
        closed.sort()
        outdated = [path for age, path in closed[:MAX_CLOSED] if age > KEEP_CLOSED_SECONDS]
        outdated += [path for _, path in closed[MAX_CLOSED:]]
        outdated += [f"{path.removesuffix('.closed')}.json" for path in outdated]
        outdated += [path for age, path in others if age > KEEP_OPEN_SECONDS]
        return sum(map(unlink, outdated))

    def _ages(self, moment: float) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
        """Age in seconds and path of the claims, and of all else."""
        closed: list[tuple[float, str]] = []
        others: list[tuple[float, str]] = []
        try:
            for entry in os.scandir(self.path):
                if entry.name.endswith(_SUFFIXES):
                    found = closed if entry.name.endswith(".closed") else others
                    found.append((moment - entry.stat(follow_symlinks=False).st_mtime, entry.path))
        except OSError:
            pass
        return closed, others


def _abandoned(entry: os.DirEntry[str], age: float) -> bytes:
    """The span of a claim whose process died; empty for any other. Raises OSError when it is gone."""
    status = entry.stat(follow_symlinks=False)
    if status.st_uid != os.geteuid() or (lives(entry.name.rpartition(".")[2]) and time.time() - status.st_mtime < age):
        return b""
    if status.st_nlink == 1:  # the claim was not made: its end was never told to anybody
        unlink(entry.path)
        return b""
    with open(entry.path, "rb") as file:
        return file.read()


def _empty(path: str) -> bool:
    try:
        os.truncate(path, 0)
    except OSError:
        return False
    return True
