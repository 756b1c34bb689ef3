"""Which files changed in a git work tree, on real repositories; each through the text that another process gets."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_otel import file_identity
from tests.fixtures.git_repository import GitRepository, began, repository

__all__ = ["repository"]


def _nothing(repository: GitRepository) -> None:
    assert repository


def _rewritten_alike(repository: GitRepository) -> None:
    repository.write("kept.txt", "as committed\n")


def _changed(repository: GitRepository) -> None:
    repository.write("kept.txt", "changed")


def _created_changed_deleted(repository: GitRepository) -> None:
    repository.write("new/file.txt", "new")
    repository.write("kept.txt", "changed")
    (repository.folder / "sub/kept.txt").unlink()


def _committed(repository: GitRepository) -> None:
    repository.write("committed.txt", "c")
    repository.commit()
    repository.write("later.txt", "l")


def _renamed(repository: GitRepository) -> None:
    repository.git("mv", "kept.txt", "moved.txt")


def _renamed_and_committed(repository: GitRepository) -> None:
    _renamed(repository)
    repository.commit()


def _executable(repository: GitRepository) -> None:
    (repository.folder / "kept.txt").chmod(0o755)


def _executable_where_modes_are_none(repository: GitRepository) -> None:
    repository.git("config", "core.fileMode", "false")
    (repository.folder / "kept.txt").chmod(0o755)
    repository.write("sub/kept.txt", "changed")


def _ignored(repository: GitRepository) -> None:
    repository.write(".gitignore", "*.log\n")
    repository.write("x.log", "x")


def _linked(repository: GitRepository) -> None:
    (repository.folder / "link").symlink_to("nowhere")
    (repository.folder / "kept.txt").unlink()
    (repository.folder / "kept.txt").symlink_to("sub/kept.txt")


def _folder_instead_of_file(repository: GitRepository) -> None:
    (repository.folder / "kept.txt").unlink()
    repository.write("kept.txt/inner", "i")


def _pipe_instead_of_file(repository: GitRepository) -> None:
    (repository.folder / "kept.txt").unlink()
    os.mkfifo(repository.folder / "kept.txt")


def _committed_and_taken_back(repository: GitRepository) -> None:
    repository.write("kept.txt", "changed")
    repository.commit()
    repository.git("revert", "--no-edit", "HEAD")


def _uncommitted_and_left_as_it_is(repository: GitRepository) -> None:
    repository.git("update-ref", "-d", "HEAD")


def _untracked_but_there(repository: GitRepository) -> None:
    repository.git("rm", "--cached", "--quiet", "kept.txt")


def _strange_names(repository: GitRepository) -> None:
    repository.write_bytes_name(b"latin \xe9")
    repository.write_bytes_name(b'line\nbreak "quoted" -- *')
    repository.write("ünïcode.txt", "u")


_CLEAN: list[tuple[Callable[[GitRepository], None], list[str]]] = [
    (_nothing, []),
    (_rewritten_alike, []),
    (_changed, ["kept.txt"]),
    (_created_changed_deleted, ["kept.txt", "new/file.txt", "sub/kept.txt"]),
    (_committed, ["committed.txt", "later.txt"]),
    (_renamed, ["kept.txt", "moved.txt"]),
    (_renamed_and_committed, ["kept.txt", "moved.txt"]),
    (_executable, ["kept.txt"]),
    (_executable_where_modes_are_none, ["sub/kept.txt"]),
    (_ignored, [".gitignore"]),
    (_linked, ["kept.txt", "link"]),
    (_folder_instead_of_file, ["kept.txt", "kept.txt/inner"]),
    (_pipe_instead_of_file, ["kept.txt"]),
    (_committed_and_taken_back, []),
    (_uncommitted_and_left_as_it_is, []),
    (_untracked_but_there, []),
    (_strange_names, ["latin \\udce9", 'line\nbreak "quoted" -- *', "ünïcode.txt"]),
]


@pytest.mark.parametrize(("change", "expected"), _CLEAN, ids=[change.__name__ for change, _ in _CLEAN])
def test_a_clean_work_tree(
    repository: GitRepository, change: Callable[[GitRepository], None], expected: list[str]
) -> None:
    """What is on the disk counts, committed meanwhile or not; ignored files do not."""
    tracking = began(repository.folder)
    change(repository)
    assert tracking.modified() == expected
    assert tracking.problem == ""


def _dirty(repository: GitRepository) -> None:
    repository.write("kept.txt", "dirty before")
    repository.write("untracked.txt", "dirty before")
    repository.write("staged.txt", "dirty before")
    repository.git("add", "staged.txt")
    (repository.folder / "sub/kept.txt").unlink()
    (repository.folder / "link").symlink_to("kept.txt")


def _dirty_again(repository: GitRepository) -> None:
    repository.write("kept.txt", "changed again")
    repository.write("untracked.txt", "DIRTY BEFORE")  # of the same size
    (repository.folder / "link").unlink()
    (repository.folder / "link").symlink_to("elsewhere")


def _dirty_restored(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--", "kept.txt", "sub/kept.txt")


def _dirty_all_committed(repository: GitRepository) -> None:
    repository.commit()


def _dirty_stashed(repository: GitRepository) -> None:
    repository.git("stash", "--include-untracked", "--quiet")


def _dirty_ignored_now(repository: GitRepository) -> None:
    repository.write(".git/info/exclude", "untracked.txt\n")
    repository.git("rm", "--cached", "--quiet", "staged.txt")


def _dirty_deleted(repository: GitRepository) -> None:
    (repository.folder / "untracked.txt").unlink()


_DIRTY: list[tuple[Callable[[GitRepository], None], list[str]]] = [
    (_nothing, []),
    (_dirty_again, ["kept.txt", "link", "untracked.txt"]),
    (_dirty_restored, ["kept.txt", "sub/kept.txt"]),
    (_dirty_all_committed, []),
    (_dirty_stashed, ["kept.txt", "link", "staged.txt", "sub/kept.txt", "untracked.txt"]),
    (_dirty_ignored_now, []),
    (_dirty_deleted, ["untracked.txt"]),
]


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize(("change", "expected"), _DIRTY, ids=[change.__name__ for change, _ in _DIRTY])
def test_a_dirty_work_tree(
    repository: GitRepository,
    change: Callable[[GitRepository], None],
    expected: list[str],
    hashed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that was dirty counts when it is another than then; of large files time and size tell."""
    if not hashed:
        monkeypatch.setattr(file_identity, "MAX_HASHED_BYTES", 1)
    _dirty(repository)
    tracking = began(repository.folder)
    change(repository)
    assert tracking.modified() == expected


def test_a_folder_of_a_repository(repository: GitRepository) -> None:
    """Only what is below it counts, relative to it; a link that leads there is as good."""
    (repository.folder.parent / "link").symlink_to(repository.folder / "sub")
    trackings = [began(repository.folder / "sub"), began(repository.folder.parent / "link")]
    repository.write("kept.txt", "changed")
    repository.write("sub/kept.txt", "changed")
    repository.write("sub/deep/new.txt", "new")
    repository.commit()
    repository.write("sub/later.txt", "new")
    assert [tracking.modified() for tracking in trackings] == [["deep/new.txt", "kept.txt", "later.txt"]] * 2


def test_an_ignored_folder_of_a_repository(repository: GitRepository) -> None:
    """Whoever names it means it."""
    repository.write(".gitignore", "build/\n")
    repository.write("build/old.o", "o")
    tracking = began(repository.folder / "build")
    repository.write("build/new.o", "n")
    assert tracking.modified() == ["new.o"]


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    """The first commit meanwhile is a change like any."""
    repository = GitRepository(tmp_path / "r")
    repository.git("update-ref", "-d", "HEAD")
    tracking = began(repository.folder)
    repository.write("new.txt", "n")
    repository.commit()
    assert tracking.modified() == ["new.txt"]


def test_an_unfinished_merge(repository: GitRepository) -> None:
    """Files in conflict hold both sides: they are other files than before."""
    repository.git("branch", "other")
    repository.write("kept.txt", "ours")
    repository.commit()
    repository.git("checkout", "--quiet", "other")
    repository.write("kept.txt", "theirs")
    repository.commit()
    tracking = began(repository.folder)
    with pytest.raises(Exception, match="merge"):
        repository.git("merge", "--quiet", "-")
    assert tracking.modified() == ["kept.txt"]


@pytest.mark.parametrize("name", ["*", ":(top)", "[ab]", "-- x"])
def test_folders_whose_names_git_takes_for_patterns(repository: GitRepository, name: str) -> None:
    """They are names all the same."""
    repository.write(f"{name}/old.txt", "o")
    tracking = began(repository.folder / name)
    repository.write(f"{name}/new.txt", "n")
    repository.write("a/new.txt", "n")
    repository.commit()
    repository.write(f"{name}/old.txt", "changed")
    assert tracking.modified() == ["new.txt", "old.txt"]
