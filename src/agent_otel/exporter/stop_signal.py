"""Being told to stop, by SIGTERM or Ctrl-C.

A plain flag and not a threading.Event: a handler runs in the middle of whatever the main thread does, and when that is
`Event.wait`, `Event.set` waits for a lock that its own thread holds.
"""

import signal
import time
from collections.abc import Iterable
from typing import Final

_STEP: Final = 0.05


class StopSignal:
    """Whether this process was told to stop. Other threads may `set` it too."""

    def __init__(self, signals: Iterable[signal.Signals] = ()) -> None:
        self._is_set = False
        for number in signals:
            signal.signal(number, lambda *_: self.set())

    def is_set(self) -> bool:
        """Whether it was."""
        return self._is_set

    def set(self) -> None:
        """Tell it."""
        self._is_set = True

    def wait(self, seconds: float | None = None) -> bool:
        """Return once it was told, or after `seconds`; whether it was."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._is_set and (deadline is None or time.monotonic() < deadline):
            time.sleep(_STEP if deadline is None else max(0.0, min(_STEP, deadline - time.monotonic())))
        return self._is_set
