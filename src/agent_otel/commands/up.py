"""`agent-otel up`: start the local stack and keep it running."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from agent_otel import places
from agent_otel.errors import LocalStackError
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.local_stack import background
from agent_otel.local_stack.plan import command
from agent_otel.local_stack.stack import LocalStack
from agent_otel.local_stack.supervisor import supervise


def run(argv: Sequence[str]) -> int:
    """Run the stack until Ctrl-C or SIGTERM, or start it in the background."""
    parser = argparse.ArgumentParser(
        prog="agent-otel up",
        description="Start PostgreSQL (unless AGENT_OTEL_DATABASE_URL names one), the exporter and, when installed, "
        "Collector and Jaeger, on this machine only. Ctrl-C stops all of it.",
        epilog="example: agent-otel up --detach",
    )
    parser.add_argument("--detach", action="store_true", help="run in the background; return once all is ready")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the standard ones")
    arguments = parser.parse_args(argv)
    free_ports = ["--free-ports"] if arguments.free_ports else []
    if arguments.detach:
        state = background.start(command(("up", *free_ports)), Path(places.state_dir()))
        _say_where(state.endpoint, state.grpc_endpoint, state.missing)
        return 0
    return _foreground(arguments.free_ports)


def _foreground(free_ports: bool) -> int:
    # Ctrl-C, SIGTERM and a closing terminal; nothing is interrupted half-way.
    stop = StopSignal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        with LocalStack(free_ports=free_ports, report=_say, cancelled=stop.is_set) as stack:
            _say_where(stack.endpoint, stack.grpc_endpoint, stack.missing)
            supervise(stack, stop, _say)
    except LocalStackError:
        if not stop.is_set():
            raise
    return 0


def _say_where(endpoint: str, grpc_endpoint: str, missing: Sequence[str]) -> None:
    for line in missing:
        _say(f"note: {line}")
    _say(f"ready: send OTLP to {endpoint} (HTTP) or {grpc_endpoint} (gRPC); `agent-otel status` shows all of it")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
