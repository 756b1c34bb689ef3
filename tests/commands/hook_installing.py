"""`agent-otel hook install` for someone with a home of their own."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent_otel import cli
from tests.fixtures.shell import AGENT_OTEL

#: What it runs at each event, when the program's path needs no quotes.
COMMAND = f"trap '' TERM; {AGENT_OTEL} hook || exit 0"


class Owner:
    """Someone's home, project and Claude Code settings; `agent-otel` in it keeps its state below the home."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home / "home"
        self.project = home / "project"
        self.claude = self.home / ".claude"
        self.settings = self.claude / "settings.json"
        self.skill = self.claude / "skills" / "log-execution" / "SKILL.md"
        self._capsys = capsys
        self.home.mkdir()
        self.project.mkdir()
        monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("AGENT_OTEL_HOME", str(self.home / "agent-otel"))
        monkeypatch.chdir(self.project)

    def write(self, content: bytes | str, path: Path | None = None) -> bytes:
        """Put a settings file there, the user's unless another is named; its bytes."""
        file = path or self.settings
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file.read_bytes()

    def call(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `agent-otel hook install`."""
        code = cli.main(["hook", "install", *words])
        out, err = self._capsys.readouterr()
        return code, out, err

    def done(self, *words: str) -> str:
        """What it says; fails unless it did it."""
        code, out, err = self.call(*words)
        assert (code, err) == (0, ""), err
        return out

    def refused(self, *words: str) -> str:
        """Why it refuses; fails unless it does, and when anything in the home or the project changed."""
        before = tree(self.home), tree(self.project)
        code, out, err = self.call(*words)
        assert (code, out) == (1, "")
        assert (tree(self.home), tree(self.project)) == before
        assert err.startswith("agent-otel hook install: ")
        return err

    def hooks(self, path: Path | None = None) -> dict[str, Any]:
        """The hooks in a settings file."""
        hooks: dict[str, Any] = json.loads((path or self.settings).read_text(encoding="utf-8-sig"))["hooks"]
        return hooks


def tree(folder: Path) -> dict[str, tuple[bytes | None, int]]:
    """Everything below a folder: the content of each file, and its rights."""
    return {
        str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else None, os.lstat(path).st_mode)
        for path in folder.rglob("*")
        if "hook-install" not in path.parts
    }


def handlers(hooks: dict[str, Any]) -> list[tuple[str, str]]:
    """Event and command of every handler, in order."""
    return [(event, each["command"]) for event, groups in hooks.items() for group in groups for each in group["hooks"]]


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Owner:
    """Someone who has no settings yet."""
    return Owner(tmp_path, monkeypatch, capsys)
