"""`agent-otel demo`: the example agent on a throw-away stack, and what came out of it."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent_otel.commands import execution_tree, jaeger_query, show, terminal
from agent_otel.errors import LocalStackError
from agent_otel.local_stack.stack import LocalStack, discard
from agent_otel.store.reader import Reader

HOME: Final = Path(".demo")
EXAMPLE: Final = Path("examples", "review_agent.py")
ARRIVAL_S: Final = 30.0
#: The Collector waits 200 ms for a batch to fill; what has not come after three of those is not under way.
SETTLED_S: Final = 0.6
_POLL_S: Final = 0.1

_QUERY: Final = """SELECT agent_name, status, duration_ms, user_prompt
FROM agent_execution_logs ORDER BY started_at"""


def run(argv: Sequence[str]) -> int:
    """Start the stack, run the agent, show the result, stop the stack."""
    argparse.ArgumentParser(
        prog="agent-otel demo",
        description="Run the example agent of a checkout on a stack of its own in ./.demo, on free ports, and stop it.",
        epilog="example: make demo",
    ).parse_args(argv)
    if not EXAMPLE.exists():
        raise LocalStackError(f"{EXAMPLE} is not here; run this in a checkout of agent-otel: `make demo`")
    started = time.monotonic()
    # A throw-away stack on a database of its own: nothing of the user's, nothing of an earlier demo.
    os.environ.pop("AGENT_OTEL_DATABASE_URL", None)
    if HOME.exists():
        discard(HOME)
    with LocalStack(HOME, free_ports=True) as stack:
        _say(f"stack ready after {time.monotonic() - started:.1f} s; running {EXAMPLE}")
        _run_agent(stack)
        with Reader(stack.database_url) as reader:
            tree = _arrived(reader)
            _show(stack, reader, tree)
    _say(f"stopped; all of it took {time.monotonic() - started:.1f} s")
    return 0


def _run_agent(stack: LocalStack) -> None:
    environment = {**os.environ, "AGENT_OTEL_HOME": str(HOME.absolute()), "AGENT_OTEL_ENDPOINT": stack.endpoint}
    finished = subprocess.run([sys.executable, str(EXAMPLE)], env=environment, timeout=120, check=False)
    if finished.returncode:
        raise LocalStackError(f"{EXAMPLE} failed with exit code {finished.returncode}")


def _arrived(reader: Reader) -> execution_tree.Node:
    """The agent's tree, once every span of it is stored: the executions' own, and no other for SETTLED_S."""
    deadline = time.monotonic() + ARRIVAL_S
    count, since = 0, time.monotonic()
    while time.monotonic() < deadline:
        tree = _tree(reader)
        stored = len(reader.spans(tree.execution["correlation_id"])) if tree else 0
        if stored != count:
            count, since = stored, time.monotonic()
        if tree and _ended(reader, tree) and time.monotonic() - since > SETTLED_S:
            return show.load(reader, str(tree.execution["execution_id"]))
        time.sleep(_POLL_S)
    raise LocalStackError(f"the agent's spans were not in PostgreSQL after {ARRIVAL_S:.0f} s; see {HOME}/state")


def _tree(reader: Reader) -> execution_tree.Node | None:
    execution_id = reader.find(None)
    return show.load(reader, str(execution_id)) if execution_id else None


def _ended(reader: Reader, tree: execution_tree.Node) -> bool:
    """Whether the own spans of the agent and its two sub-agents are stored; a completion event may come before."""
    names: list[str] = [span["name"] for span in reader.spans(tree.execution["correlation_id"])]
    return sum(name.startswith("invoke_agent ") for name in names) == 1 + len(tree.children) == 3


def _show(stack: LocalStack, reader: Reader, tree: execution_tree.Node) -> None:
    _heading("agent-otel show last")
    print(execution_tree.render(tree))
    _heading("agent-otel psql")
    print(f"{_QUERY};\n")
    columns, rows = reader.query(_QUERY)
    print(terminal.table(columns, [["" if cell is None else str(cell) for cell in row] for row in rows]))
    _heading("the way the spans took")
    way = [f"{hop.name} ({hop.address})" for hop in stack.hops]
    # The Collector feeds Jaeger beside the exporter, not after PostgreSQL.
    print("example agent → " + " → ".join(way[:3] if stack.jaeger_query_url else way))
    if stack.jaeger_query_url:
        print(f"{' ' * len('example agent → ')}{way[0]} → {way[-1]}")
    trace_id = tree.execution["correlation_id"]
    stored = len(reader.spans(trace_id))
    if stack.jaeger_query_url:
        shown = jaeger_query.wait_for_spans(stack.jaeger_query_url, trace_id.hex, stored, ARRIVAL_S)
        print(f"spans in PostgreSQL: {stored}, in Jaeger: {shown}")
    else:
        print(f"spans in PostgreSQL: {stored}")
    for line in stack.missing:
        print(f"note: {line}")
    _heading("where to look next")
    print("agent-otel up          the same stack to keep, on the standard ports")
    print("examples/              the agent that just ran: how to instrument")
    print("docs/architecture.md   what each hop promises;  docs/schema.md  every table and view")


def _heading(text: str) -> None:
    print(f"\n── {text} {'─' * max(0, 76 - len(text))}")


def _say(text: Any) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)
