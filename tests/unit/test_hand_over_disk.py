"""agent_otel.hand_over on a disk that is full, failing, damaged or not ours."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent_otel import counts
from agent_otel.counts import read_counts
from agent_otel.drain import drain
from agent_otel.hand_over import hand_over
from agent_otel.record import LOGS, frame
from agent_otel.segment import Segment, Tally
from agent_otel.spool import Spool
from tests.fixtures.sink import Answer, Sink
from tests.unit.handing import SettingsTo, absent, log, names, told, waiting

pytestmark = pytest.mark.usefixtures("unhurried")


def test_limit(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """At its limit the spool takes nothing: delivered directly, or lost, counted and said."""
    other = Spool(str(spool_folder), 2**30)
    other.append(*log("other", 1024**2))
    assert told(hand_over([log("own")], settings_to(sink.endpoint, spool_limit="1MiB"))) == (False, True)
    handed = hand_over([log("lost"), log("too")], settings_to(absent(), spool_limit="1MiB"))
    assert told(handed) == (False, False)
    assert "limit of 1048576 bytes" in handed.problem
    assert "nothing listens" in handed.problem
    assert "2 lost" in handed.problem
    assert read_counts(str(spool_folder))[counts.SPOOL_FULL] == 2
    other.close()
    assert waiting(spool_folder) == [["other"]]


def test_limit_is_reckoned_from_some_of_many(spool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many segments only some are looked at."""
    for _ in range(100):
        spool = Spool(str(spool_folder), 2**30)
        spool.append(LOGS, 1, bytes(978))
        spool.close()
    looked: list[str] = []
    really = os.stat

    def look(path: str) -> os.stat_result:
        looked.append(path)
        return really(path)

    monkeypatch.setattr("agent_otel.spool.MAX_MEASURED", 10)
    monkeypatch.setattr("agent_otel.spool.os.stat", look)
    full = Spool(str(spool_folder), 100_500)
    assert not full.append(LOGS, 1, bytes(1000))
    assert "at its limit" in str(full.problem)
    assert 5 <= len([path for path in looked if path.endswith(".spool")]) <= 10


def test_failing_fsync(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be synced is not said to be spooled, though it is left for whoever comes."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    handed = hand_over([log("one")], settings_to(absent()))
    assert told(handed) == (False, False)
    assert "Input/output error" in handed.problem
    assert waiting(spool_folder) == [["one"]]
    assert told(hand_over([log("two")], settings_to(sink.endpoint))) == (False, True)


def test_damaged_segments_cost_themselves(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """Garbage, a torn record, a planted link, a folder, an empty file: all else is delivered."""
    target = spool_folder.parent / "elsewhere"
    spool_folder.mkdir(parents=True, mode=0o700)
    target.write_bytes(frame(*log("planted")))
    (spool_folder / "1-1-link.spool").symlink_to(target)
    (spool_folder / "1-2-garbage.spool").write_bytes(os.urandom(1000))
    (spool_folder / "1-3-torn.spool").write_bytes(frame(*log("whole")) + frame(*log("torn"))[:-5])
    (spool_folder / "1-4-folder.spool").mkdir()
    (spool_folder / "1-5-empty.spool").touch()
    good = Segment.create(str(spool_folder / "1-6-good.spool"), Tally())
    good.append(frame(*log("good")))
    good.close()
    for number in range(3):
        assert hand_over([log(str(number))], settings_to(sink.endpoint)).delivered
    assert sorted(names(sink)) == ["0", "1", "2", "good", "whole"]
    assert target.read_bytes() == frame(*log("planted"))
    assert sorted(path.name for path in spool_folder.glob("*.spool")) == ["1-1-link.spool", "1-4-folder.spool"]
    assert read_counts(str(spool_folder))[counts.DAMAGED] == 2


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A file system of one MiB for the state, gone after the test."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = home / "state"
    folder.mkdir(mode=0o700)
    _run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "agent-otel-test", str(folder))
    yield folder
    _run("umount", "--lazy", str(folder))


def test_full_disk(settings_to: SettingsTo, sink: Sink, small_disk: Path, spool_folder: Path) -> None:
    """Delivered directly, or lost, counted and said; what waited is delivered, which makes room again."""
    assert hand_over([log("waits", 100_000)], settings_to(absent())).spooled
    assert hand_over([log("too")], settings_to(absent())).spooled
    _fill(small_disk / "ballast")
    handed = hand_over([log("lost", 50_000)], settings_to(absent()))
    assert told(handed) == (False, False)
    assert "No space left" in handed.problem or "bytes fit into" in handed.problem
    assert "1 lost" in handed.problem
    assert told(hand_over([log("direct", 50_000)], settings_to(sink.endpoint))) == (False, True)
    assert drain(settings_to(sink.endpoint), time.monotonic() + 30).problem == ""
    assert sorted(names(sink)) == ["direct", "too", "waits"]
    assert hand_over([log("room", 50_000)], settings_to(absent())).spooled
    assert waiting(spool_folder) == [["room"]]
    assert read_counts(str(spool_folder))[counts.IO_ERROR] == 1


def test_disk_that_fills_up_between_two_files(settings_to: SettingsTo, small_disk: Path, spool_folder: Path) -> None:
    """A record that fits into a file of its own, but not a second time into another, stays where it is."""
    assert hand_over([log("first", 300_000)], settings_to(absent())).spooled
    assert hand_over([log("second", 400_000)], settings_to(absent())).spooled
    assert waiting(spool_folder) == [["first"], ["second"]]


def test_read_only_disk(settings_to: SettingsTo, sink: Sink, small_disk: Path, spool_folder: Path) -> None:
    """Delivered directly or said to be lost; what waits there is not sent again and again."""
    assert hand_over([log("waits")], settings_to(absent())).spooled
    _run("mount", "-o", "remount,ro", str(small_disk))
    assert told(hand_over([log("direct")], settings_to(sink.endpoint))) == (False, True)
    handed = hand_over([log("lost")], settings_to(absent()))
    assert told(handed) == (False, False)
    assert "Read-only file system" in handed.problem
    assert "1 lost" in handed.problem
    assert names(sink) == ["direct"]
    _run("mount", "-o", "remount,rw", str(small_disk))
    assert told(hand_over([log("again")], settings_to(sink.endpoint))) == (False, True)
    assert sorted(names(sink)) == ["again", "direct", "waits"]


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o777)


def _given_away(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a folder away needs root")
    os.chown(folder, 65534, 65534)


def _linked(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_open_to_all, "chmod 700"), (_given_away, "belongs to user 65534"), (_linked, "is not a folder")],
)
def test_folder_that_is_not_ours_alone(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, spoil: Callable[[Path], None], said: str
) -> None:
    """It is neither written to nor read; delivered directly, or lost and said."""
    spool_folder.mkdir(parents=True, mode=0o700)
    spoil(spool_folder)
    (spool_folder / "1-1-planted.spool").write_bytes(frame(*log("planted")))
    sink.answer = lambda received: Answer(400 if b"refused" in received.body else 200)
    assert told(hand_over([log("direct")], settings_to(sink.endpoint))) == (False, True)
    assert told(hand_over([log("refused")], settings_to(sink.endpoint))) == (False, False)
    handed = hand_over([log("lost")], settings_to(absent()))
    assert told(handed) == (False, False)
    assert said in handed.problem
    assert "1 lost" in handed.problem
    assert names(sink) == ["direct"]
    assert [path.name for path in spool_folder.iterdir()] == ["1-1-planted.spool"]


def test_another_user(settings_to: SettingsTo, sink: Sink, spool_folder: Path, home: Path) -> None:
    """A user who may not even look into the folder delivers directly, or is told what is lost."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    assert hand_over([log("root's")], settings_to(absent())).spooled
    settings = {"there": settings_to(sink.endpoint), "absent": settings_to(absent())}
    os.seteuid(65534)
    try:
        handed = {name: hand_over([log(name)], one) for name, one in settings.items()}
    finally:
        os.seteuid(0)
    assert told(handed["there"]) == (False, True)
    assert told(handed["absent"]) == (False, False)
    assert "Permission denied" in handed["absent"].problem
    assert names(sink) == ["there"]
    assert waiting(spool_folder) == [["root's"]]


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=10)
