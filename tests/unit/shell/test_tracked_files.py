"""--track-files: what start remembers, what complete and exec say; nobody else's calls pay for it."""

import json
from pathlib import Path

import pytest

from agent_otel.shell import journal
from tests.fixtures.git_repository import GitRepository
from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
FILES = "aotel.output.files_modified"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a file."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/old.txt").write_text("o")
    return tmp_path / "work"


def _state(tmp_path: Path) -> list[str]:
    return sorted(path.suffix for path in (tmp_path / "home/state/executions").iterdir() if path.is_file())


def test_what_changed_between_start_and_end(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """Behind the files that were named, each once, on event and span; what was remembered is removed."""
    repository = GitRepository(tmp_path / "repository")
    verb("start", "--agent", "a", "--execution-id", ID, "--track-files", str(repository.folder / "sub"))
    assert _state(tmp_path) == [".events", ".files", ".json"]
    repository.write("sub/new.txt", "n")
    repository.write("sub/kept.txt", "changed")
    repository.commit()
    repository.write("other.txt", "o")
    verb("complete", "--execution-id", ID, "--files-modified", "named.txt", "--files-modified", "new.txt")
    for record in (events(sink)[-1], spans(sink)[0]):
        assert attributes(record)[FILES] == ["named.txt", "new.txt", "kept.txt"]
    assert _state(tmp_path) == [".closed", ".json"]


def test_the_first_start_counts(verb: Verb, sink: Sink, folder: Path) -> None:
    """One that is told again remembers nothing anew."""
    start = ("start", "--agent", "a", "--execution-id", ID, "--track-files", str(folder))
    verb(*start)
    (folder / "new.txt").write_text("n")
    assert verb(*start).answer["warning"] == "already started"
    verb("complete", "--execution-id", ID)
    assert attributes(spans(sink)[0])[FILES] == ["new.txt"]


def test_our_own_files_do_not_count(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """Though the state folder lies in what is tracked."""
    (tmp_path / "home").mkdir()
    verb("start", "--agent", "a", "--execution-id", ID, "--track-files", str(tmp_path))
    (tmp_path / "new.txt").write_text("n")
    verb("complete", "--execution-id", ID)
    assert attributes(spans(sink)[0])[FILES] == ["new.txt"]


def test_nothing_changed(verb: Verb, sink: Sink, folder: Path) -> None:
    """Then nothing is said."""
    verb("start", "--agent", "a", "--execution-id", ID, "--track-files", str(folder))
    verb("complete", "--execution-id", ID)
    assert FILES not in attributes(spans(sink)[0])


def test_more_files_than_a_row_has(verb: Verb, sink: Sink, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first so many, and how many there are."""
    monkeypatch.setattr(journal, "MAX_MEMBERS", 2)
    verb("start", "--agent", "a", "--execution-id", ID, "--track-files", str(folder))
    for name in "abc":
        (folder / name).write_text("n")
    verb("complete", "--execution-id", ID)
    final = attributes(spans(sink)[0])
    assert (final[FILES], final["aotel.output.files_modified_count"]) == (["a", "b"], 3)


def test_what_is_no_folder(verb: Verb, sink: Sink, folder: Path) -> None:
    """A wrong value like any."""
    path = str(folder / "old.txt")
    answer = verb("start", "--agent", "a", "--execution-id", ID, "--track-files", path).answer
    assert (answer["recorded"], answer["error"]) == (True, f"--track-files {path!r}: expected a folder")
    verb("complete", "--execution-id", ID)
    assert json.loads(attributes(spans(sink)[0])["aotel.metadata"]) == {"rejected": {"track_files": path}}


def test_what_was_remembered_is_damaged(verb: Verb, sink: Sink, folder: Path, tmp_path: Path) -> None:
    """The end is recorded; why no files are named is said, and kept."""
    verb("start", "--agent", "a", "--execution-id", ID, "--track-files", str(folder))
    (tmp_path / f"home/state/executions/{ID}.files").write_text("x")
    printed = verb("complete", "--execution-id", ID)
    assert printed.answer["success"] is True
    assert "--track-files: what was kept of the files at the start is damaged" in printed.err
    rejected = json.loads(attributes(spans(sink)[0])["aotel.metadata"])["rejected"]
    assert "damaged" in rejected["track_files"]


def test_exec_as_an_execution(verb: Verb, sink: Sink, folder: Path) -> None:
    """What the command changed."""
    verb("exec", "--agent", "a", "--track-files", str(folder), "--", "touch", str(folder / "new.txt"))
    assert attributes(spans(sink)[0])[FILES] == ["new.txt"]


def test_exec_as_a_step(verb: Verb, sink: Sink, folder: Path) -> None:
    """The step says it, and the execution's end."""
    verb("start", "--agent", "a", "--execution-id", ID)
    for name in ("x", "y"):
        verb("exec", "--execution-id", ID, "--track-files", str(folder), "--", "touch", str(folder / name))
    verb("complete", "--execution-id", ID, "--files-modified", "z")
    *steps, execution = map(attributes, spans(sink))
    assert [step[FILES] for step in steps] == [["x"], ["y"]]
    assert execution[FILES] == ["x", "y", "z"]
