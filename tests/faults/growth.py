"""Whether anything grew: the second quarter of a run against its last.

The first quarter is left out: caches fill, and the longest outages are put there, which give the Collector's queue file
its size (it never shrinks). What is tolerated:

- handles and connections: 8. Between the two quarters of 20 minutes lie 10 faults and 30,000 requests; a handle lost at
  each would show. Of PostgreSQL a half and 32: by design each of its processes keeps open the files of the tables that
  it has met, up to max_files_per_process.
- memory: a fifth and 24 MiB. Between them lie 1.4 million spans, so that 40 bytes lost at each would show; garbage
  collection and restarts after a fault move the medians by less.
- folders: a fifth and 16 MiB, which is what the clients send in about 10 s.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MIB: Final = 1024**2


class Tolerance(NamedTuple):
    """What the last quarter's median may have over the second's: a share of it, and an absolute part."""

    share: float
    absolute: float


HANDLES: Final = Tolerance(0.0, 8)
DATABASE_HANDLES: Final = Tolerance(0.5, 32)
MEMORY: Final = Tolerance(0.2, 24 * MIB)
FOLDER: Final = Tolerance(0.2, 16 * MIB)
#: One sample: a figure for each name.
Sample = Mapping[str, float]


def grown(samples: Sequence[Sample], tolerances: Mapping[str, Tolerance]) -> list[str]:
    """A sentence for each figure that grew beyond its tolerance."""
    quarter = len(samples) // 4
    found = []
    for name, tolerance in tolerances.items():
        second, last = (_median(samples, name, part) for part in (slice(quarter, 2 * quarter), slice(-quarter, None)))
        if last > second * (1 + tolerance.share) + tolerance.absolute:
            found.append(f"{name} grew from {second:,.0f} (median of the 2nd quarter) to {last:,.0f} (of the last)")
    return found


def _median(samples: Sequence[Sample], name: str, part: slice) -> float:
    return statistics.median(sample[name] for sample in samples[part])
