"""When things happen: how busy each day is, and the weeks in which something is wrong. Times in Unix ns."""

import bisect
import datetime as dt
import itertools
import random
from collections.abc import Sequence
from typing import Final, NamedTuple

DAYS: Final = 90
SECOND: Final = 1_000_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR

_WEEKEND: Final = 0.35
#: Busier by this at the end than at the beginning.
_GROWTH: Final = 0.5
#: Days since the beginning.
_SLOW_WEEK: Final = (40.0, 47.0)
_OUTAGES: Final = ((63.3, 63.6), (87.4, 87.5))
_COST_SPIKES: Final = ((75.0, 76.0), (88.0, 88.5))


class Calendar(NamedTuple):
    """The 90 days that end at `until`."""

    until: int

    @property
    def begin(self) -> int:
        """The first instant."""
        return self.until - DAYS * DAY

    def position(self, at: int) -> float:
        """How far into the history: 0 to 1."""
        return min(max((at - self.begin) / (DAYS * DAY), 0.0), 1.0)

    def slowness(self, at: int) -> float:
        """What durations are multiplied by."""
        return 4.0 if self._within(at, [_SLOW_WEEK]) else 1.0

    def is_outage(self, at: int) -> bool:
        """Whether what everything depends on is down."""
        return self._within(at, _OUTAGES)

    def expense(self, at: int) -> float:
        """What costs are multiplied by."""
        return 20.0 if self._within(at, _COST_SPIKES) else 1.0

    def instants(self, count: int, rng: random.Random) -> list[int]:
        """`count` instants in order, spread over the days as work is."""
        cumulated = list(itertools.accumulate(self._weight(day) for day in range(DAYS)))
        quantiles = [(number + rng.random()) / count * cumulated[-1] for number in range(count)]
        return [self._instant(cumulated, quantile) for quantile in quantiles]

    def _instant(self, cumulated: list[float], quantile: float) -> int:
        day = min(bisect.bisect_right(cumulated, quantile), DAYS - 1)
        before = cumulated[day - 1] if day else 0.0
        return self.begin + day * DAY + int((quantile - before) / (cumulated[day] - before) * DAY)

    def _weight(self, day: int) -> float:
        weekday = dt.datetime.fromtimestamp(self.begin / SECOND + day * 86_400, dt.UTC).weekday()
        return (_WEEKEND if weekday >= 5 else 1.0) * (1 + _GROWTH * day / DAYS)

    def _within(self, at: int, stretches: Sequence[tuple[float, float]]) -> bool:
        days = (at - self.begin) / DAY
        return any(first <= days < end for first, end in stretches)
