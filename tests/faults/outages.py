"""The Collector killed and started again, again and again, while something else goes on."""

import os
import random
import signal

from agent_otel.local_stack.slots import COLLECTOR
from tests.faults.beside import Beside
from tests.faults.rig import Rig


class Outages(Beside):
    """SIGKILL at random while the block runs; `pauses`: least and most s that it lives and that it is away."""

    def __init__(self, rig: Rig, rng: random.Random, pauses: tuple[float, float]) -> None:
        super().__init__()
        self.times = 0
        self._rig = rig
        self._rng = rng
        self._pauses = pauses

    def go_on(self) -> None:
        """Strike, and mend."""
        while not self.over.wait(self._rng.uniform(*self._pauses)):
            os.kill(self._rig.pid(COLLECTOR), signal.SIGKILL)
            self._rig.await_end(COLLECTOR)
            self.times += 1
            self.over.wait(self._rng.uniform(*self._pauses))
            self._rig.bring_up(COLLECTOR)
