"""Distributions of how long whole processes took, beside bare Python in the same rounds, and the targets for them."""

import resource
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

BARE: Final = "python -c pass"
MEDIAN_RATIO, P99_RATIO = 3.0, 3.5
#: In ms, with the Collector stopped or held still.
DOWN_P99: Final = 80.0
_COLUMNS: Final = ("ms a process", "runs", "min", "median", "p90", "p99", "max", "median ratio", "p99 ratio")
_ROW: Final = "{:<18} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>13} {:>10}"


class Distribution(NamedTuple):
    """Milliseconds."""

    runs: int
    least: float
    median: float
    p90: float
    p99: float
    most: float


#: What misses its target, by name, its figures and those of bare Python.
Check = Callable[[str, Distribution, Distribution], list[str]]


def report(times: Mapping[str, Sequence[float]], check: Check, targeted: Collection[str]) -> list[str]:
    """Print a table in ms; what of `targeted` misses its target."""
    print(_ROW.format(*_COLUMNS))
    found = {name: distribution(values) for name, values in times.items()}
    bare = found[BARE]
    missed = []
    for name, each in found.items():
        ratios = (each.median / bare.median, each.p99 / bare.p99)
        figures = [f"{value:.1f}" for value in each[1:]]
        print(_ROW.format(name, each.runs, *figures, *(f"{ratio:.2f}" for ratio in ratios)), flush=True)
        if name in targeted:
            missed += check(name, each, bare)
    return missed


def check_ratios(name: str, found: Distribution, bare: Distribution) -> list[str]:
    """With the Collector alive."""
    ratios = (
        ("median", found.median / bare.median, MEDIAN_RATIO),
        ("p99", found.p99 / bare.p99, P99_RATIO),
    )
    return [f"{name}: {what} is {ratio:.2f} x bare, limit {limit}" for what, ratio, limit in ratios if ratio > limit]


def check_down(name: str, found: Distribution, _: Distribution) -> list[str]:
    """With the Collector stopped or held still."""
    return [f"{name}: p99 {found.p99:.1f} ms, limit {DOWN_P99:g}"] if found.p99 > DOWN_P99 else []


def used_by_calls() -> float:
    """CPU seconds of all calls so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def distribution(values: Sequence[float]) -> Distribution:
    """Of these milliseconds."""
    ordered = sorted(values)
    p90, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.9, 0.99))
    return Distribution(len(ordered), ordered[0], statistics.median(ordered), p90, p99, ordered[-1])
