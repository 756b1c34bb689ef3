"""Tell a made-up history of agents to an OTLP endpoint (HTTP), and write down what it was.

    python -m tests.history --executions 100000 --seed 1 --endpoint http://127.0.0.1:4318 --ledger history.jsonl

The same seed, number and end give the same records and the same ledger. Executions of the last hours count as running
and those of whom nothing was heard as abandoned by the clock of the database, so let it end now (the default) where
that matters. Days are new to an endpoint mostly, and it makes 32 a minute at most: 90 take three minutes at least.
"""

import argparse
import datetime as dt
import sys
import time
import urllib.parse
from pathlib import Path

from tests.history.delivery import Refused
from tests.history.plan import Plan
from tests.history.telling import Telling
from tests.history.times import SECOND


def main() -> int:
    """Return 1 when anything was not taken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.history", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=_instant, default=dt.datetime.now(dt.UTC), help="its last instant, ISO 8601")
    parser.add_argument("--endpoint", default="http://127.0.0.1:4318")
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--at-once", action="store_true", help="where all days are there already: do not wait for them")
    arguments = parser.parse_args()
    plan = Plan(arguments.seed, arguments.executions, round(arguments.until.timestamp()) * SECOND)
    address = urllib.parse.urlsplit(arguments.endpoint).netloc
    telling = Telling(plan, address, arguments.ledger, not arguments.at_once, arguments.processes)
    began = time.monotonic()
    try:
        records = telling.tell()
    except (Refused, OSError) as error:
        print(f"not all of it was taken: {error}", file=sys.stderr)
        return 1
    print(f"{plan.executions} executions in {records} records, all acknowledged, in {time.monotonic() - began:.0f} s")
    return 0


def _instant(text: str) -> dt.datetime:
    given = dt.datetime.fromisoformat(text)
    return given if given.tzinfo else given.replace(tzinfo=dt.UTC)


if __name__ == "__main__":
    sys.exit(main())
