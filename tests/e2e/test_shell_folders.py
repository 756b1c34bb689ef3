"""A state folder that cannot be used or must not be trusted: delivered directly, said clearly, exit code 0."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.shell_records import wait_for_end, wait_for_stages
from tests.faults.small_disk import SmallDisk
from tests.fixtures.folder_tree import tree
from tests.fixtures.shell import Answer, Shell, environment
from tests.fixtures.users import as_user, needs_root

OTHER, ANOTHER = 54_321, 54_322


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 16 MiB."""
    needs_root()
    with SmallDisk(tmp_path / "disk", 16) as disk:
        yield disk


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, as those of pytest cannot be."""
    needs_root()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def shell(endpoint: str, home: Path, *before: str) -> Shell:
    """A shell that works in the folder above its home."""
    return Shell(environment(endpoint, home), home.parent, before)


def lost(answer: Answer) -> dict[str, Any]:
    """The JSON of a call whose record could not be kept; clear lines on stderr, exit code 0."""
    assert answer.code == 0, answer
    assert answer.err, answer
    assert all(line.startswith("agent-otel ") for line in answer.err.splitlines()), answer
    told = answer.json
    assert (told["success"], told.get("recorded"), told.get("spooled", False)) == (False, False, False), answer
    assert told["error"], answer
    return told


def whole_life(caller: Shell) -> str:
    """Start, progress, step and complete, all of them delivered although the spool is of no use; the id."""
    execution_id = ""
    for arguments in (
        ("start", "--agent", "prover"),
        ("progress", "--stage", "there", "--percent", "1"),
        ("step", "--tool", "cargo", "--action", "build", "--success", "true"),
        ("complete", "--agent", "prover"),
    ):
        own = ("--execution-id", execution_id) if execution_id else ()
        answer = caller.call(*arguments, *own)
        assert answer.code == 0, answer
        execution_id = execution_id or str(answer.json["execution_id"])
    return execution_id


def test_a_full_disk_delivers_directly(stack: LocalStack, disk: SmallDisk) -> None:
    """With a receiver: delivered though nothing can be kept. Without: said, lost. With room again: as ever."""
    caller = shell(stack.endpoint, disk.folder / "home")
    before = caller.start()
    disk.fill(left=0)
    assert caller.call("progress", "--execution-id", before, "--stage", "full").json["success"] is True
    execution_id = str(caller.call("start", "--agent", "prover").json["execution_id"])
    caller.call("progress", "--execution-id", execution_id, "--stage", "full too")
    disk.free()
    caller.delivered("progress", "--execution-id", before, "--stage", "free")
    caller.delivered("complete", "--execution-id", before)
    wait_for_stages(stack, before, "full", "free")
    wait_for_stages(stack, execution_id, "full too")
    wait_for_end(stack, before)


def test_a_full_disk_and_no_receiver_is_said(disk: SmallDisk, nowhere: str) -> None:
    """Neither kept nor delivered: `recorded` is false; what was spooled before stays whole."""
    caller = shell(nowhere, disk.folder / "home")
    execution_id = str(caller.told("start", "--agent", "prover")["execution_id"])
    kept = [segment.read_bytes() for segment in caller.segments]
    disk.fill(left=0)
    for number in range(3):
        lost(caller.call("progress", "--execution-id", execution_id, "--stage", f"lost {number}"))
    assert [segment.read_bytes()[: len(before)] for segment, before in zip(caller.segments, kept, strict=True)] == kept
    named = ("--execution-id", "5d0ff33a-3a4c-4c3e-9d6e-0f6f3a3f7a10")
    lost(caller.call("start", "--agent", "prover", *named))
    disk.free()
    assert caller.told("progress", "--execution-id", execution_id, "--stage", "kept")["spooled"] is True
    for arguments in (("start", "--agent", "prover"), ("complete",)):
        told = caller.told(*arguments, *named)
        assert told["spooled"] is True
        assert "warning" not in told


def test_a_read_only_folder_delivers_directly(stack: LocalStack, disk: SmallDisk, nowhere: str) -> None:
    """Nothing of the folder changes; without a receiver the call says that it could keep nothing."""
    home = disk.folder / "home"
    shell(nowhere, home).told("start", "--agent", "prover")
    disk.forbid_writing()
    before = tree(home)
    execution_id = whole_life(shell(stack.endpoint, home))
    wait_for_stages(stack, execution_id, "there")
    lost(shell(nowhere, home).call("start", "--agent", "prover"))
    flushed = shell(stack.endpoint, home).told("flush", "--timeout", "5")
    assert (flushed["delivered"], flushed["spooled"]) == (0, 1)
    assert "cannot be written" in flushed["error"]
    assert tree(home) == before


@pytest.mark.parametrize("place", ["", "state", "state/spool"])
def test_a_foreign_folder_is_not_used(stack: LocalStack, tmp_path: Path, nowhere: str, place: str) -> None:
    """A folder of another user is left as it is, whichever part of the path is foreign; records go out directly."""
    needs_root()
    home = tmp_path / "home"
    shell(stack.endpoint, home).start()
    for path in [home / place, *(home / place).rglob("*")]:
        os.chown(path, OTHER, OTHER)
    before = tree(home / place)
    execution_id = whole_life(shell(stack.endpoint, home))
    wait_for_stages(stack, execution_id, "there")
    told = lost(shell(nowhere, home).call("start", "--agent", "prover"))
    assert str(OTHER) in told["error"], told
    assert tree(home / place) == before


def test_a_folder_that_others_can_write_is_not_used(stack: LocalStack, tmp_path: Path, nowhere: str) -> None:
    """Somebody could plant records there."""
    home = tmp_path / "home"
    shell(stack.endpoint, home).start()
    (home / "state" / "spool").chmod(0o777)
    wait_for_stages(stack, whole_life(shell(stack.endpoint, home)), "there")
    assert "chmod 700" in lost(shell(nowhere, home).call("start", "--agent", "prover"))["error"]
    assert list((home / "state" / "spool").glob("*.spool")) == []


def test_two_users_of_one_folder(stack: LocalStack, open_folder: Path, nowhere: str) -> None:
    """It is the first one's. The second delivers directly, and leaves alone what is the first's."""
    needs_root()
    home = open_folder / "shared"
    home.mkdir()
    home.chmod(0o777)
    first, second = (shell(nowhere, home, *as_user(number)) for number in (OTHER, ANOTHER))
    waiting = str(first.told("start", "--agent", "prover")["execution_id"])
    assert first.told("progress", "--execution-id", waiting, "--stage", "first")["spooled"] is True
    assert {path.stat().st_uid for path in (home / "state").rglob("*")} == {OTHER}
    modes = {path.stat().st_mode & 0o777 for path in (home / "state").rglob("*") if path.is_file()}
    assert modes == {0o600}
    before = tree(home)
    lost(second.call("start", "--agent", "prover"))
    second.environ["AGENT_OTEL_ENDPOINT"] = stack.endpoint
    wait_for_stages(stack, whole_life(second), "there")
    assert tree(home) == before
    first.environ["AGENT_OTEL_ENDPOINT"] = stack.endpoint
    flushed = first.call("flush", "--timeout", "20")
    assert flushed.json["success"] is True, flushed
    wait_for_stages(stack, waiting, "first")
