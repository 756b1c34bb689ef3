"""Places for messages that are being received."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_otel.errors import OverloadedError
from agent_otel.exporter.reception import Reception

_SECONDS = 20.0


class Sending:
    """A call whose message does not come before it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        """What gRPC does."""
        self.cancelled.set()


@pytest.fixture
def reception() -> Iterator[Reception]:
    """One place, for 20 seconds when nobody waits."""
    reception = Reception(1, _SECONDS)
    reception.start()
    yield reception
    reception.stop()


def test_a_slow_sender_makes_way_for_one_who_waits(reception: Reception) -> None:
    """It is cancelled and told to come back, long before its time is over; the other one gets the place."""
    slow = Sending()
    began = threading.Event()

    def hold() -> None:
        with reception.place(slow):
            began.set()
            assert slow.cancelled.wait(_SECONDS / 2)

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        assert began.wait(_SECONDS)
        with reception.place(Sending()):
            assert slow.cancelled.is_set()
        with pytest.raises(OverloadedError, match="in time") as caught:
            holding.result()
        assert caught.value.limit == "body_seconds"


def test_nobody_waits_for_ever() -> None:
    """Without anybody who watches, a place that does not become free is said so, and counted."""
    reception = Reception(1, 0.05)
    with reception.place(Sending()), pytest.raises(OverloadedError) as caught, reception.place(Sending()):
        pass
    assert caught.value.limit == "grpc_receiving"


def test_a_place_is_free_after_an_error(reception: Reception) -> None:
    """Whatever happened to the call before."""
    call = Sending()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), reception.place(call):
            raise ZeroDivisionError
    with reception.place(call):
        assert not call.cancelled.is_set()
