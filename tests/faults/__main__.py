"""Faults, and isolation of the branches: `python -m tests.faults [isolation] [--small] [--seed N] …`."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.faults import isolation
from tests.faults.campaign import FULL, SMALL, Campaign
from tests.faults.report import Report, line


def main() -> int:
    """Run what is asked for; 1 when something was lost, doubled or too slow, or when a control lost nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["campaign", "isolation"], default="campaign")
    parser.add_argument("--small", action="store_true", help="the size for CI")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9), help="repeats a run's choices")
    parser.add_argument("--only", default="", help="campaign: faults whose name holds this")
    arguments = parser.parse_args()
    report = Report()
    line(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="agent-otel-faults-") as folder:
        _run(arguments, Path(folder), report)
    return report.conclude()


def _run(arguments: argparse.Namespace, folder: Path, report: Report) -> None:
    if arguments.what != "isolation":
        size = SMALL if arguments.small else FULL
        Campaign(size, arguments.seed, folder / "campaign", report, arguments.only).run()
    if arguments.what == "isolation" or (arguments.small and not arguments.only):
        isolation.run(folder / "isolation", report, isolation.SMALL_SECONDS if arguments.small else isolation.SECONDS)


if __name__ == "__main__":
    sys.exit(main())
