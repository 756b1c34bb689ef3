"""What the exporter does at twice the load that it can take, over HTTP and over gRPC.

First the most it stores with 16 agents in a closed loop, and its latency at a quarter of that. Then 128 agents,
whose requests fall due at twice that rate, whatever the answers; they retry as they are told, as SDKs do. Then again
the quarter, and the most. Wanted: every refusal tells when to come back, goodput stays, memory is flat, latency
recovers, all that was acknowledged is there. The exporter's limits are set so low that this machine reaches them: see
LIMITS.

    python benchmarks/run.py overload [--quick] [--doors http grpc] [--seconds 60] [--workers 1]
        [--agents 128] [--default-limits] [--set HTTP_THREADS=64]
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.clients import Clients, Report, percentile
from benchmarks.load import Options
from benchmarks.memory import MIB, MemorySampler
from benchmarks.meter import Meter, Usage
from benchmarks.pipeline import Door, Pipeline

#: Six requests of 512 spans at once; by default 144 MiB, which two cores cannot fill with requests of this size.
LIMITS: Final = {"MAX_BODY": "1MiB", "IN_FLIGHT": "2MiB"}
FACTOR: Final = 2
GOODPUT_TARGET: Final = 0.8
GROWTH_LIMIT: Final = 1.2
RECOVERY_S: Final = 30
#: A latency is normal again when its p99 is at most this many times that of before.
_NORMAL: Final = 2.0
_PER_REQUEST: Final = 512
_PROCESSES: Final = 4
_QUIET_AGENTS: Final = 4
_QUIET_SHARE: Final = 0.25
_WINDOW_S: Final = 2.0
#: What may be told to a client that is refused.
_COME_BACK: Final = {"RESOURCE_EXHAUSTED + hint", "503 + hint"}


class Lengths(NamedTuple):
    """Seconds of each phase."""

    peak: float
    quiet: float
    overload: float
    recovery: float


class Load(NamedTuple):
    """How the exporter is overloaded."""

    agents: int
    lengths: Lengths


class Measured(NamedTuple):
    """A load, and what it cost."""

    report: Report
    usage: Usage
    seconds: float

    @property
    def goodput(self) -> float:
        """Spans a second that were acknowledged within the load's time."""
        return sum(when <= self.seconds for when, _ in self.report.taken) * _PER_REQUEST / self.seconds

    @property
    def cost_us(self) -> float:
        """CPU of the exporter for each span that it acknowledged, in µs; other programs' load changes it little."""
        cpu_seconds = self.usage.cores["exporter"] * self.usage.seconds
        return cpu_seconds / max(1, len(self.report.taken) * _PER_REQUEST) * 1e6


class Outcome(NamedTuple):
    """What happened at one door."""

    peaks: tuple[Measured, Measured]
    quiet_p99_ms: float
    overload: Measured
    memory: MemorySampler
    recovery_s: float | None
    acknowledged: int
    visible: int

    @property
    def share(self) -> float:
        """Goodput under overload, of the mean of the peaks before and after it."""
        return 2 * self.overload.goodput / sum(peak.goodput for peak in self.peaks)


class Phases:
    """Loads on one door, one after the other; counts what was acknowledged in all."""

    def __init__(self, door: str, exporter: Door, postgres_pid: int) -> None:
        self._door = door
        self._address = exporter.addresses[door]
        self._parts = {"PostgreSQL": postgres_pid, "exporter": exporter.pid}
        self.acknowledged = 0

    def closed_loop(self, seconds: float) -> Measured:
        """As much as is stored."""
        return self._run(_PROCESSES, 4, seconds, 0.0)

    def open_loop(self, spans_per_second: float, processes: int, threads: int, seconds: float) -> Measured:
        """Requests that fall due at a rate, from agents with a connection each."""
        period = processes * threads * _PER_REQUEST / spans_per_second
        return self._run(processes, threads, seconds, period)

    def _run(self, processes: int, threads: int, seconds: float, period: float) -> Measured:
        options = Options(self._door, self._address, _PER_REQUEST, threads, seconds, period, "overload")
        with Clients(options, processes) as clients:
            meter = Meter(self._parts)
            report = clients.go().report()
            usage = meter.stop(report.cpu_seconds)
        self.acknowledged += len(report.taken) * _PER_REQUEST
        return Measured(report, usage, seconds)


def examine(pipeline: Pipeline, exporter: Door, door: str, load: Load) -> Outcome:
    """All phases at one door."""
    lengths = load.lengths
    pipeline.empty()
    phases = Phases(door, exporter, pipeline.postgres_pid)
    phases.closed_loop(1.0)
    peak = phases.closed_loop(lengths.peak)
    rate = peak.goodput
    quiet = phases.open_loop(rate * _QUIET_SHARE, 1, _QUIET_AGENTS, lengths.quiet)
    with MemorySampler(exporter.pid) as memory:
        overload = phases.open_loop(rate * FACTOR, _PROCESSES, load.agents // _PROCESSES, lengths.overload)
    after = phases.open_loop(rate * _QUIET_SHARE, 1, _QUIET_AGENTS, lengths.recovery)
    normal = percentile(quiet.report.latencies_ms, 0.99)
    return Outcome(
        peaks=(peak, phases.closed_loop(lengths.peak)),
        quiet_p99_ms=normal,
        overload=overload,
        memory=memory,
        recovery_s=_recovered(after, normal * _NORMAL),
        acknowledged=phases.acknowledged,
        visible=pipeline.visible_spans(),
    )


def _recovered(quiet: Measured, limit_ms: float) -> float | None:
    """End of the first window whose p99 is normal, in seconds; None when there is none."""
    for number in range(int(quiet.seconds / _WINDOW_S)):
        first, last = number * _WINDOW_S, (number + 1) * _WINDOW_S
        latencies = sorted(1_000 * took for when, took in quiet.report.taken if first <= when < last)
        if latencies and percentile(latencies, 0.99) <= limit_ms:
            return last
    return None


def describe(door: str, outcome: Outcome) -> None:
    """Print what happened."""
    overload, peaks = outcome.overload, outcome.peaks
    report, seconds = overload.report, overload.seconds
    attempts = len(report.taken) + report.refused.total()
    refusals = [1_000 * each for each in report.refusal_seconds]
    print(f"\n{door}, {seconds:.0f} s of overload")
    print(f"  peak {peaks[0].goodput:,.0f} spans/s before, {peaks[1].goodput:,.0f} after (closed loop)")
    print(f"  offered {report.due * _PER_REQUEST / seconds:,.0f}, {report.dropped} of {report.due} given up")
    print(f"  attempts {attempts * _PER_REQUEST / seconds:,.0f} spans/s, retries included")
    print(f"  goodput {overload.goodput:,.0f} spans/s = {outcome.share:.0%} of peak")
    costs = ", ".join(f"{each.cost_us:.0f}" for each in (peaks[0], overload, peaks[1]))
    print(f"  exporter CPU before, in and after overload: {costs} µs a span acknowledged")
    print(f"  refused: {dict(report.refused) or 'none'}")
    print(f"  acknowledged in {_pair(report.latencies_ms)}, refused in {_pair(refusals)}")
    first, second, last = (third / MIB for third in outcome.memory.thirds())
    peak, largest = outcome.memory.peak / MIB, outcome.memory.largest_process / MIB
    print(f"  memory: thirds {first:.0f}, {second:.0f}, {last:.0f} MiB, peak {peak:.0f}, largest process {largest:.0f}")
    recovery = "not" if outcome.recovery_s is None else f"within {outcome.recovery_s:.0f} s"
    print(f"  latency at a quarter of peak: p99 {outcome.quiet_p99_ms:.0f} ms before; normal again: {recovery}")
    unheard = outcome.visible - outcome.acknowledged
    print(
        f"  {outcome.acknowledged:,} spans acknowledged, and {unheard:,} stored though their sender never heard of it"
    )
    cores = ", ".join(f"{name} {cores:.2f}" for name, cores in overload.usage.cores.items())
    print(f"  cores used: {cores}, others {overload.usage.others:.2f}", flush=True)


def wrong(outcome: Outcome) -> list[str]:
    """What must never be, on any machine."""
    refused = outcome.overload.report.refused
    bad = {told: count for told, count in refused.items() if told not in _COME_BACK}
    checks = (
        (outcome.visible >= outcome.acknowledged, "acknowledged spans are missing"),
        (bool(refused), "nothing was refused: the overload was not reached"),
        (not bad, f"told something else than to come back: {bad}"),
    )
    return [problem for fine, problem in checks if not fine]


def missed(outcome: Outcome) -> list[str]:
    """Targets that were not met."""
    _, second, last = outcome.memory.thirds()
    checks = (
        (outcome.share >= GOODPUT_TARGET, f"goodput {outcome.share:.0%} of peak, target {GOODPUT_TARGET:.0%}"),
        (last <= GROWTH_LIMIT * second, f"memory grew from {second / MIB:.0f} to {last / MIB:.0f} MiB"),
        (outcome.recovery_s is not None, f"latency not normal within {RECOVERY_S} s"),
    )
    return [problem for fine, problem in checks if not fine]


def _pair(milliseconds: list[float]) -> str:
    return f"{percentile(milliseconds, 0.5):.0f} ms (p50), {percentile(milliseconds, 0.99):.0f} ms (p99)"


def main() -> int:
    """Return 1 when anything is wrong or a target is missed; with --quick targets are shown only."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="15 s of overload, shorter phases around it")
    parser.add_argument("--doors", nargs="+", choices=("http", "grpc"), default=("http", "grpc"))
    parser.add_argument("--seconds", type=float, help="of overload")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--agents", type=int, default=128)
    parser.add_argument("--default-limits", action="store_true", help="the exporter as it is without settings")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="more settings of the exporter")
    arguments = parser.parse_args()
    overload = arguments.seconds or (15.0 if arguments.quick else 60.0)
    lengths = Lengths(4.0, 5.0, overload, 12.0) if arguments.quick else Lengths(10.0, 10.0, overload, RECOVERY_S)
    limits: Mapping[str, str] = {} if arguments.default_limits else LIMITS
    limits = {**limits, **dict(pair.split("=", 1) for pair in arguments.set)}
    settings = {"WORKERS": str(arguments.workers), **limits}
    failed = False
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
        print(f"{pipeline.versions}; exporter's limits: {dict(limits) or 'the defaults'}")
        for door in arguments.doors:
            with pipeline.exporter(settings) as exporter:
                outcome = examine(pipeline, exporter, door, Load(arguments.agents, lengths))
            describe(door, outcome)
            for problem in wrong(outcome):
                print(f"  wrong: {problem}", flush=True)
                failed = True
            for problem in missed(outcome):
                print(f"  missed: {problem}", flush=True)
                failed = failed or not arguments.quick
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
