"""The few definitions that all figures share: rates, rounding, percentiles, and how texts and nothings are ordered."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

FAILED: Final = ("partial", "error", "abandoned")
COUNTED: Final = ("success", *FAILED)
STATUSES: Final = ("in_progress", "success", "partial", "error", "cancelled", "abandoned")
NONE: Final = "(none)"


def percent(part: int, whole: int) -> float | None:
    """Share in percent with one decimal, half away from zero; None of nothing."""
    return rounded(Decimal(part * 100) / whole, 1) if whole else None


def success_rate(statuses: Iterable[str]) -> float | None:
    """Success among those that count."""
    counted = Counter(status for status in statuses if status in COUNTED)
    return percent(counted["success"], counted.total())


def rounded(value: Decimal, decimals: int) -> float:
    """Half away from zero; figures are never negative."""
    return float(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def mean(values: Sequence[float], decimals: int) -> float | None:
    """The average, None of nothing. Of decimals as they are spelled: floats would add up to something else."""
    return rounded(sum(map(spelled, values), Decimal()) / len(values), decimals) if values else None


def whole_mean(values: Sequence[int]) -> int | None:
    """The average as an integer."""
    average = mean(values, 0)
    return None if average is None else int(average)


def spelled(value: float) -> Decimal:
    """The decimal that a float is written as."""
    return Decimal(repr(value))


def percentile(values: Iterable[int], share: float) -> int | None:
    """The discrete percentile: the first value at or above that share of all."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def last(text: str | None) -> tuple[bool, str]:
    """A key that puts nothing behind every text; texts by code point, as the C collation does."""
    return text is None, text or ""
