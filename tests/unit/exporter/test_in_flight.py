"""Admission by bytes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_otel.errors import OverloadedError
from agent_otel.exporter.in_flight import InFlight


class Shown:
    """A gauge that can be read."""

    value = 0.0

    def set(self, value: float) -> None:
        """Remember `value`."""
        self.value = value


def test_room_is_given_up_to_the_limit_and_comes_back() -> None:
    """The limit itself fits, one byte more does not; leaving gives everything back, after an error too."""
    shown = Shown()
    in_flight = InFlight(8, 100, shown)
    with in_flight.reserve() as first:
        first.grow(60)
        first.grow(40)
        with pytest.raises(OverloadedError, match="more than 100 bytes"), in_flight.reserve() as second:
            second.grow(1)
        assert shown.value == 100
    assert shown.value == 0


def test_what_is_refused_is_not_counted() -> None:
    """A request that got part of its room gives back just that part."""
    shown = Shown()
    in_flight = InFlight(8, 100, shown)
    with in_flight.reserve() as room:
        room.grow(60)
        with pytest.raises(OverloadedError):
            room.grow(60)
        assert shown.value == 60
    assert shown.value == 0


def test_threads_do_not_lose_counts() -> None:
    """Many threads taking and giving back end at nothing."""
    shown = Shown()
    in_flight = InFlight(8, 10_000, shown)

    def use(_number: int) -> None:
        with in_flight.reserve() as room:
            for _ in range(50):
                room.grow(1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(200)))
    assert shown.value == 0


def test_requests_are_limited_too() -> None:
    """The last one that fits is let in, one more is refused and leaves nothing behind, the next gets its place."""
    in_flight = InFlight(2, 100, Shown())
    with in_flight.reserve():
        with in_flight.reserve(), pytest.raises(OverloadedError, match="2 requests are under way"), in_flight.reserve():
            pass
        with in_flight.reserve():
            pass
