"""agent_otel.spool: kept within the limit, for this user only, and found by whoever comes after."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent_otel import counts, spool
from agent_otel.record import LOGS, MAX_PAYLOAD
from agent_otel.segment import Segment
from agent_otel.spool import Spool, SpoolRefusedError, check_folder

LIMIT = 2**30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool will be."""
    return tmp_path / "state" / "spool"


def payloads(of: Spool) -> list[bytes]:
    """What the spool's own segments hold that is not settled."""
    return [record.payload for segment in of.own() for record in segment.window(2**40)]


def segments(folder: Path) -> list[str]:
    """Names of the segment files."""
    return sorted(path.name for path in folder.glob("*.spool"))


def test_kept_for_this_user_only(folder: Path) -> None:
    """The folder is 0700 and its files are 0600, whatever the umask."""
    before = os.umask(0)
    try:
        assert Spool(str(folder), LIMIT).append(LOGS, 1, b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_world_writable_folder_is_refused(folder: Path) -> None:
    """A folder into which others could put records is not used; what is lost is counted and said."""
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    kept = Spool(str(folder), LIMIT)
    assert not kept.append(LOGS, 3, b"x")
    assert "chmod 700" in str(kept.problem)
    assert kept.tally.dropped == 3
    assert segments(folder) == []


def test_foreign_or_linked_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another user's folder nor a link to somewhere is used."""
    folder.mkdir(parents=True)
    link = folder.parent / "link"
    link.symlink_to(folder)
    with pytest.raises(SpoolRefusedError, match="not a folder"):
        check_folder(str(link))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SpoolRefusedError, match="belongs to user"):
        check_folder(str(folder))


def test_rotation_and_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full segment is followed by another; the order of records holds; one larger than a segment has its own."""
    monkeypatch.setattr(spool, "SEGMENT_SIZE", 100)
    kept = Spool(str(folder), LIMIT)
    sent = [b"%03d" % n + b"x" * (200 if n == 5 else 20) for n in range(10)]
    assert all(kept.append(LOGS, 1, payload) for payload in sent)
    assert payloads(kept) == sent
    assert len(segments(folder)) > 3


def test_limit_counts_all_processes(folder: Path) -> None:
    """What other processes left counts too; what does not fit is refused and counted with its reason."""
    first = Spool(str(folder), 3_000)
    assert first.append(LOGS, 1, b"x" * 2_000)
    second = Spool(str(folder), 3_000)
    assert not second.append(LOGS, 5, b"x" * 2_000)
    assert second.append(LOGS, 1, b"x" * 500)
    assert second.counts.losses == {counts.SPOOL_FULL: 5}
    assert "limit of 3000 bytes" in str(second.problem)


def test_limit_opens_again(folder: Path) -> None:
    """Once delivered, there is room again."""
    kept = Spool(str(folder), 100_000)
    assert kept.append(LOGS, 1, b"x" * 90_000)
    assert not kept.append(LOGS, 1, b"x" * 90_000)
    (segment,) = kept.own()
    segment.acknowledge(segment.size)
    kept.retire(segment)
    assert kept.append(LOGS, 1, b"x" * 90_000)


def test_record_that_could_never_be_delivered(folder: Path) -> None:
    """A record over the receivers' limit is refused at once."""
    kept = Spool(str(folder), LIMIT)
    assert not kept.append(LOGS, 1, bytes(MAX_PAYLOAD + 1))
    assert kept.counts.losses == {counts.TOO_LARGE: 1}


def test_retire_keeps_what_waits(folder: Path) -> None:
    """Only a wholly settled segment is removed, and a small active one stays for the next record."""
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"x")
    (segment,) = kept.own()
    kept.retire(segment)
    segment.acknowledge(segment.size)
    kept.retire(segment)
    assert kept.own() == [segment]
    kept.append(LOGS, 1, b"y" * spool.IDLE_SIZE)
    kept.retire(segment)
    assert payloads(kept) == [b"y" * spool.IDLE_SIZE]
    segment.acknowledge(segment.size)
    kept.retire(segment)
    assert segments(folder) == []


def test_folder_removed_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody cleans up the state folder, the next segment makes it again."""
    monkeypatch.setattr(spool, "SEGMENT_SIZE", 10)
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"lost with the folder")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert kept.append(LOGS, 1, b"kept")
    assert len(segments(folder)) == 1


def test_orphans_only(folder: Path) -> None:
    """Only what no process holds is handed out; each once; locked while it is in our hands."""
    living, dead, us = (Spool(str(folder), LIMIT) for _ in range(3))
    for one in (living, dead, us):
        one.append(LOGS, 1, b"x")
    dead.close()
    found = us.orphans()
    orphan = next(found)
    assert Segment.adopt(orphan.path) is None
    orphan.remove()
    assert list(found) == []


def test_killed_process(folder: Path) -> None:
    """What a process appended before SIGKILL is there, and adopted by the next."""
    code = (
        "import sys, signal, os\n"
        "from agent_otel.spool import Spool\n"
        f"kept = Spool({str(folder)!r}, 2**30)\n"
        "for n in range(100): kept.append(2, 1, b'%d' % n)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    (orphan,) = Spool(str(folder), LIMIT).orphans()
    assert [record.payload for record in orphan.window(2**30)] == [b"%d" % n for n in range(100)]
    orphan.close()


def test_forked_child_has_its_own(folder: Path) -> None:
    """A child writes to a segment of its own, and does not hold its parent's once the parent is gone."""
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"parent")
    child = os.fork()
    if child == 0:
        kept.after_fork()
        kept.append(LOGS, 1, b"child")
        os._exit(0 if kept.tally.appended == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert payloads(kept) == [b"parent"]
    (orphan,) = kept.orphans()
    assert [record.payload for record in orphan.window(2**30)] == [b"child"]
    orphan.close()


def test_unborn_leftovers(folder: Path) -> None:
    """A segment whose process died while making it is removed after an hour, not before."""
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"x")
    old, young = folder / "1-old.spool.new", folder / "1-young.spool.new"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    assert list(kept.orphans()) == []
    assert (old.exists(), young.exists()) == (False, True)


def test_widowed_note(folder: Path) -> None:
    """A note on how much of a segment was delivered goes once its segment is gone, not before."""
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"x")
    (segment,) = kept.own()
    segment.acknowledge(segment.size)
    widowed = folder / "1-1-dead.spool.ack"
    widowed.write_text("1")
    assert list(kept.orphans()) == []
    assert [path.name for path in folder.glob("*.ack")] == [f"{Path(segment.path).name}.ack"]


def test_durable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A durable record is on the disk when append returns; others are with the next sync."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"x")
    assert synced == []
    kept.append(LOGS, 1, b"x", durable=True)
    assert len(synced) == 2  # the file, and the folder with its name
    kept.append(LOGS, 1, b"x", durable=True)
    assert len(synced) == 3
    kept.sync()
    assert len(synced) == 3


def test_failing_fsync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A durable record whose fsync fails is reported as not kept; a sync in the background leaves a problem text."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    kept = Spool(str(folder), LIMIT)
    kept.append(LOGS, 1, b"x")
    monkeypatch.setattr(os, "fsync", fail)
    kept.sync()
    assert "Input/output error" in str(kept.problem)
    assert not kept.append(LOGS, 1, b"x", durable=True)
    assert (kept.tally.appended, kept.tally.dropped) == (2, 0)
