"""agent_otel.drain: what short processes left is delivered, until the deadline and not longer."""

import os
import time
from pathlib import Path
from threading import Thread

import pytest

from agent_otel import counts
from agent_otel.counts import read_counts
from agent_otel.drain import Drained, drain, waiting
from agent_otel.hand_over import hand_over
from agent_otel.record import LOGS, SPANS_JSON, frame
from agent_otel.segment import Segment
from agent_otel.spool import Spool
from tests.fixtures.sink import Answer, Received, Sink
from tests.unit.handing import SettingsTo, absent, log, names

SOON = 30.0


def leave(folder: Path, *events: str) -> None:
    """A segment of a dead process."""
    spool = Spool(str(folder), 2**30)
    for name in events:
        assert spool.append(*log(name))
    spool.close()


def numbers(drained: Drained) -> tuple[int, int, int, int]:
    """Delivered, spooled, refused, lost."""
    return drained.delivered, drained.spooled, drained.refused, drained.lost


def test_everything(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """All that nobody holds goes, the oldest first; what a living process holds waits."""
    leave(spool_folder, "one", "two")
    leave(spool_folder, "three")
    living = Spool(str(spool_folder), 2**30)
    living.append(*log("living"))
    drained = drain(settings_to(sink.endpoint), time.monotonic() + SOON)
    assert (*numbers(drained), drained.problem) == (3, 1, 0, 0, "")
    assert names(sink) == ["one", "two", "three"]
    living.close()
    assert read_counts(str(spool_folder)) == {counts.SENT: 3, counts.ACKNOWLEDGED: 3}


def test_nothing_waits(settings_to: SettingsTo, sink: Sink, home: Path) -> None:
    """An empty or absent spool is no problem, and makes no folder."""
    drained = drain(settings_to(sink.endpoint), time.monotonic() + SOON)
    assert (*numbers(drained), drained.problem) == (0, 0, 0, 0, "")
    assert not (home / "state").exists()
    assert sink.seen == []


def test_nobody_listens(settings_to: SettingsTo, spool_folder: Path) -> None:
    """It is said at once, and everything waits on."""
    leave(spool_folder, "one")
    begun = time.monotonic()
    drained = drain(settings_to(absent()), begun + SOON)
    assert numbers(drained) == (0, 1, 0, 0)
    assert "nothing listens" in drained.problem
    assert time.monotonic() - begun < SOON / 2


def test_goes_on_trying(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """A receiver that asks for patience gets it, within the deadline."""
    leave(spool_folder, "one")
    sink.answer = lambda _: Answer(503 if len(sink.seen) < 3 else 200)
    assert numbers(drain(settings_to(sink.endpoint), time.monotonic() + SOON)) == (1, 0, 0, 0)


def test_deadline(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """A receiver that does not answer, or asks for more patience than there is, costs no more than the deadline."""
    leave(spool_folder, "one")
    settings = settings_to(sink.endpoint)
    sink.stall(True)
    begun = time.monotonic()
    assert numbers(drain(settings, begun + 0.2)) == (0, 1, 0, 0)
    sink.stall(False)
    sink.answer = lambda _: Answer(503, {"Retry-After": "60"})
    assert numbers(drain(settings, time.monotonic() + SOON)) == (0, 1, 0, 0)
    assert time.monotonic() - begun < SOON / 2


def test_stopped_while_it_rests(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """Whoever waits for us ends the wait."""
    leave(spool_folder, "one")
    sink.answer = lambda _: Answer(503)
    rests: list[float] = []

    def rest(seconds: float) -> bool:
        rests.append(seconds)
        return True

    drained = drain(settings_to(sink.endpoint), time.monotonic() + SOON, rest)
    assert numbers(drained) == (0, 1, 0, 0)
    assert len(rests) == 1


def test_each_costs_itself(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """Refused records, damage, links, folders: all else is delivered, and each is counted."""
    leave(spool_folder, "bad", "good")
    (spool_folder / "1-0-garbage.spool").write_bytes(os.urandom(500))
    (spool_folder / "1-1-torn.spool").write_bytes(frame(*log("whole")) + frame(*log("torn"))[:-1])
    (spool_folder / "1-2-link.spool").symlink_to("/dev/zero")
    (spool_folder / "1-3-folder.spool").mkdir()
    os.mkfifo(spool_folder / "1-4-pipe.spool")
    sink.answer = lambda received: Answer(400 if b"bad" in received.body else 200)
    drained = drain(settings_to(sink.endpoint), time.monotonic() + SOON)
    assert numbers(drained) == (2, 0, 1, 2)
    assert sorted(names(sink)) == ["good", "whole"]
    assert "refuses a record" in drained.problem
    assert "damaged bytes" in drained.problem


def test_unreadable_segment(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment on a bad sector is said, stays, and holds nobody up."""
    leave(spool_folder, "unreadable")
    (bad,) = spool_folder.glob("*.spool")
    leave(spool_folder, "good")
    really = Segment.window

    def window(self: Segment, max_bytes: int) -> object:
        if self.path == str(bad):
            raise OSError(5, "Input/output error")
        return really(self, max_bytes)

    monkeypatch.setattr(Segment, "window", window)
    drained = drain(settings_to(sink.endpoint), time.monotonic() + SOON)
    assert numbers(drained) == (1, 1, 0, 0)
    assert "Input/output error" in drained.problem
    assert names(sink) == ["good"]


def test_two_at_once(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """Two who drain at once deliver each record once between them."""
    for number in range(40):
        leave(spool_folder, str(number))
    settings = settings_to(sink.endpoint)
    threads = [Thread(target=drain, args=(settings, time.monotonic() + SOON)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(settings, time.monotonic() + SOON)
    assert sorted(names(sink), key=int) == [str(number) for number in range(40)]


def test_progress_is_kept(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """What was acknowledged before the receiver went away is not sent again."""
    spool = Spool(str(spool_folder), 2**30)
    spool.append(*log("one"))
    spool.append(SPANS_JSON, 1, b"{}")
    spool.close()
    settings = settings_to(sink.endpoint)

    def events_only(received: Received) -> Answer:
        return Answer(200 if received.path == "/v1/logs" else 503)

    sink.answer = events_only
    assert numbers(drain(settings, time.monotonic() + SOON, lambda _: True)) == (1, 1, 0, 0)
    sink.answer = lambda _: Answer()
    assert numbers(drain(settings, time.monotonic() + SOON)) == (1, 0, 0, 0)
    assert names(sink) == ["one"]


def test_waiting(settings_to: SettingsTo, spool_folder: Path) -> None:
    """Records, items and bytes are counted over all segments, held or not; damage and links are passed over."""
    settings = settings_to(absent())
    assert waiting(settings).records == 0
    held = Spool(str(spool_folder), 2**30)
    held.append(LOGS, 5, b"12345")
    hand_over([log("one"), log("two")], settings)
    (spool_folder / "1-0-link.spool").symlink_to("/dev/zero")
    (spool_folder / "1-1-torn.spool").write_bytes(b"damage" + frame(LOGS, 2, b"x") + frame(LOGS, 1, b"torn")[:-1])
    found = waiting(settings)
    assert (found.records, found.items) == (4, 5 + 1 + 1 + 2)
    assert found.size == sum(len(frame(*r)) for r in ((LOGS, 5, b"12345"), log("one"), log("two"), (LOGS, 2, b"x")))
    held.close()
