"""The real CLI on a real stack: `python -m tests.claude [--only NAME] [--version A|B|2.1.…] [--telemetry on|off] …`."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from agent_otel.local_stack.stack import LocalStack
from tests.claude import versions
from tests.claude.campaign import Campaign, Run
from tests.claude.report import conclude, line, told
from tests.claude.scenarios import SCENARIOS


def main() -> int:
    """Play what is asked for; 1 when the audit trail says anything else than the model's ledger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--version", action="append", default=[], help="A (oldest supported), B (newest) or a number")
    parser.add_argument("--telemetry", choices=["on", "off"], help="the CLI's own telemetry; both if left out")
    parser.add_argument("--repeat", type=int, default=1, help="times each, for what is a matter of luck")
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at a time; many make the machine as busy as real ones"
    )
    parser.add_argument("--keep", type=Path, help="an empty folder for all files, which are kept")
    arguments = parser.parse_args()
    # So that no process outlives us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        names = [versions.resolve(name) for name in arguments.version or ["A", "B"]]
        programs = {name: versions.installed(name, line) for name in names}
    except versions.CliMissingError as missing:
        line(f"error: {missing}")
        return 2
    telemetry = [arguments.telemetry == "on"] if arguments.telemetry else [False, True]
    wanted = [scenario for scenario in SCENARIOS if arguments.only in scenario.name]
    runs = [Run(*each) for each in product(wanted, programs, telemetry, range(arguments.repeat))]
    with tempfile.TemporaryDirectory(prefix="agent-otel-claude-") as folder:
        return _play(arguments.keep or Path(folder), programs, runs, arguments.jobs)


def _play(folder: Path, programs: dict[str, Path], runs: Sequence[Run], jobs: int) -> int:
    begun = time.monotonic()
    with LocalStack(folder / "stack", free_ports=True) as stack:
        if stack.missing:
            line(f"error: {'; '.join(stack.missing)}")
            return 2
        campaign = Campaign(stack, folder, programs, line)
        with ThreadPoolExecutor(jobs) as pool:
            played = list(pool.map(lambda run: told(campaign.play(run)), runs))
        again = campaign.check_again(played)
        strangers = campaign.strangers(played)
    return conclude(played, again, strangers, time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
