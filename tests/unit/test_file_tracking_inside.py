"""Which files changed in repositories inside a work tree: submodules, and clones that git knows nothing of."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.git_repository import GitRepository, began, repository

__all__ = ["repository"]


@pytest.fixture
def outer(tmp_path: Path, repository: GitRepository) -> GitRepository:
    """With a submodule, and a repository inside that it knows nothing of."""
    outer = GitRepository(tmp_path / "outer")
    outer.git("submodule", "--quiet", "add", str(repository.folder), "module")
    outer.commit()
    outer.git("clone", "--quiet", str(repository.folder), "clone")
    return outer


@pytest.mark.parametrize("inner", ["module", "clone"])
@pytest.mark.parametrize("is_dirty", [False, True])
@pytest.mark.parametrize("is_committed", ["", "inside", "both"])
def test_a_repository_inside(outer: GitRepository, inner: str, is_dirty: bool, is_committed: str) -> None:
    """Its files are named, whatever is committed where."""
    if is_dirty:
        outer.write(f"{inner}/before.txt", "dirty before")
    tracking = began(outer.folder)
    outer.write(f"{inner}/kept.txt", "changed")
    outer.write(f"{inner}/new.txt", "new")
    if is_committed:
        outer.git("-C", inner, "add", "--all")
        outer.git("-C", inner, "commit", "--quiet", "--message", "m")
    if is_committed == "both":
        outer.git("add", "module")
        outer.git("commit", "--quiet", "--allow-empty", "--message", "m")
    assert tracking.modified() == [f"{inner}/kept.txt", f"{inner}/new.txt"]


def test_a_repository_inside_that_is_new_or_gone(outer: GitRepository, repository: GitRepository) -> None:
    """All files of a new one; of one that went nobody knows them, so it is named itself."""
    tracking = began(outer.folder)
    outer.git("clone", "--quiet", str(repository.folder), "new")
    shutil.rmtree(outer.folder / "clone")
    outer.git("rm", "--quiet", "-f", "module")
    assert tracking.modified() == [".gitmodules", "clone", "module", "new/kept.txt", "new/sub/kept.txt"]
