"""What a ledger's entry amounts to at some moment. Times are whole microseconds since the Unix epoch, as in SQL."""

import json
from functools import cached_property
from typing import Any, Final

from tests.history.ledger import Entry

#: An execution without an end is abandoned when nothing was heard of it for so long, µs.
_SILENCE: Final = 24 * 3600 * 10**6
_SILENCE_AFTER_HEARTBEAT: Final = 5 * 60 * 10**6
SHELL_TOOLS: Final = frozenset({"Bash", "bash", "shell", "sh", "execute_command"})


class Command:
    """A command of an execution: the first step that ran it, neither place nor success where it was only stated."""

    def __init__(self, text: str, sequence: int | None = None, success: bool | None = None) -> None:
        self.text = text
        self.sequence = sequence
        self.success = success


class Run:
    """An execution, asked at `now` (µs)."""

    def __init__(self, entry: Entry, now: int) -> None:
        self.entry = entry
        self.execution_id: str = entry["execution_id"]
        self.agent: str | None = entry["agent"]
        self.started: int = entry["started_ns"] // 1000
        ended = entry["ended_ns"]
        self.ended: int | None = None if ended is None else ended // 1000
        self.status = self._status(now)
        self.failed = self.status in ("partial", "error", "abandoned")
        #: ms
        self.duration: int | None = None
        if ended is not None and entry["duration_known"]:
            self.duration = (ended - entry["started_ns"]) // 1_000_000

    def _status(self, now: int) -> str:
        status: str = self.entry["status"]
        if status != "in_progress":
            return status
        limit = _SILENCE_AFTER_HEARTBEAT if self.entry["heartbeat"] else _SILENCE
        return "abandoned" if self.entry["signs_ns"] // 1000 < now - limit else status

    @cached_property
    def verdict(self) -> dict[str, Any] | None:
        """The latest; of two at the same instant that of the greater id."""
        return max(self.entry["verdicts"], key=lambda told: (told["at_ns"], told["note_id"]), default=None)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Quality labels by name: of each the one told last."""
        told = [(self.entry["ended_ns"], name, label) for name, label in self.entry["labels"].items()]
        told += [(one["at_ns"], one["name"], one["label"]) for one in self.entry["evaluations"] if one["label"]]
        return {name: label for _, name, label in sorted(told)}

    @cached_property
    def score(self) -> float | None:
        """The quality score told last."""
        told = [(one["at_ns"], one["value"]) for one in self.entry["evaluations"] if one["value"] is not None]
        if self.entry["quality_score"] is not None:
            told.append((self.entry["ended_ns"], self.entry["quality_score"]))
        return max(told)[1] if told else None

    @cached_property
    def criteria_added(self) -> list[str]:
        """Those told later than at the start, in the order they were told."""
        start = self.entry["criteria_start"]
        told = [text for texts in self.entry["criteria_told"] for text in texts]
        return [text for text in dict.fromkeys(told) if text not in start]

    @cached_property
    def criteria_dropped(self) -> list[str]:
        """Those of the start that the last record to state any no longer has."""
        later = [texts for texts in self.entry["criteria_told"][1:] if texts]
        return [text for text in self.entry["criteria_start"] if text not in later[-1]] if later else []

    @property
    def criteria_changed(self) -> bool:
        """Whether they are others than at the start, where that was told; none at the start included."""
        return bool(self.entry["start_told"] and (self.criteria_added or self.criteria_dropped))

    @cached_property
    def commands(self) -> list[Command]:
        """Each command once."""
        found: dict[str, Command] = {}
        for step in self.entry["steps"]:
            command = _command(step)
            if command is not None:
                found.setdefault(command, Command(command, step["sequence"], step["success"]))
        for text in self.entry["commands"]:
            found.setdefault(text, Command(text))
        return list(found.values())

    @cached_property
    def urls(self) -> list[str]:
        """Addresses that tool steps were given."""
        given = [_member(step, "url") for step in self.entry["steps"]]
        return [url for url in given if isinstance(url, str)]

    @property
    def files(self) -> int:
        """How many it modified, as counted or as named."""
        stated: int | None = self.entry["files_modified_count"]
        return len(self.entry["files_modified"]) if stated is None else stated

    @property
    def tokens(self) -> int:
        """Tokens it states."""
        return (self.entry["input_tokens"] or 0) + (self.entry["output_tokens"] or 0)


def _member(step: dict[str, Any], name: str) -> Any:
    """A member of what a tool step was given, where that is a JSON object."""
    if step["kind"] != "tool" or step.get("input") is None:
        return None
    try:
        given = json.loads(step["input"])
    except ValueError:
        return None
    return given.get(name) if isinstance(given, dict) else None


def _command(step: dict[str, Any]) -> str | None:
    """The shell command that a step ran."""
    if step.get("tool") not in SHELL_TOOLS:
        return None
    command = _member(step, "command")
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        return " ".join(command)
    return command if isinstance(command, str) else None
