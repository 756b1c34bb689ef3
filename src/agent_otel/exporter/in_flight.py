"""Admission by bytes: how much request data the process holds at once, over all connections."""

import threading
from types import TracebackType
from typing import Protocol, Self

from agent_otel.errors import OverloadedError


class Gauge(Protocol):
    """What shows a number that goes up and down."""

    def set(self, value: float) -> None:
        """Show `value` from now on."""


class InFlight:
    """Counts the bytes of requests from their arrival to their answer, and refuses what does not fit.

    It refuses at once instead of waiting: two half-read bodies would otherwise wait for each other.
    """

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit = limit
        self._gauge = gauge
        self._lock = threading.Lock()
        self._bytes = 0

    def reserve(self) -> "Reservation":
        """Room for one request; empty at first."""
        return Reservation(self)

    def change(self, size: int) -> None:
        """Take (or, when negative, give back) `size` bytes; raises OverloadedError when there is no room."""
        with self._lock:
            if size > 0 and self._bytes + size > self._limit:
                raise OverloadedError(
                    f"more than {self._limit} bytes of requests are under way; send it again later", "in_flight"
                )
            self._bytes += size
            self._gauge.set(self._bytes)


class Reservation:
    """The room of one request. A context manager: leaving it gives everything back."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._size = 0

    def grow(self, size: int) -> None:
        """Take room for `size` more bytes; raises OverloadedError when there is none."""
        self._in_flight.change(size)
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._in_flight.change(-self._size)
        self._size = 0
