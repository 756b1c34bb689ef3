"""Fixtures: the environment of a hook, a player of recordings."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from agent_otel.shell.claude_code import stop
from tests.claude.recorded import Recorded
from tests.fixtures.sink import Sink
from tests.hook.player import Play, Player
from tests.hook.standard_input import Hook

_FOREIGN = ("TRACEPARENT", "TRACESTATE", "BAGGAGE", "CLAUDE_CODE_SESSION_ID", "AGENT_OTEL_SESSION_ID")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a calling agent's own run would hand on to ours; agents' definitions are none of the user's."""
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nowhere: str) -> Play:
    """Makes players, each with a folder of its own; nobody listens to what they send."""
    numbers = count()

    def player(recorded: Recorded) -> Player:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return Player(recorded, folder, monkeypatch, nowhere)

    return player


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver."""
    with Sink() as running:
        yield running


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], nowhere: str) -> Hook:
    """The hook in this process; nobody listens to what it sends, and what it would do in the background it does."""
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", nowhere)
    monkeypatch.setattr(os, "fork", lambda: 0)
    monkeypatch.setattr(stop, "_in_background", lambda *_: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nothing here is about a disk that fails
    return Hook(tmp_path, capfd)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where its records are."""
    return tmp_path / "home" / "state" / "spool"
