"""What is open in one session: a folder of small files, one for each execution and each tool call that has not ended.

``<execution>.run`` an execution that goes on; ``<execution>.<digest>.stopped`` an end, until that is handed over;
``<step>.call`` a tool that runs; ``<execution>.parent`` which tool call made a sub-agent; ``agent.json`` whose session
it is.
Hooks run at the same time as others, twice, and in any order: a file is made by one and taken by one.
"""

from __future__ import annotations

import os

from agent_otel import identity, plain_json
from agent_otel.hand_over import hand_over
from agent_otel.open_execution import ExecutionFolder
from agent_otel.state_folder import MADE, StateFolder, lives

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from agent_otel.hand_over import Handed
    from agent_otel.settings import Settings

#: The folder of all sessions, in the state folder.
FOLDER: Final = "claude_code"
RUN: Final = ".run"
STOPPED: Final = ".stopped"
CALL: Final = ".call"
PARENT: Final = ".parent"
MAIN_AGENT: Final = "claude-code"


class Session(StateFolder):
    """One session of Claude Code on this machine, with the folder of all open executions."""

    def __init__(self, settings: Settings, session_id: str) -> None:
        key = session_id if identity.parse(session_id) else _named(f"session:{session_id}")
        super().__init__(f"{settings.state_dir}/{FOLDER}/{key}")
        self.settings = settings
        self.session_id = session_id
        self.executions = ExecutionFolder(settings.state_dir)
        #: Why a record is neither kept nor delivered; empty when there is none such.
        self.lost = ""

    def execution_id(self, named: str) -> str:
        """The execution of a prompt's id, or of a sub-agent's."""
        return _named(f"{self.session_id}/{named}")

    def step_key(self, execution_id: str, tool_use_id: str) -> str:
        """What a step is known by among files: a tool call's id could be anything."""
        return _named(f"{execution_id}/{tool_use_id}")

    def day_key(self, day: str) -> str:
        """What a day is known by among claims, in all sessions."""
        return _named(f"tidied on {day}")

    def is_first(self, *what: str) -> bool:
        """Whether this is told for the first time: the same hook may be registered twice."""
        return self.executions.close(_named("/".join((self.session_id, *what))))

    def note(self, name: str, content: dict[str, Any]) -> bool:
        """Make a file; False when it is there already."""
        return self.put(name, plain_json.dumps(content, default=str))

    def noted(self, name: str) -> dict[str, Any]:
        """What a file says; nothing when it is not there or damaged."""
        try:
            content = plain_json.loads(self.read(name) or "{}")
        except (ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def names(self, suffix: str) -> list[str]:
        """The files of a kind, without the suffix."""
        try:
            return sorted([name.removesuffix(suffix) for name in os.listdir(self.path) if name.endswith(suffix)])
        except OSError:
            return []

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """The tool calls that are open: their keys and what is known of them."""
        return [(key, self.noted(f"{key}{CALL}")) for key in self.names(CALL)]

    def has(self, execution_id: str, suffix: str) -> bool:
        """Whether a file of an execution is there, or somebody has taken it."""
        try:
            return any(found.startswith(execution_id) and _is(found, suffix) for found in os.listdir(self.path))
        except OSError:
            return False

    def take(self, name: str) -> str:
        """Take a file for ourselves: its name from now on; empty when somebody else did, or it is not there."""
        taken = f"{name}.{os.getpid()}"
        try:
            os.rename(self._file(name), self._file(taken))
        except OSError:
            return ""
        return taken

    def give_back(self) -> list[str]:
        """Put back what was taken by processes that died before they were done with it: the names of these files. What
        such processes made by half goes.
        """
        given: list[str] = []
        try:
            names = os.listdir(self.path)
        except OSError:
            return given
        for name in names:
            stem, _, pid = name.removesuffix(MADE).rpartition(".")
            if name.endswith(MADE) and not lives(pid):
                self.remove_file(name)
                continue
            if stem.endswith((RUN, STOPPED)) and pid.isdigit() and not lives(pid):
                try:
                    os.rename(self._file(name), self._file(stem))
                except OSError:
                    continue
                given.append(stem)
        return given

    def send(self, records: list[tuple[int, int, bytes]]) -> Handed:
        """Hand records over. Once the receiver did not answer, it is not waited for again: a session that ends may have
        much to say, and a second and a half for it.
        """
        return self.sent(hand_over(records, self.settings))

    def sent(self, handed: Handed) -> Handed:
        """Note how a delivery went."""
        if not handed.delivered:
            self.settings.send_milliseconds = 1
            if not handed.spooled:
                self.lost = handed.problem
        return handed

    def _check(self) -> None:
        """As for every such folder; what is not there yet is not made where another user could plant files, either."""
        try:
            super()._check()
        except FileNotFoundError:
            StateFolder(os.path.dirname(self.path))._check()
            raise

    @property
    def agent_name(self) -> str:
        """Of the main agent."""
        return self.noted("agent.json").get("agent_type") or MAIN_AGENT

    def leave(self) -> None:
        """Remove the folder when nothing is open any more; a session that goes on makes it anew."""
        if not any(self.has("", kind) for kind in (RUN, STOPPED, CALL)):
            for name in (*[f"{stem}{PARENT}" for stem in self.names(PARENT)], "agent.json"):
                self.remove_file(name)
        try:
            os.rmdir(self.path)
        except OSError:
            return


def _is(found: str, suffix: str) -> bool:
    """Whether a file is of that kind, under its own name or that of the process that has taken it."""
    stem, _, pid = found.rpartition(".")
    return found.endswith(suffix) or (stem.endswith(suffix) and pid.isdigit())


def _named(name: str) -> str:
    return identity.spelled(identity.named_uuid(identity.NAMESPACE, name))
