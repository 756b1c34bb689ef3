"""`agent-otel down`: stop the local stack."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from agent_otel import places
from agent_otel.local_stack import background


def run(argv: Sequence[str]) -> int:
    """Stop all parts, also of a stack whose supervisor was killed, and say which."""
    argparse.ArgumentParser(
        prog="agent-otel down",
        description="Stop the local stack that `agent-otel up` started. What it stored stays.",
        epilog="example: agent-otel down",
    ).parse_args(argv)
    stopped = background.stop(Path(places.state_dir()))
    print(f"stopped: {', '.join(stopped)}" if stopped else "no local stack runs")
    return 0
