"""Spans a second from 16 agents into PostgreSQL, visible in SQL, as a ratio to raw COPY (R) in the same run.

Everything is on: limits, digests, merges of executions and traces, indexes, fsync. Traces of 10 spans with about 10
attributes and 650 bytes each, in requests of 512 spans; the clock stops when count(*) says that all that was
acknowledged is there. R runs before and after each configuration (benchmarks/reference.py); configurations take turns.

    python benchmarks/run.py ingest [--quick] [--rounds 5] [--seconds 15] [--only 'grpc.*direct'] [--profile]
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import mapping_profile
from benchmarks.agent_traces import SPANS_PER_TRACE
from benchmarks.clients import Clients, Report, percentile
from benchmarks.load import Options
from benchmarks.meter import Meter, Usage
from benchmarks.pipeline import Pipeline, Stored, workers
from benchmarks.processes import CORES
from benchmarks.reference import ROWS_A_COMMIT, Reference

CLIENTS: Final = 4
#: Of each client, each with a connection of its own and one request under way.
AGENTS: Final = 4
#: With two workers, as shares of R.
DIRECT_TARGET, COLLECTOR_TARGET = 0.20, 0.08
REFERENCE_ROWS: Final = 163_840
_WARM_UP_S: Final = 1.0
_DEADLINE_S: Final = 300.0
#: The Collector takes into its queue five times what gets through it; the run lasts until the queue is empty.
_COLLECTOR_SHARE: Final = 0.2
_SOONEST_S, _LATEST_S = 0.02, 0.5


class Configuration(NamedTuple):
    """One way through the pipeline."""

    workers: int
    door: str
    collector: bool
    per_request: int = 512

    def __str__(self) -> str:
        path = "Collector" if self.collector else "direct"
        return f"{self.workers} worker{'s' * (self.workers > 1)}, {self.door}, {path}, {self.per_request} a request"

    @property
    def target(self) -> float | None:
        """The least share of R."""
        if self.workers != 2 or self.per_request != 512:
            return None
        return COLLECTOR_TARGET if self.collector else DIRECT_TARGET


class Run(NamedTuple):
    """What one run of a configuration gave."""

    speed: float
    reference: float
    latencies_ms: list[float]
    refused: Counter[str]
    usage: Usage
    spans: int
    processes: int
    wal_bytes: int
    disk_bytes: int

    @property
    def ratio(self) -> float:
        """Share of R."""
        return self.speed / self.reference


CONFIGURATIONS: Final = (
    *(Configuration(workers, door, path) for path in (False, True) for workers in (1, 2) for door in ("http", "grpc")),
    Configuration(2, "http", False, 10),
    Configuration(2, "grpc", False, 10),
)


def measure(pipeline: Pipeline, configuration: Configuration, seconds: float) -> Run:
    """One run with parts of its own; `reference` is still to be filled in."""
    with ExitStack() as running:
        exporter = running.enter_context(pipeline.exporter({"WORKERS": str(configuration.workers)}))
        parts = {"PostgreSQL": pipeline.postgres_pid, "exporter": exporter.pid}
        first = exporter
        if configuration.collector:
            first = running.enter_context(pipeline.collector(exporter.addresses["http"]))
            parts["Collector"] = first.pid
        address = first.addresses[configuration.door]
        pipeline.empty()
        with _clients(configuration, address, _WARM_UP_S) as clients:
            warm = clients.go().report()
            _until_visible(pipeline, _spans(configuration, warm), warm.begin)
        pipeline.empty()
        before = pipeline.footprint()
        with _clients(configuration, address, seconds) as clients:
            meter = Meter(parts)
            report = clients.go().report()
            spans = _spans(configuration, report)
            seconds = _until_visible(pipeline, spans, report.begin)
            usage = meter.stop(report.cpu_seconds)
        after = pipeline.footprint()
        _check(configuration, pipeline.stored(), report, spans)
        sizes = after.wal - before.wal, after.disk - before.disk
        return Run(spans / seconds, 0.0, report.latencies_ms, report.refused, usage, spans, workers(exporter), *sizes)


def _spans(configuration: Configuration, report: Report) -> int:
    """How many were acknowledged."""
    return len(report.taken) * configuration.per_request


def _clients(configuration: Configuration, address: str, seconds: float) -> Clients:
    return Clients(
        Options(
            door=configuration.door,
            address=address,
            per_request=configuration.per_request,
            threads=AGENTS,
            seconds=seconds,
            period=0.0,
            seed="ingest",
        ),
        CLIENTS,
    )


def _until_visible(pipeline: Pipeline, spans: int, begin: float) -> float:
    """Seconds from the first request until all that was acknowledged is visible. Asks seldom: counting costs CPU."""
    while True:
        found, seconds = pipeline.visible_spans(), time.monotonic() - begin
        if found >= spans:
            return seconds
        if seconds > _DEADLINE_S:
            raise SystemExit(f"{spans - found} of {spans} spans are not there after {seconds:.0f} s")
        expected = seconds * (spans - found) / max(found, 1)
        time.sleep(min(max(_SOONEST_S, expected / 2), _LATEST_S))


def _check(configuration: Configuration, stored: Stored, report: Report, spans: int) -> None:
    """A run counts only if all of it was stored, once, and merged; each client may stop inside a trace."""
    traces = spans / SPANS_PER_TRACE
    # Roots come last in their traces.
    merged = (
        traces <= stored.traces < traces + CLIENTS and stored.traces - CLIENTS <= stored.executions <= stored.traces
    )
    if stored.spans != spans or stored.quarantined or report.dropped or not merged:
        raise SystemExit(f"{configuration}: {stored}, {report.dropped} given up, sent {spans}: the run does not count")


def compare(
    pipeline: Pipeline, chosen: list[Configuration], rounds: int, seconds: float
) -> dict[Configuration, list[Run]]:
    """All configurations in turn, back and forth, with R between any two."""
    reference = Reference(pipeline, REFERENCE_ROWS)
    reference.run()  # the first fills caches and makes WAL files that later ones use again
    runs: dict[Configuration, list[Run]] = {configuration: [] for configuration in chosen}
    last = reference.run()
    for number in range(rounds):
        for configuration in chosen if number % 2 == 0 else chosen[::-1]:
            run = measure(pipeline, configuration, seconds * (_COLLECTOR_SHARE if configuration.collector else 1))
            following = reference.run()
            run = run._replace(reference=(last + following) / 2)
            last = following
            runs[configuration].append(run)
            print(_line(number, configuration, run), flush=True)
    return runs


def _line(number: int, configuration: Configuration, run: Run) -> str:
    speed = f"{run.speed:>8,.0f} spans/s, R {run.reference:>8,.0f}, ratio {run.ratio:.3f}"
    refused = f", refused {dict(run.refused)}" if run.refused else ""
    return f"{number + 1:>2} {configuration!s:<42} {speed}; others used {run.usage.others:.2f} cores{refused}"


def report(runs: dict[Configuration, list[Run]]) -> list[str]:
    """Print medians and ranges; the targets that were missed."""
    missed = []
    references = [run.reference for each in runs.values() for run in each]
    print(f"\nR: {_spread(references, ',.0f')} rows/s, {ROWS_A_COMMIT} rows a commit, one connection")
    for configuration, each in runs.items():
        ratio = statistics.median(run.ratio for run in each)
        target = configuration.target
        spans = sum(run.spans for run in each)
        print(f"\n{configuration} ({len(each)} runs, {spans:,} spans in all, {each[0].processes} processes)")
        print(f"  {_spread([run.speed for run in each], ',.0f')} spans/s")
        print(f"  ratio to R {_spread([run.ratio for run in each], '.3f')}" + (f"; target {target}" if target else ""))
        for line in _details(each):
            print(f"  {line}")
        if target and ratio < target:
            missed.append(f"{configuration}: {ratio:.3f} of R, target {target}")
    return missed


def _details(runs: list[Run]) -> list[str]:
    middle = sorted(runs, key=lambda run: run.ratio)[len(runs) // 2]
    latencies = sorted(latency for run in runs for latency in run.latencies_ms)
    usage, millions = middle.usage, middle.spans / 1e6
    alone = CORES * middle.spans / (usage.ours * usage.seconds)
    shares = {name: f"{cores:.2f}" for name, cores in usage.cores.items()} | {"others": f"{usage.others:.2f}"}
    seconds = {name: f"{cores * usage.seconds / millions:.1f}" for name, cores in usage.cores.items()}
    return [
        f"acknowledged in {percentile(latencies, 0.5):.0f} ms (p50), {percentile(latencies, 0.99):.0f} ms (p99)",
        f"WAL {middle.wal_bytes / middle.spans:.0f} B, disk {middle.disk_bytes / middle.spans:.0f} B a span",
        f"CPU seconds a million spans: {_listed(seconds)}",
        f"cores used: {_listed(shares)}; busiest {usage.busiest[0]} process {usage.busiest[1]:.2f}",
        f"limit: {usage.limit()}",
        f"with all {CORES} cores to ourselves at most {alone:,.0f} spans/s",
    ]


def _listed(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> int:
    """Return 1 when a target is missed; with --quick nothing but loss counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 round of 3 seconds; targets are shown only")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="that agents send in each run")
    parser.add_argument("--only", default="", help="regular expression over the configurations' names")
    parser.add_argument("--profile", action="store_true", help="show where mapping spends its time, and nothing else")
    arguments = parser.parse_args()
    if arguments.profile:
        return mapping_profile.main()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    seconds = arguments.seconds or (3.0 if arguments.quick else 15.0)
    chosen = [each for each in CONFIGURATIONS if re.search(arguments.only, str(each))]
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
        print(pipeline.versions)
        missed = report(compare(pipeline, chosen, rounds, seconds))
    for line in missed:
        print(f"missed: {line}")
    return int(bool(missed) and not arguments.quick)


if __name__ == "__main__":
    sys.exit(main())
