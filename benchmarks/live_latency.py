"""How long until a started execution is a committed row, under load, through the Collector.

500 executions are started at 20 a second while another process sends 1,000 spans a second to the same Collector. For
each: from just before the helper is called to the first time a query sees its row `in_progress` (asked every 10 ms).
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from benchmarks.environment import agent_environment

EXECUTIONS, PER_SECOND, LOAD_PER_SECOND, LOAD_REQUEST = 500, 20, 1_000, 50
TARGET_P99_S = 1.0
_POLL_S = 0.01
_DEADLINE_S = 30.0

_STARTER = f"""
import sys, time, agent_otel
opened = []
for number in range({EXECUTIONS}):
    began = time.time_ns()
    run = agent_otel.execution("live", session_id=sys.argv[1])
    run.__enter__()
    opened.append(run)
    print(run.execution_id, began, flush=True)
    time.sleep(max(0, {1 / PER_SECOND} - (time.time_ns() - began) / 1e9))
sys.stdin.read()
for run in reversed(opened):
    run.__exit__(None, None, None)
agent_otel.flush(timeout=30)
"""
_LOAD = f"""
import sys, time, urllib.request
sys.path.insert(0, sys.argv[2])
from tests.fixtures.random_spans import requests
bodies = [r.SerializeToString() for r in requests(1, 3, 5000, {LOAD_REQUEST})]
due, number = time.monotonic(), 0
print("ready", flush=True)
while time.monotonic() - due < 120:
    body = bodies[number % len(bodies)]
    head = {{"Content-Type": "application/x-protobuf"}}
    request = urllib.request.Request(sys.argv[1] + "/v1/traces", data=body, headers=head)
    urllib.request.urlopen(request, timeout=10).read()
    number += 1
    due += {LOAD_REQUEST / LOAD_PER_SECOND}
    time.sleep(max(0.0, due - time.monotonic()))
"""


def main() -> int:
    """Print the distribution; return 1 when the 99th percentile is over the target."""
    session = str(uuid.uuid4())
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder, "stack"), free_ports=True) as stack:
        environment = agent_environment(stack.endpoint, Path(folder, "home"))
        root = str(Path(__file__).parents[1])
        with _process(_LOAD, stack.endpoint, root) as load, _process(_STARTER, session, env=environment) as starter:
            _line(load)
            latencies = _measure(stack.database_url, session, lambda: _line(starter))
    ordered = sorted(latencies)
    p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    milliseconds = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms"
    print(f"live latency: {len(ordered)} executions, {milliseconds}")
    return int(p99 > TARGET_P99_S or len(ordered) != EXECUTIONS)


def _measure(database_url: str, session: str, next_line: Callable[[], str]) -> list[float]:
    """Seconds from start to visible row of each execution; those never seen are missing."""
    started: dict[str, int] = {}
    seen: dict[str, float] = {}
    reading = _reader(next_line, started)
    deadline = time.monotonic() + EXECUTIONS / PER_SECOND + _DEADLINE_S
    with connect(database_url, application="benchmark", autocommit=True) as connection:
        while len(seen) < EXECUTIONS and time.monotonic() < deadline:
            found = connection.execute(
                "SELECT execution_id::text FROM executions WHERE session_id = %s AND recorded_status = 'in_progress'",
                [session],
            ).fetchall()
            now = time.time_ns()
            for (execution_id,) in found:
                if execution_id not in seen and execution_id in started:
                    seen[execution_id] = (now - started[execution_id]) / 1e9
            time.sleep(_POLL_S)
    connection.close()
    reading.join(timeout=5)
    return list(seen.values())


def _reader(next_line: Callable[[], str], started: dict[str, int]) -> threading.Thread:
    def read() -> None:
        for _ in range(EXECUTIONS):
            execution_id, began = next_line().split()
            started[execution_id] = int(began)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


@contextmanager
def _process(source: str, *arguments: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


if __name__ == "__main__":
    sys.exit(main())
