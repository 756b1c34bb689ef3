"""Plays recordings to the hook: the events as they were told, by a process that lives, with transcripts that grow.

All times are moved so that a recording has just ended: what is concluded from the age of something is as it was.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent_otel.settings import Settings, load
from agent_otel.shell.claude_code import stop, sweep, told
from agent_otel.shell.claude_code.payload import Payload
from tests.claude.recorded import Recorded
from tests.hook.growth import Growth

_S = 1_000_000_000
#: How long the process in the background would wait for a transcript.
_WAIT = int(stop.WAIT_SECONDS * _S)


class Told(NamedTuple):
    """One event; `process`: which of the recording's processes told it, from 0; `at`: ns."""

    event: str
    at: int
    process: int
    payload: Mapping[str, Any]


class Player:
    """Plays to the hook in this process. `folder` gets the state and the transcripts."""

    def __init__(self, recorded: Recorded, folder: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.project = folder / "project"
        self.endpoint = endpoint
        #: What becomes of the process in the background: it may be killed before it does anything.
        self.background_lives = True
        payloads = [p for p in recorded.payloads(self.project) if p.event in told.HANDLERS]
        moved = time.time_ns() // _S * _S - payloads[-1].at // _S * _S
        self.growth = Growth(recorded, self.project, moved)
        self.events = list(_by_process([Told(p.event, p.at + moved, 0, p.payload) for p in payloads]))
        self._patch = monkeypatch
        self._now = 0

    @property
    def settings(self) -> Settings:
        """As a call of the hook loads them."""
        return load({"endpoint": self.endpoint}, {"AGENT_OTEL_HOME": str(self.home)}, str(self.folder))

    @property
    def spool(self) -> Path:
        """Where the records are."""
        return self.home / "state" / "spool"

    def play(self, events: Sequence[Told] | None = None) -> None:
        """Tell the events one after the other, and let each process die after its last; times never go back."""
        chosen = self.events if events is None else events
        with self.in_line():
            for number in sorted({event.process for event in chosen}):
                with self.process():
                    for event in chosen:
                        if event.process == number:
                            self.tell(event)
        self.growth.until(self._now + 10 * _S)

    def tell(self, event: Told) -> None:
        """One event, now or later."""
        self._now = max(self._now + 1_000_000, event.at)
        self.growth.until(event.at)
        told.handle(self.settings, Payload(dict(event.payload), self._now))

    def flush(self) -> None:
        """What `agent-otel flush` does before it delivers."""
        with self.in_line():
            sweep.all_gone(self.settings)

    @contextmanager
    def process(self) -> Iterator[int]:
        """A process whose hooks we are, until the end of the block; its pid."""
        cat = shutil.which("cat")
        assert cat
        with subprocess.Popen([cat], stdin=subprocess.PIPE) as cli, self._patch.context() as patch:
            patch.setattr(os, "getppid", lambda: cli.pid)
            try:
                yield cli.pid
            finally:
                cli.kill()

    @contextmanager
    def in_line(self) -> Iterator[None]:
        """What is done in the background is done at once, when the transcript has grown; or never."""

        def wait(run: object, answer: object) -> None:
            del run, answer
            self.growth.until(self._now + _WAIT)

        with self._patch.context() as patch:
            patch.setattr(os, "fork", lambda: 0 if self.background_lives else 1)
            patch.setattr(stop, "_in_background", wait)
            yield


Play = Callable[[Recorded], Player]


def _by_process(events: Sequence[Told]) -> Iterator[Told]:
    """A process begins with SessionStart; that of a compaction is told by the same."""
    number = -1
    for event in events:
        number += event.event == "SessionStart" and event.payload.get("source") != "compact"
        yield event._replace(process=max(number, 0))
