"""Whatever is done to a git work tree, before and after: what is named is what differs on the disk."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_otel.file_tracking import FileTracking
from tests.fixtures.git_repository import GitRepository

_NAMES = ("a", "b", "d/a", "d/b", "d/e/c", "x y", "kept.txt", "sub/kept.txt", "é")
_MAX_DEEDS = 10
#: More of them when something is changed: a case takes a quarter of a second.
_SEEDS = range(12)


def _write(repository: GitRepository, name: str, content: str) -> None:
    path = repository.folder / name
    if path.is_symlink():
        path.unlink()
    repository.write(name, content)


def _link(repository: GitRepository, name: str, content: str) -> None:
    path = repository.folder / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(content)


def _git(*words: str) -> Callable[[GitRepository, str, str], object]:
    return lambda repository, _name, _content: repository.git(*words)


_DEEDS: tuple[Callable[[GitRepository, str, str], object], ...] = (
    *(_write,) * 4,
    _link,
    lambda repository, name, _content: (repository.folder / name).unlink(),
    lambda repository, name, content: (repository.folder / name).chmod(0o755 if content == "1" else 0o644),
    lambda repository, name, _content: repository.git("rm", "--cached", "-r", "--quiet", name),
    lambda repository, _name, _content: repository.commit(),
    _git("add", "--all"),
    *(_git("reset", way, "HEAD~1") for way in ("--soft", "--mixed", "--hard")),
    _git("stash", "--include-untracked"),
    _git("stash", "pop"),
)


def _do_something(repository: GitRepository, chance: random.Random) -> None:
    for _ in range(chance.randrange(_MAX_DEEDS)):
        try:
            chance.choice(_DEEDS)(repository, chance.choice(_NAMES), chance.choice("123"))
        except (OSError, subprocess.CalledProcessError):
            continue  # nothing to delete, to commit, to take back


def _on_disk(folder: Path) -> dict[str, tuple[str, object]]:
    """Every file outside git's own folder: what it is, and what it holds."""
    found: dict[str, tuple[str, object]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", path.readlink())
        elif path.is_file() and not name.startswith(".git/"):
            found[name] = ("executable" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found


@pytest.mark.parametrize("seed", _SEEDS)
def test_what_is_named_is_what_differs(seed: int, tmp_path: Path) -> None:
    """Dirty or clean at first, committed, staged, stashed or taken back meanwhile."""
    chance = random.Random(seed)
    repository = GitRepository(tmp_path / "repository")
    _do_something(repository, chance)
    before = _on_disk(repository.folder)
    remembered = FileTracking.begin(str(repository.folder)).dumps()
    _do_something(repository, chance)
    after = _on_disk(repository.folder)
    expected = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    tracking = FileTracking.loads(remembered)
    assert tracking.modified() == expected
    assert tracking.problem == ""
