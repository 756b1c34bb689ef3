"""`python -m tests.fuzz`: hostile input at every door of a real exporter on a real PostgreSQL.

Exit code 0 when nothing was wrong. The same --seed sends the same payloads, but for the time in their spans.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import Campaign, Outcome
from tests.fuzz.target import Memory, Target, running

_MOST_FAILURES = 20


def main() -> int:
    """Run a campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payloads", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.payloads} payloads", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, running(Path(folder)) as target:
        started = time.monotonic()
        outcome, memory = Campaign(target, arguments.seed, arguments.payloads).run()
        _print(outcome, memory, target, time.monotonic() - started)
    return 1 if outcome.failures else 0


def _print(outcome: Outcome, memory: Memory, target: Target, seconds: float) -> None:
    for kind in sorted({kind for kind, _ in outcome.counts}):
        statuses = {status: count for (each, status), count in sorted(outcome.counts.items()) if each == kind}
        shown = "  ".join(f"{status or 'none'}: {count}" for status, count in statuses.items())
        print(f"{kind:18} slowest {outcome.slowest[kind]:6.2f} s   {shown}")
    totals: Counter[int] = Counter()
    for (_, status), count in outcome.counts.items():
        totals[status] += count
    print("by status          ", "  ".join(f"{status or 'none'}: {count}" for status, count in sorted(totals.items())))
    print(f"told to come back  {outcome.told_to_come_back} times (503, sent again)")
    print(f"good spans         {outcome.good_spans} of 200s looked up in SQL")
    print(f"rejected items     {outcome.quarantined} looked up in quarantine")
    if target.alive:
        hit = {labels: int(count) for labels, count in target.metrics("limits_hit_total").items() if count}
        print("limits hit        ", hit)
    print("resident MiB       least/median/most of each tenth:")
    print("                  ", "  ".join(f"{low:.0f}/{middle:.0f}/{high:.0f}" for low, middle, high in memory.curve()))
    print(f"failures           {len(outcome.failures)} in {seconds:.0f} s")
    for failure in outcome.failures[:_MOST_FAILURES]:
        print(f"  {failure}")


if __name__ == "__main__":
    sys.exit(main())
