"""How gRPC messages come in: a few at a time, and none for ever.

grpcio gives us a message when all of it is in memory, and shows nothing of it before. So what bounds the memory is how
many are being received at once; and a sender that takes its time must not keep the others out.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from agent_otel.errors import OverloadedError

#: A sender may take this many seconds while others wait for its place; on one machine 64 MiB take a tenth of that.
PATIENCE: Final = 2.0
_TICK: Final = 0.1


class Call(Protocol):
    """A call whose message is on its way."""

    def cancel(self) -> object:
        """Give it up; its sender is told CANCELLED, after which OTLP has it send again."""


class Reception:
    """Places for calls whose message is being received. `seconds` is how long one may take when nobody waits."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places = places
        self._seconds = seconds
        self._changed = threading.Condition()
        self._begun: dict[int, tuple[float, Call]] = {}
        self._cancelled: set[int] = set()
        self._waiting = 0
        self._next_cut = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="grpc-reception", daemon=True)

    def start(self) -> None:
        """Begin to look after slow senders."""
        self._thread.start()

    def stop(self) -> None:
        """Look after them no longer."""
        self._stopped.set()

    @contextmanager
    def place(self, call: Call) -> Iterator[None]:
        """Hold a place while a message is received; raises OverloadedError when there is none for too long.

        A call that took too long is cancelled, and OverloadedError is raised whatever its body did.
        """
        number = id(call)
        with self._changed:
            self._wait()
            self._begun[number] = (time.monotonic(), call)
        try:
            yield
        finally:
            with self._changed:
                del self._begun[number]
                slow = number in self._cancelled
                self._cancelled.discard(number)
                self._changed.notify()
            if slow:
                raise OverloadedError("the message did not arrive in time", "body_seconds")

    def _wait(self) -> None:
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: len(self._begun) < self._places, self._seconds):
                raise OverloadedError("too many messages are being received; send it again later", "grpc_receiving")
        finally:
            self._waiting -= 1

    def _watch(self) -> None:
        while not self._stopped.wait(_TICK):
            for call in self._slow():
                call.cancel()

    def _slow(self) -> list[Call]:
        now = time.monotonic()
        with self._changed:
            oldest_first = sorted((begun, number, call) for number, (begun, call) in self._begun.items())
            slow = [entry for entry in oldest_first if entry[0] < now - self._seconds]
            if not slow and self._waiting and now >= self._next_cut:
                # Not all of them: were every sender slow, none would ever come to its end.
                slow = [entry for entry in oldest_first if entry[0] < now - PATIENCE][: max(1, self._places // 2)]
                self._next_cut = now + PATIENCE if slow else now
            self._cancelled.update(number for _, number, _ in slow)
        return [call for _, _, call in slow]
