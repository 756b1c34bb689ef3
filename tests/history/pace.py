"""How soon new days may follow each other."""

import time
from collections.abc import Callable


class Pace:
    """Lets no more than so many days begin within so many seconds; several that keep it do together, too.

    Of several processes that tell the same days, the one that is ahead makes them new; it is never ahead by more than
    its own pace allows.
    """

    def __init__(self, days: int, seconds: float) -> None:
        self._days = days
        self._seconds = seconds
        self._begun: dict[int, float] = {}

    def keep(self, day: int, settle: Callable[[], None]) -> None:
        """Wait until the day may begin. `settle` returns when all that was sent has arrived: days begin no later."""
        if day in self._begun:
            return
        if self._seconds and len(self._begun) >= self._days:
            settle()
            earlier = sorted(self._begun.values())[-self._days]
            time.sleep(max(0.0, earlier + self._seconds - time.monotonic()))
        self._begun[day] = time.monotonic()
