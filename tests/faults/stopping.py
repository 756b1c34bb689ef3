"""SIGTERM as a flag for a loop that runs at a pace."""

import signal
import time


class Stop:
    """Whether SIGTERM came.

    Not a threading.Event: a handler that sets one can meet its own thread inside `wait`, which holds the lock.
    """

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def by(self, due: float) -> bool:
        """Wait until `due` of time.monotonic(), unless it came; whether it came."""
        if not self.asked:
            time.sleep(max(0.0, due - time.monotonic()))
        return self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
