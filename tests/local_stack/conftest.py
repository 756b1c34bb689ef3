"""Folders of a user who has nothing yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.local_stack import leftovers
from tests.local_stack.running_stack import processes_in


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folders without Collector and Jaeger, for this process and its children; nothing is left running."""
    home = tmp_path / "home"
    monkeypatch.setenv("AGENT_OTEL_HOME", str(home))
    monkeypatch.setenv("AGENT_OTEL_TOOLS_DIR", str(tmp_path / "no tools"))
    monkeypatch.delenv("AGENT_OTEL_DATABASE_URL", raising=False)
    yield home
    leftovers.stop(home / "state")
    assert processes_in(home) == []
