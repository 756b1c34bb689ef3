"""What a scenario is: what the model says, what the user does, and what must stand in the audit trail afterwards."""

import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.claude.script import Scripts

if TYPE_CHECKING:
    from tests.claude.stage import Stage

MAIN: Final = "claude-code"
SUB: Final = "general-purpose"
#: What stands for the prompt of an execution that is nothing but the compaction of a conversation.
COMPACT: Final = "/compact"
#: What a background agent's end is told to the main agent with; no user typed it.
NOTIFICATION: Final = "<task-notification>"


class Expected(NamedTuple):
    """One execution: the requests of `script` from turn `first` to before `last`, and what became of it.

    `parent`: the script whose execution started it. `failing`: tool calls that do not succeed, by their place among
    the execution's calls. `cost`: whether it must be known with telemetry on; a killed CLI cannot always tell.
    `described`: what it is known by in place of a prompt of ours. `interjected`: the script of what was said meanwhile;
    the newest version tells hooks of it, the oldest does not.
    """

    script: str
    agent: str = MAIN
    status: str = "success"
    parent: str | None = None
    failing: frozenset[int] = frozenset()
    first: int = 0
    last: int = 10**9
    inferred: bool = False
    cost: bool = True
    described: str = ""
    interjected: str = ""


class Scenario(NamedTuple):
    """A name, scripts, deeds and what is expected of them."""

    name: str
    scripts: Scripts
    play: "Callable[[Stage], object]"
    expected: Sequence[Expected]
    #: Also registered in the settings beside the plugin: every hook runs twice.
    twice: bool = False
    #: Records what a hook's environment holds, and searches for it afterwards.
    secrets: bool = False
    #: The receiver takes connections and never answers; what waits is delivered afterwards.
    stalled: bool = False
    #: Played in a terminal, which the recorder has none of.
    typed: bool = False

    @property
    def recorded(self) -> bool:
        """Whether there is a recording of it: what is about registration or delivery has the same payloads."""
        return not (self.twice or self.secrets or self.stalled or self.typed)


def sub(script: str, parent: str) -> Expected:
    """A sub-agent's execution."""
    return Expected(script, agent=SUB, parent=parent)


def killed(script: str, call: int = 0) -> Expected:
    """An execution whose CLI was killed in this tool call of it, from 0."""
    return Expected(script, status="cancelled", failing=frozenset({call}), inferred=True, cost=False)


KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
