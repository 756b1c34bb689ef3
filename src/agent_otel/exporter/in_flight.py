"""Admission: how many requests, and how many bytes of them, a worker has under way at once, over all connections."""

import threading
from types import TracebackType
from typing import Protocol, Self

from agent_otel.errors import OverloadedError


class Gauge(Protocol):
    """What shows a number that goes up and down."""

    def set(self, value: float) -> None:
        """Show `value` from now on."""


class InFlight:
    """Counts requests and their bytes from their arrival to their answer, and refuses what does not fit.

    It refuses at once instead of waiting: two half-read bodies would otherwise wait for each other, and a request that
    waits longer than its sender does is stored for nobody and sent again.
    """

    def __init__(self, requests: int, limit: int, gauge: Gauge) -> None:
        self._most_requests = requests
        self._limit = limit
        self._gauge = gauge
        self._lock = threading.Lock()
        self._requests = self._bytes = 0

    def reserve(self) -> "Reservation":
        """Room for one request; empty at first."""
        return Reservation(self)

    def check(self) -> None:
        """Raise OverloadedError when one request more would be refused now."""
        if self._requests >= self._most_requests:
            raise OverloadedError(f"{self._most_requests} requests are under way; send it again later", "requests")

    def enter(self) -> None:
        """Count one request more; raises OverloadedError when there are too many."""
        with self._lock:
            self.check()
            self._requests += 1

    def leave(self) -> None:
        """Count one request less."""
        with self._lock:
            self._requests -= 1

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
    """The room of one request. A context manager: entering it may be refused, leaving it gives everything back."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._size = 0

    def grow(self, size: int) -> None:
        """Take room for `size` more bytes; raises OverloadedError when there is none."""
        self._in_flight.change(size)
        self._size += size

    def __enter__(self) -> Self:
        self._in_flight.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._in_flight.change(-self._size)
        self._size = 0
        self._in_flight.leave()
