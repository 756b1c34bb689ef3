"""agent_otel.hand_over on a disk that is full, failing, damaged or not ours."""

import os
from pathlib import Path

import pytest

from agent_otel import counts
from agent_otel.counts import read_counts
from agent_otel.hand_over import hand_over
from agent_otel.record import LOGS, frame
from agent_otel.segment import Segment, Tally
from agent_otel.spool import Spool
from tests.fixtures.sink import Sink
from tests.unit.handing import SettingsTo, absent, log, names, told, waiting


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
