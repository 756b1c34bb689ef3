"""The fuzzer itself: a short run finds nothing, and each kind of failure is found when it is planted."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.local_stack.process import wait_until
from tests.fuzz import encoding_payloads
from tests.fuzz.campaign import MAKERS, Campaign, Make
from tests.fuzz.payload import NO_ANSWER, Payload
from tests.fuzz.target import Target, running


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An exporter process on a database of its own."""
    with running(tmp_path_factory.mktemp("fuzz")) as target:
        yield target


def failures(target: Target, make: Make) -> list[str]:
    """What a run of five payloads of one kind finds."""
    return Campaign(target, random.randrange(2**32), 5, [(1, make)]).run()[0].failures


def test_a_short_run_finds_nothing(target: Target) -> None:
    """Every kind of payload is answered as it may be, and what must be in SQL is there."""
    seed = random.randrange(2**32)
    outcome, memory = Campaign(target, seed, 600).run()
    assert outcome.failures == [], seed
    assert outcome.good_spans > 100
    assert outcome.quarantined > 10
    assert memory.largest > 10


def test_the_same_seed_makes_the_same_payloads(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run found can be sent again, an hour later too (a gzip may hold the time at which it was made)."""
    one, two = Campaign(target, 7, 50), Campaign(target, 7, 50)
    first = [one.payload(number) for number in range(50)]
    later = time.time() + 3_600
    monkeypatch.setattr(time, "time", lambda: later)
    assert first == [two.payload(number) for number in range(50)]
    assert one.payload(1) != Campaign(target, 8, 50).payload(1)


def test_every_maker_makes_payloads_of_one_kind() -> None:
    """No kind is forgotten, and no door."""
    payloads = [[make(random.Random(seed)) for seed in range(20)] for _, make in MAKERS]
    doors = {payload.door for made in payloads for payload in made}
    assert doors == {"grpc", "http", "http-wire", "grpc-wire", "http-half", "grpc-half"}


def _wrong_status(rng: random.Random) -> Payload:
    return encoding_payloads.good(rng)._replace(allowed=frozenset({413}))


def _not_sent(rng: random.Random) -> Payload:
    return encoding_payloads.good(rng)._replace(good=((rng.randbytes(16), rng.randbytes(8)),))


def _not_quarantined(rng: random.Random) -> Payload:
    bad = b"\x0a\x06\x12\x04\x12\x02\x0a\x00"
    return encoding_payloads.good(rng)._replace(body=bad, good=(), spoilt=rng.randbytes(20))


def _hanging(rng: random.Random) -> Payload:
    return Payload("hanging", "nowhere-wire", b"", frozenset({NO_ANSWER}))._replace(door="http", method="\n")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (_wrong_status, "answered 200, allowed is [413]"),
        (_not_sent, "good span not stored"),
        (_not_quarantined, "rejected item not in quarantine"),
        (_hanging, "ValueError"),
    ],
    ids=["status", "span", "quarantine", "no answer"],
)
def test_a_planted_failure_is_found(target: Target, make: Make, found: str) -> None:
    """A wrong status, a span that is not there, a lost item, a payload without an answer."""
    assert any(found in failure for failure in failures(target, make))


def test_a_crash_and_a_traceback_are_found(tmp_path: Path) -> None:
    """A killed worker is noticed although another one comes, and so is a traceback in the log."""
    with running(tmp_path) as target:
        with (tmp_path / "exporter.log").open("a") as log:
            log.write("Traceback (most recent call last):\n")
        assert any("Traceback" in failure for failure in failures(target, encoding_payloads.good))
        os.kill(target.workers()[0], signal.SIGKILL)
        assert wait_until(lambda: not target.alive, 30)
        assert "a worker ended" in failures(target, encoding_payloads.good)
