"""The Collector killed and started again, again and again, while something else goes on."""

import os
import random
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self

from agent_otel.local_stack.slots import COLLECTOR
from tests.faults.rig import Rig


class Outages:
    """SIGKILL at random while the block runs; `pauses`: least and most s that it lives and that it is away."""

    def __init__(self, rig: Rig, rng: random.Random, pauses: tuple[float, float]) -> None:
        self.times = 0
        self._rig = rig
        self._rng = rng
        self._pauses = pauses
        self._over = Event()
        self._thread = ThreadPoolExecutor(1)
        self._done: Future[None] | None = None

    def __enter__(self) -> Self:
        self._done = self._thread.submit(self._strike)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.shutdown()
        assert self._done is not None
        self._done.result()

    def _strike(self) -> None:
        while not self._over.wait(self._rng.uniform(*self._pauses)):
            os.kill(self._rig.pid(COLLECTOR), signal.SIGKILL)
            self._rig.await_end(COLLECTOR)
            self.times += 1
            self._over.wait(self._rng.uniform(*self._pauses))
            self._rig.bring_up(COLLECTOR)
