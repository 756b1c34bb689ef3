"""`agent-otel status`: what of the local stack runs, where, and what is missing."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent_otel import places
from agent_otel.commands import terminal
from agent_otel.local_stack import state
from agent_otel.local_stack.process import identify
from agent_otel.local_stack.program import answers
from agent_otel.store.connection import where

READY: Final = "ready"


def run(argv: Sequence[str]) -> int:
    """Print a table of the parts; 0 when all of them are ready, else 1."""
    argparse.ArgumentParser(
        prog="agent-otel status",
        description="What of the local stack runs, where, and what is missing. Exit code 0: all of it is ready.",
        epilog="example: agent-otel status",
    ).parse_args(argv)
    stack = state.read(Path(places.state_dir()))
    if stack is None:
        print("no local stack runs; `agent-otel up --detach` starts one")
        return 1
    rows = [[part.name, _condition(part), part.address, str(part.process.pid), part.log] for part in stack.parts]
    print(terminal.table(["part", "state", "address", "pid", "log"], rows))
    print(f"\nOTLP      {stack.endpoint} (HTTP), {stack.grpc_endpoint} (gRPC)")
    print(f"database  {where(stack.database_url)}; `agent-otel psql` opens it")
    if stack.jaeger_query_url:
        print(f"Jaeger    {stack.jaeger_query_url}")
    for line in stack.missing:
        print(f"missing   {line}")
    if not stack.runs:
        print("the process that watches over it was killed; `agent-otel down` or `agent-otel up` clears up")
    return 0 if stack.runs and stack.ready and all(row[1] == READY for row in rows) else 1


def _condition(part: state.RunningPart) -> str:
    if identify(part.process.pid) != part.process:
        return "ended"
    return READY if part.ready_url is None or answers(part.ready_url) else "not ready"
