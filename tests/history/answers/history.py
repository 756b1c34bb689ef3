"""All executions of a ledger, and those that a question is about."""

from collections.abc import Iterable
from typing import NamedTuple

from tests.history.answers.figures import COUNTED
from tests.history.answers.run import Run
from tests.history.ledger import Entry


class Asked(NamedTuple):
    """A period [since, until) in µs since the Unix epoch, and the agent asked for; None: all."""

    since: int
    until: int
    agent: str | None = None


class History:
    """A ledger that is asked at `now` (µs)."""

    def __init__(self, entries: Iterable[Entry], now: int) -> None:
        self.now = now
        #: Newest first, ties by id: the order of most answers.
        self.runs = sorted((Run(entry, now) for entry in entries), key=lambda run: (-run.started, run.execution_id))
        self.by_id = {run.execution_id: run for run in self.runs}

    def within(self, asked: Asked) -> list[Run]:
        """Those that started in the period, newest first."""
        found = [run for run in self.runs if asked.since <= run.started < asked.until]
        return found if asked.agent is None else [run for run in found if run.agent == asked.agent]

    def root(self, run: Run) -> Run:
        """The topmost ancestor that is known, by parents as stated."""
        seen = {run.execution_id}
        while (parent := self.parent(run)) is not None and parent.execution_id not in seen:
            seen.add(parent.execution_id)
            run = parent
        return run

    def parent(self, run: Run) -> Run | None:
        """Its parent, where that is known."""
        return self.by_id.get(run.entry["parent_execution_id"] or "")


def counted(runs: Iterable[Run]) -> list[Run]:
    """Those that a success rate counts."""
    return [run for run in runs if run.status in COUNTED]
