"""Faults, isolation of the branches, soak, shell: `python -m tests.faults [isolation | soak | shell] [--small] …`."""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults import isolation, shell, soak
from tests.faults.campaign import FULL, SMALL, Campaign
from tests.faults.report import Report, line


def main() -> int:
    """Run what is asked for; 1 when something was lost, doubled or too slow, or when a control lost nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["campaign", "isolation", "soak", "shell"], default="campaign")
    parser.add_argument("--small", action="store_true", help="the size for CI")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9), help="repeats a run's choices")
    parser.add_argument("--only", default="", help="campaign: faults whose name holds this")
    parser.add_argument("--minutes", type=float, default=soak.MINUTES, help="soak: how long")
    arguments = parser.parse_args()
    # So that no process and no mount outlives us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report = Report()
    line(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="agent-otel-faults-") as folder:
        _run(arguments, Path(folder), report)
    return report.conclude()


def _run(arguments: argparse.Namespace, folder: Path, report: Report) -> None:
    if arguments.what == "soak":
        soak.run(folder / "soak", report, arguments.seed, arguments.minutes)
    elif arguments.what == "isolation":
        isolation.run(folder / "isolation", report, small=arguments.small)
    elif arguments.what == "shell":
        shell.run(folder / "shell", report, arguments.seed, shell.SMALL if arguments.small else shell.FULL)
    else:
        size = SMALL if arguments.small else FULL
        Campaign(size, arguments.seed, folder / "campaign", report, arguments.only).run()
        if arguments.small and not arguments.only:
            isolation.run(folder / "isolation", report, small=True)
            shell.run(folder / "shell", report, arguments.seed, shell.SMALL)


if __name__ == "__main__":
    sys.exit(main())
