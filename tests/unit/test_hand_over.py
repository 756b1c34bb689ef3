"""agent_otel.hand_over: delivered, or safe on the disk, or said to be lost; and never more than its time."""

import os
import time
from pathlib import Path

import pytest

from agent_otel import counts
from agent_otel import hand_over as module
from agent_otel.counts import read_counts
from agent_otel.hand_over import DRAIN_SECONDS, hand_over
from agent_otel.record import LOGS, MAX_PAYLOAD, SPANS_JSON, frame
from agent_otel.spool import Spool
from tests.fixtures.sink import Answer, Received, Sink
from tests.unit.handing import SettingsTo, absent, log, names, told, waiting

pytestmark = pytest.mark.usefixtures("unhurried")

#: What the machine's other work may add to a time limit, in seconds; a broken limit costs the courier's ten.
SLACK = 2.0
#: What a call waits for a receiver that is there and does not answer.
SEND_MILLISECONDS = 30


def test_delivered(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """A receiver that answers has all records, events first, and nothing is left but the counts."""
    records = [(SPANS_JSON, 1, b'{"scopeSpans":[]}'), log("one")]
    handed = hand_over(records, settings_to(sink.endpoint))
    assert (handed.spooled, handed.delivered, handed.problem) == (False, True, "")
    assert [received.path for received in sink.accepted] == ["/v1/logs", "/v1/traces"]
    assert list(spool_folder.glob("*.spool*")) == []


def test_on_the_disk_before_it_is_sent(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the receiver still thinks, the records are in a segment, whole, and file and folder are synced."""
    sizes: list[int] = []
    synced: list[str] = []
    really = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)

    def look(_: Received) -> Answer:
        (segment,) = spool_folder.glob("*.spool")
        assert synced == [str(segment), str(spool_folder)]
        sizes.append(segment.stat().st_size)
        return Answer()

    sink.answer = look
    assert hand_over([log("one"), log("two")], settings_to(sink.endpoint)).delivered
    assert sizes == [len(frame(*log("one"))) + len(frame(*log("two")))]


def test_nothing_listens(settings_to: SettingsTo, spool_folder: Path) -> None:
    """The records wait, and it is said why."""
    endpoint = absent()
    handed = hand_over([log("one")], settings_to(endpoint))
    assert told(handed) == (True, False)
    assert f"nothing listens on {endpoint.removeprefix('http://')}" in handed.problem
    assert waiting(spool_folder) == [["one"]]


def test_stuck_receiver_costs_its_budget(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """A receiver that takes the request and does not answer holds the caller up for the budget, not longer."""
    sink.stall(True)
    begun = time.monotonic()
    handed = hand_over([log("one")], settings_to(sink.endpoint, send_milliseconds=SEND_MILLISECONDS))
    assert told(handed) == (True, False)
    assert handed.problem == f"{sink.endpoint} gives no answer in time"
    assert SEND_MILLISECONDS / 1_000 <= time.monotonic() - begun < SEND_MILLISECONDS / 1_000 + SLACK
    assert waiting(spool_folder) == [["one"]]


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
def test_not_now(settings_to: SettingsTo, sink: Sink, spool_folder: Path, status: int) -> None:
    """An answer that is not about the records leaves them where they are."""
    sink.answer = lambda _: Answer(status)
    handed = hand_over([log("one")], settings_to(sink.endpoint))
    assert told(handed) == (True, False)
    assert f"answers {status}" in handed.problem
    assert waiting(spool_folder) == [["one"]]


def test_refused_record(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """A record that the receiver will never take is kept aside, counted and said; its neighbour is delivered."""
    sink.answer = lambda received: Answer(400 if b"bad" in received.body else 200)
    handed = hand_over([log("good"), log("bad")], settings_to(sink.endpoint))
    assert told(handed) == (False, False)
    assert "refuses a record with 400" in handed.problem
    assert names(sink) == ["good"]
    assert len(list((spool_folder / "refused").iterdir())) == 1
    assert read_counts(str(spool_folder))[counts.REFUSED] == 1


def test_only_what_was_not_acknowledged_waits(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """When the receiver takes the events and not the spans, the events are not sent again."""
    sink.answer = lambda received: Answer(503 if received.path == "/v1/traces" else 200)
    assert told(hand_over([log("one"), (SPANS_JSON, 1, b"{}")], settings_to(sink.endpoint))) == (True, False)
    sink.answer = lambda _: Answer()
    assert hand_over([log("two")], settings_to(sink.endpoint)).delivered
    assert names(sink) == ["one", "two"]
    assert [received.path for received in sink.accepted] == ["/v1/logs", "/v1/logs", "/v1/traces"]


def test_an_outage_is_one_file(settings_to: SettingsTo, spool_folder: Path) -> None:
    """What cannot be delivered is appended to what waits, in the order of the calls; all of it is delivered later."""
    settings = settings_to(absent())
    for number in range(20):
        assert hand_over([log(str(number))], settings).spooled
    assert waiting(spool_folder) == [[str(number) for number in range(20)]]


def test_a_held_or_full_segment_is_left_alone(
    settings_to: SettingsTo, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that another process holds, or that has no room, gets nothing; a new one is begun."""
    living = Spool(str(spool_folder), 2**30)
    living.append(*log("living"))
    settings = settings_to(absent())
    assert hand_over([log("one")], settings).spooled
    monkeypatch.setattr("agent_otel.spool.SEGMENT_SIZE", len(frame(*log("one"))) + 1)
    assert hand_over([log("two")], settings).spooled
    living.close()
    assert waiting(spool_folder) == [["living"], ["one"], ["two"]]


def test_others_records_go_along(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """When the receiver is back, the next call delivers its own record first, then what waits."""
    hand_over([log("waits")], settings_to(absent()))
    assert hand_over([log("own")], settings_to(sink.endpoint)).delivered
    assert names(sink) == ["own", "waits"]
    assert waiting(spool_folder) == []


def test_little_goes_along(settings_to: SettingsTo, sink: Sink, spool_folder: Path) -> None:
    """Of much that waits a call takes no more than 64 KiB; a record larger than that is left to others."""
    kib = 1024
    for name, size in (("large", 100), *((str(number), 20) for number in range(9))):
        spool = Spool(str(spool_folder), 2**30)
        spool.append(*log(name, size * kib))
        spool.close()
    assert hand_over([log("own")], settings_to(sink.endpoint)).delivered
    assert set(names(sink)) <= {"own", "0", "1", "2"}
    assert sum(len(received.body) for received in sink.seen[1:]) <= module.DRAIN_BYTES
    assert ["large"] in waiting(spool_folder)


def test_slow_receiver_gets_no_more(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that took longer to answer than the time for others' records is not asked for them."""
    monkeypatch.setattr(module, "DRAIN_SECONDS", DRAIN_SECONDS)
    hand_over([log("waits")], settings_to(absent()))

    def slowly(_: Received) -> Answer:
        time.sleep(2 * DRAIN_SECONDS)
        return Answer()

    sink.answer = slowly
    assert hand_over([log("own")], settings_to(sink.endpoint)).delivered
    assert names(sink) == ["own"]
    assert waiting(spool_folder) == [["waits"]]


def test_draining_ends_in_time(
    settings_to: SettingsTo, sink: Sink, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that gets stuck over others' records costs five milliseconds, and they wait on."""
    monkeypatch.setattr(module, "DRAIN_SECONDS", DRAIN_SECONDS)
    hand_over([log("waits")], settings_to(absent()))

    def stall(received: Received) -> Answer:
        sink.stalled = b"own" in received.body
        return Answer()

    sink.answer = stall
    begun = time.monotonic()
    assert hand_over([log("own")], settings_to(sink.endpoint)).delivered
    assert time.monotonic() - begun < SLACK
    assert waiting(spool_folder) == [["waits"]]
    sink.stall(False)


def test_too_large(settings_to: SettingsTo, sink: Sink) -> None:
    """A record that no receiver would take is lost and said; the others go."""
    handed = hand_over([(LOGS, 1, bytes(MAX_PAYLOAD + 1)), log("good")], settings_to(sink.endpoint))
    assert told(handed) == (False, False)
    assert f"the limit is {MAX_PAYLOAD}" in handed.problem
    assert names(sink) == ["good"]


def test_endpoint_that_is_none(settings_to: SettingsTo, spool_folder: Path) -> None:
    """A port that is no number costs the delivery, not the record."""
    handed = hand_over([log("one")], settings_to("http://localhost:port"))
    assert told(handed) == (True, False)
    assert "not a number" in handed.problem
    assert waiting(spool_folder) == [["one"]]


def test_nothing_is_raised(settings_to: SettingsTo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by a mistake of ours; what is on the disk is said to be there."""
    monkeypatch.setattr("agent_otel.delivery.Delivery.deliver", lambda *_: 1 / 0)
    handed = hand_over([log("one")], settings_to("http://127.0.0.1:1"))
    assert told(handed) == (True, False)
    assert "ZeroDivisionError" in handed.problem
