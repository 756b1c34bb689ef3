"""agent_otel.open_execution: any process finds what is open, and one closes it."""

import os
import stat
from pathlib import Path

import pytest

from agent_otel import open_execution
from agent_otel.open_execution import KEEP_CLOSED_SECONDS, KEEP_OPEN_SECONDS, ExecutionFolder, OpenExecution

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
EXECUTION = OpenExecution(ID, 2**127, 2**63, 1, "agent é", 1_700_000_000_000_000_000, "ticket", "session", "project")


@pytest.fixture
def folder(tmp_path: Path) -> ExecutionFolder:
    """An empty state folder."""
    return ExecutionFolder(str(tmp_path / "state"))


def names(folder: ExecutionFolder) -> list[str]:
    """What is in it."""
    return sorted(path.name for path in Path(folder.path).iterdir())


def test_found_until_removed(folder: ExecutionFolder) -> None:
    """Another process reads what one wrote; after the end it is gone."""
    folder.add(EXECUTION)
    found = ExecutionFolder(folder.path.removesuffix("/executions")).find(ID)
    assert found is not None
    assert found.as_json() == EXECUTION.as_json()
    folder.remove(ID)
    folder.remove(ID)
    assert folder.find(ID) is None


def test_for_this_user_only(folder: ExecutionFolder) -> None:
    """Prompts are not in it, but names and ids are: 0700 and 0600."""
    folder.add(EXECUTION)
    assert stat.S_IMODE(Path(folder.path).stat().st_mode) == 0o700
    assert stat.S_IMODE((Path(folder.path) / f"{ID}.json").stat().st_mode) == 0o600


def test_one_closes(folder: ExecutionFolder) -> None:
    """The first claim wins, in whatever process the others are."""
    other = ExecutionFolder(folder.path.removesuffix("/executions"))
    assert [folder.close(ID), other.close(ID), folder.close(ID)] == [True, False, False]


def test_the_first_of_two_starts_stays(folder: ExecutionFolder) -> None:
    """A start that is told again, by another process, does not replace the first."""
    again = OpenExecution.from_json(EXECUTION.as_json())
    again.started_at += 1
    assert folder.add(EXECUTION)
    assert not ExecutionFolder(folder.path.removesuffix("/executions")).add(again)
    found = folder.find(ID)
    assert found is not None
    assert found.started_at == EXECUTION.started_at


def test_the_claim_holds_the_span_until_it_is_handed_over(folder: ExecutionFolder) -> None:
    """Who claims the end and dies leaves the span; nobody else's span takes its place; afterwards nothing is left."""
    assert folder.close(ID, b"first")
    assert list(folder.unfinished()) == []
    assert folder.append(f"{ID}.events", "one")
    folder.handed_over(ID)
    assert list(folder.unfinished(age=0)) == []
    assert folder.read(f"{ID}.events") == ""
    assert names(folder) == [f"{ID}.closed", "closing"]
    assert (Path(folder.path) / f"{ID}.closed").stat().st_size == 0
    assert not folder.close(ID, b"third")


def test_a_claim_whose_process_died_is_found(folder: ExecutionFolder) -> None:
    """Its span, at once; one that died before the claim was made leaves nothing."""
    process = os.fork()
    if not process:
        folder.close(ID, b"first")
        os._exit(0)
    os.waitpid(process, 0)
    half = Path(folder.path) / "closing" / f"1{ID[1:]}.{process}"
    half.write_bytes(b"never claimed")
    assert not folder.close(ID, b"second")
    ((closing, span),) = folder.unfinished()
    assert (closing, span) == (f"{ID}.{process}", b"first")
    assert not half.exists()
    folder.handed_over(ID, closing)
    assert list(folder.unfinished(age=0)) == []


def test_a_claim_whose_process_seems_to_live_is_left_alone_for_a_while(folder: ExecutionFolder) -> None:
    """It is about to hand its span over; or somebody else has its pid, which age tells."""
    folder.close(ID, b"span")
    assert list(folder.unfinished()) == []
    assert list(folder.unfinished(age=0)) == [(f"{ID}.{os.getpid()}", b"span")]


def test_a_claim_that_is_handed_over_while_somebody_looks(
    folder: ExecutionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone between the listing and the look: passed over, and the others are found."""
    other = f"1{ID[1:]}"
    for execution_id in (ID, other):
        folder.close(execution_id, b"span")
    entries = list(os.scandir(f"{folder.path}/closing"))
    folder.handed_over(ID)
    monkeypatch.setattr(os, "scandir", lambda _: entries)
    assert list(folder.unfinished(age=0)) == [(f"{other}.{os.getpid()}", b"span")]


def test_lines_are_added(folder: ExecutionFolder) -> None:
    """What several processes append is read in order."""
    for line in ("one", "two é"):
        assert ExecutionFolder(folder.path.removesuffix("/executions")).append(f"{ID}.events", line)
    assert folder.read(f"{ID}.events") == "one\ntwo é\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_file_of_another_user_is_not_read(folder: ExecutionFolder) -> None:
    """What another user planted is as if it were not there."""
    folder.add(EXECUTION)
    folder.close(ID, b"span")
    for suffix in ("json", "closed"):
        os.chown(f"{folder.path}/{ID}.{suffix}", 12345, 12345)
    for closing in Path(folder.path, "closing").iterdir():
        os.chown(closing, 12345, 12345)
    assert (folder.find(ID), list(folder.unfinished(age=0))) == (None, [])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_folder_of_another_user_is_not_written(folder: ExecutionFolder) -> None:
    """He could have planted what we would then write to."""
    path = Path(folder.path)
    path.mkdir(parents=True)
    os.chown(path, 12345, 12345)
    assert folder.add(EXECUTION)
    assert not folder.append(f"{ID}.events", "line")
    assert folder.close(ID, b"span")
    assert list(path.iterdir()) == []
    assert (folder.failures, "belongs to user 12345" in folder.problem) == (3, True)


def test_a_folder_that_others_can_write_is_not_written(folder: ExecutionFolder) -> None:
    """The same."""
    path = Path(folder.path)
    path.mkdir(parents=True)
    path.chmod(0o720)
    assert not folder.append(f"{ID}.events", "line")
    assert list(path.iterdir()) == []
    assert "chmod 700" in folder.problem


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trace_id": "x", "span_id": "1"}', '{"trace_id": 1}'])
def test_damaged_file(folder: ExecutionFolder, content: str) -> None:
    """What is not whole is not found, and nothing raises."""
    folder.add(EXECUTION)
    (Path(folder.path) / f"{ID}.json").write_text(content)
    assert folder.find(ID) is None


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The files are missing, the failures counted, the claim holds."""
    (tmp_path / "state").write_text("a file where a folder should be")
    folder = ExecutionFolder(str(tmp_path / "state"))
    folder.add(EXECUTION)
    assert folder.find(ID) is None
    assert folder.close(ID)
    assert folder.failures == 2
    assert folder.clean_up() == 0


def test_clean_up(folder: ExecutionFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old files go, young ones stay; so many closed ones are kept, the youngest."""
    folder.add(EXECUTION)
    for number in range(4):
        folder.close(f"{number}")
        os.utime(f"{folder.path}/{number}.closed", (1000 + number, 1000 + number))
    os.utime(f"{folder.path}/{ID}.json", (1000, 1000))
    assert folder.clean_up(now=1001.5 + KEEP_CLOSED_SECONDS) == 2
    monkeypatch.setattr(open_execution, "MAX_CLOSED", 1)
    assert folder.clean_up(now=1004) == 1
    assert names(folder) == [f"{ID}.json", "3.closed"]
    assert folder.clean_up(now=1001 + KEEP_OPEN_SECONDS) == 2


def test_what_is_known_of_a_closed_execution_goes_with_its_claim(folder: ExecutionFolder) -> None:
    """A later completion finds the execution as long as it is known that it was closed."""
    folder.add(EXECUTION)
    folder.close(ID)
    assert folder.clean_up() == 0
    os.utime(f"{folder.path}/{ID}.closed", (1000, 1000))
    assert folder.clean_up(now=1001 + KEEP_CLOSED_SECONDS) == 2
    assert names(folder) == []
