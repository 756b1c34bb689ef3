"""How git is asked which files changed: in whose name, at what cost, and what when it does not answer."""

import os
from pathlib import Path

import pytest

from agent_otel import git_command
from tests.fixtures.git_repository import GitRepository, began, repository

__all__ = ["repository"]


def test_git_hooks_of_another_repository(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder counts, not the repository that the environment of a hook names."""
    other = GitRepository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git/index"))
    tracking = began(repository.folder)
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    repository.write("new.txt", "n")
    assert tracking.modified() == ["new.txt"]


def test_nothing_of_the_repository_is_written(repository: GitRepository) -> None:
    """Not even the index is refreshed, which another git would have to wait for."""
    os.utime(repository.folder / "kept.txt", (1, 1))  # git would note that it is unchanged
    before = (repository.folder / ".git/index").read_bytes()
    began(repository.folder).modified()
    assert (repository.folder / ".git/index").read_bytes() == before


def test_git_is_not_there_any_more(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of the files, and why."""
    tracking = began(repository.folder)
    repository.write("new.txt", "n")
    monkeypatch.setenv("PATH", str(repository.folder))
    assert tracking.modified() == []
    assert "git does not say" in tracking.problem


def test_without_git(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time and size tell; of git's own files nothing is said."""
    monkeypatch.setenv("PATH", str(repository.folder))
    tracking = began(repository.folder)
    monkeypatch.undo()
    repository.write("new.txt", "n")
    repository.commit()
    assert tracking.modified() == ["new.txt"]


@pytest.mark.parametrize(
    ("limit", "value", "script"), [("MAX_SECONDS", 0.1, "exec sleep 60"), ("MAX_BYTES", 10, "exec yes")]
)
def test_a_git_that_takes_too_long_or_says_too_much(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, script: str
) -> None:
    """It is ended, and asked no more of."""
    tracking = began(repository.folder)
    monkeypatch.setattr(git_command, limit, value)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "git").chmod(0o755)
    assert tracking.modified() == []
    assert "git does not say" in tracking.problem
