"""Damaged segments, cut segments, rubbish in the spool: good records are delivered, what is lost is counted."""

import os
from pathlib import Path

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.shell_records import wait_for_end, wait_for_stages
from tests.fixtures.shell import Shell, environment


def spooled(caller: Shell, count: int) -> str:
    """An execution of which so many stages wait in the spool: stage 0, stage 1, …"""
    execution_id = str(caller.told("start", "--agent", "prover")["execution_id"])
    for number in range(count):
        told = caller.told("progress", "--execution-id", execution_id, "--stage", f"stage {number}")
        assert told["spooled"] is True
    return execution_id


def test_a_damaged_segment_costs_the_damaged_record_only(stack: LocalStack, tmp_path: Path, nowhere: str) -> None:
    """A flipped byte in the middle of a record: its neighbours are delivered, the loss is counted, later calls work."""
    caller = Shell(environment(nowhere, tmp_path / "home"), tmp_path)
    execution_id = spooled(caller, 5)
    (segment,) = [path for path in caller.segments if b"stage 2" in path.read_bytes()]
    content = bytearray(segment.read_bytes())
    content[content.index(b"stage 2")] ^= 1
    segment.write_bytes(content)
    caller.environ["AGENT_OTEL_ENDPOINT"] = stack.endpoint
    flushed = caller.told("flush", "--timeout", "20")
    assert (flushed["spooled"], flushed["lost"]) == (0, 1), flushed
    caller.delivered("progress", "--execution-id", execution_id, "--stage", "later")
    wait_for_stages(stack, execution_id, "stage 0", "stage 1", "stage 3", "stage 4", "later")
    assert caller.segments == []


def test_a_truncated_segment_costs_the_cut_record_only(stack: LocalStack, tmp_path: Path, nowhere: str) -> None:
    """As a power cut leaves it. The next call appends nothing to it that would be lost with the tail."""
    caller = Shell(environment(nowhere, tmp_path / "home"), tmp_path)
    execution_id = spooled(caller, 3)
    (segment,) = [path for path in caller.segments if b"stage 2" in path.read_bytes()]
    os.truncate(segment, segment.stat().st_size - 5)
    assert caller.told("progress", "--execution-id", execution_id, "--stage", "stage 3")["spooled"] is True
    caller.environ["AGENT_OTEL_ENDPOINT"] = stack.endpoint
    assert caller.told("flush", "--timeout", "20")["spooled"] == 0
    wait_for_stages(stack, execution_id, "stage 0", "stage 1", "stage 3")
    assert caller.segments == []


def test_rubbish_in_the_spool_hinders_nothing(stack: LocalStack, tmp_path: Path, nowhere: str) -> None:
    """Files, folders and links that are no segments though they are called so; damaged files of executions."""
    caller = Shell(environment(nowhere, tmp_path / "home"), tmp_path)
    execution_id = spooled(caller, 2)
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    (caller.spool / "1-rubbish.spool").write_bytes(os.urandom(10_000))
    (caller.spool / "2-empty.spool").touch()
    (caller.spool / "3-folder.spool").mkdir()
    (caller.spool / "4-link.spool").symlink_to(outside)
    (caller.spool / "losses.json").write_bytes(b"\0{")
    other = spooled(caller, 1)
    for name in (f"{other}.json", f"{other}.events", f"{other}.closed"):
        (caller.home / "state" / "executions" / name).write_bytes(b'{"execution_id": ')
    caller.environ["AGENT_OTEL_ENDPOINT"] = stack.endpoint
    answer = caller.call("flush", "--timeout", "20")
    assert answer.code == 0, answer
    assert answer.json["delivered"] >= 5, answer
    answer = caller.call("complete", "--execution-id", other)
    assert answer.code == 0, answer
    assert answer.json["recorded"] is True, answer
    caller.delivered("complete", "--execution-id", execution_id)
    wait_for_stages(stack, execution_id, "stage 0", "stage 1")
    wait_for_end(stack, execution_id)
    assert outside.read_text() == "not ours"
    assert (caller.spool / "4-link.spool").is_symlink()
