"""What the span helpers cost the agent's thread, against the bare SDK with its stock processor (issue 3, acceptance 6).

One trace is 1 root and 9 steps with 8 attributes each (ours: more on the root). Ours: helpers, lifecycle events,
spool, delivery. Bare: start_as_current_span, BatchSpanProcessor, OTLPSpanExporter. Each run is a process of its own
with a live receiver in another; arms take turns; a run counts only if every span and event arrived.

    python benchmarks/helper_cost.py [--runs 9] [--traces 200] [--pause-ms 10]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
STEPS: Final = 9
WARM_UP: Final = 5
LIMIT: Final = 2.0
ATTRIBUTES: Final = {f"app.attribute.{number}": f"value {number}" for number in range(8)}


def bare(endpoint: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """One trace with the bare SDK, and how to deliver everything."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    tracer = provider.get_tracer("bare")

    def trace() -> None:
        with tracer.start_as_current_span("invoke_agent a", attributes=ATTRIBUTES):
            for _ in range(STEPS):
                with tracer.start_as_current_span("execute_tool t", attributes=ATTRIBUTES):
                    pass

    return trace, provider.shutdown


def ours(endpoint: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """One trace with the helpers, and how to deliver everything."""
    import agent_otel

    agent_otel.configure(endpoint=endpoint)

    def trace() -> None:
        with agent_otel.execution("a", session_id="s"):
            for _ in range(STEPS):
                with agent_otel.step("t", action="do it"):  # 8 attributes
                    pass

    def finish() -> None:
        agent_otel.flush(30)

    return trace, finish


ARMS: Final = {"bare": bare, "ours": ours}


def run_arm(arm: str, endpoint: str, traces: int, pause: float) -> dict[str, float]:
    """Time each trace in the thread that makes it; microseconds."""
    trace, finish = ARMS[arm](endpoint)
    for _ in range(WARM_UP):
        trace()
    times = []
    for _ in range(traces):
        begun = time.perf_counter_ns()
        trace()
        times.append((time.perf_counter_ns() - begun) / 1_000)
        if pause:
            time.sleep(pause)
    finish()
    return {"median": statistics.median(times), "mean": statistics.fmean(times), "worst": max(times)}


def one_run(arm: str, traces: int, pause: float) -> dict[str, float]:
    """One process of an arm against a receiver of its own; fails unless everything arrived."""
    command = [sys.executable, str(ROOT / "tests" / "fixtures" / "sink.py")]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink,
    ):
        assert sink.stdin is not None
        assert sink.stdout is not None
        endpoint = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        child = [sys.executable, __file__, "--arm", arm, "--endpoint", endpoint]
        child += ["--traces", str(traces), "--pause-ms", str(pause * 1_000)]
        env = {**os.environ, "AGENT_OTEL_HOME": home}
        result: dict[str, float] = json.loads(subprocess.check_output(child, env=env))
        sink.stdin.close()
        arrived: dict[str, Any] = json.loads(sink.stdout.read())
    total = traces + WARM_UP
    expected = {"spans": total * (STEPS + 1), "events": total * 2 if arm == "ours" else 0}
    if arrived != expected:
        raise SystemExit(f"{arm}: {arrived} arrived, {expected} were sent: the run does not count")
    return result


def compare(runs: int, traces: int, pause: float) -> bool:
    """Run the arms in turn, print each pair and the medians over all; whether the limit holds."""
    print(f"{runs} runs of {traces} traces, {pause * 1_000:g} ms apart; caller's wall time a trace in µs")
    columns = ("run", "bare median", "ours median", "ratio", "bare mean", "ours mean", "ratio")
    print("{:>4} {:>12} {:>12} {:>6} {:>10} {:>10} {:>6}".format(*columns))
    ratios: dict[str, list[float]] = {"median": [], "mean": []}
    for number in range(runs):
        order = ["bare", "ours"] if number % 2 == 0 else ["ours", "bare"]
        times = {arm: one_run(arm, traces, pause) for arm in order}
        line = f"{number + 1:>4}"
        for figure, wide in (("median", 12), ("mean", 10)):
            base, own = times["bare"][figure], times["ours"][figure]
            ratios[figure].append(own / base)
            line += f" {base:>{wide}.0f} {own:>{wide}.0f} {own / base:>6.2f}"
        print(line, flush=True)
    medians = {figure: statistics.median(values) for figure, values in ratios.items()}
    print(f"ratio of medians {medians['median']:.2f}, of means {medians['mean']:.2f}; limit {LIMIT:g} on both")
    return max(medians.values()) <= LIMIT


def main() -> int:
    """Compare, or be one arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--traces", type=int, default=200, help="below 205 the stock processor's queue holds them all")
    parser.add_argument("--pause-ms", type=float, default=10)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    pause = arguments.pause_ms / 1_000
    if arguments.arm:
        print(json.dumps(run_arm(arguments.arm, arguments.endpoint, arguments.traces, pause)))
        return 0
    return 0 if compare(arguments.runs, arguments.traces, pause) else 1


if __name__ == "__main__":
    sys.exit(main())
