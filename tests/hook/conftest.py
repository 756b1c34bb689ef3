"""Fixtures: the environment of a hook, a player of recordings."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.claude.recorded import Recorded
from tests.fixtures.sink import Sink
from tests.hook.player import Play, Player

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
