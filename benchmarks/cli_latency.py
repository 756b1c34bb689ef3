"""What a shell pays for `agent-otel start`, `progress`, `complete` and `step`, as whole processes (issue 5).

Our wheel in a fresh virtual environment with its bytecode compiled; a real Collector with its queue on disk before a
real exporter and PostgreSQL. A round is one call of each verb on an execution of its own and one `python -c pass` of
the same environment at a random place among them. Then the same with the Collector stopped, and with it held still
(SIGSTOP). Every answer must say what it should, and in the end every execution must be in PostgreSQL. It says too what
other programs used of the machine meanwhile: with more than 0.1 cores the tails say little.

    python benchmarks/run.py cli_latency [--runs 1000] [--down-runs 200] [--no-deps] [--profile]
"""

import argparse
import gc
import json
import os
import random
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agent_otel.local_stack.process import wait_until
from benchmarks.import_profile import profile
from benchmarks.installed import Installed
from benchmarks.latency import BARE, check_down, check_ratios, report, used_by_calls
from benchmarks.meter import Meter
from benchmarks.pipeline import Door, Pipeline
from benchmarks.whole_process import Ended, timed

VERBS: Final = ("start", "progress", "step", "complete")
#: `step` is measured beside the three that the targets are about.
TARGETED: Final = ("start", "progress", "complete")
#: Share of the calls that may be spooled though the Collector is alive: others may keep it from answering in time.
MAX_SPOOLED: Final = 0.02
_WARM_UP: Final = 20
_PROFILE_RUNS: Final = 15
_ARRIVAL_S: Final = 60.0

#: Whether an answer is what the state of the Collector lets us expect.
Expected = Callable[[Mapping[str, Any]], bool]


class Shell:
    """Someone who calls the installed command with an environment that holds nothing else of ours."""

    def __init__(self, installed: Installed, endpoint: str, folder: Path) -> None:
        self.installed = installed
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = {**kept, "AGENT_OTEL_ENDPOINT": f"http://{endpoint}", "AGENT_OTEL_HOME": str(folder / "home")}
        self.session = str(uuid.uuid4())
        # As an agent's folder is, so that the search for a project ends where it does for users.
        (folder / "project" / ".git").mkdir(parents=True)
        os.chdir(folder / "project")

    def bare(self) -> Ended:
        """The reference."""
        return timed([self.installed.python, "-c", "pass"], self.environ)

    def call(self, *arguments: str) -> Ended:
        """One call."""
        return timed([self.installed.command, *arguments], self.environ)

    def arguments(self, verb: str, execution_id: str) -> list[str]:
        """What the seed's example says, and a step of seed 003."""
        given: dict[str, list[str]] = {
            "start": ["--agent", "agent-code-generator", "--description", "Generate ONEX node", "--session-id"],
            "progress": ["--stage", "analyzing", "--percent", "30", "--execution-id"],
            "step": ["--tool", "cargo", "--action", "build --all", "--latency-ms", "12500", "--success", "true"],
            "complete": ["--status", "success", "--quality-score", "0.90", "--execution-id"],
        }
        given["step"] += ["--observation", "Build successful, 0 warnings", "--execution-id"]
        return [verb, *given[verb], self.session if verb == "start" else execution_id]


class Campaign:
    """Rounds of calls, and what each took. `parts`: the processes of the stack, by name."""

    def __init__(self, shell: Shell, parts: Mapping[str, int], seed: int) -> None:
        self._shell = shell
        self._parts = parts
        self._rng = random.Random(seed)
        self.executions = 0
        self.spooled = 0
        self.wrong: list[str] = []

    def run(self, title: str, rounds: int, expected: Expected) -> dict[str, list[float]]:
        """Milliseconds of each call, by verb; answers that are not `expected` go to `wrong`."""
        times: dict[str, list[float]] = {name: [] for name in (BARE, *VERBS)}
        meter, before, self.spooled = Meter(self._parts), used_by_calls(), 0
        gc.collect()
        gc.disable()
        for _ in range(rounds):
            self._round(times, expected)
        gc.enable()
        others = meter.stop(used_by_calls() - before).others
        print(
            f"\n{title}: {self.spooled} of {rounds * len(VERBS)} calls spooled; other programs used {others:.2f} cores"
        )
        return times

    def _round(self, times: dict[str, list[float]], expected: Expected) -> None:
        bare_before = self._rng.choice(VERBS)
        execution_id = ""
        for verb in VERBS:
            if verb == bare_before:
                times[BARE].append(self._shell.bare().milliseconds)
            ended = self._shell.call(*self._shell.arguments(verb, execution_id))
            times[verb].append(ended.milliseconds)
            answer = json.loads(ended.output or "{}")
            execution_id = answer.get("execution_id") or execution_id
            self.spooled += bool(answer.get("spooled"))
            if ended.code or not expected(answer):
                self.wrong.append(f"{verb}: exit code {ended.code}, {ended.output!r}")
        self.executions += 1


def main() -> int:
    """Measure, or profile; 1 when a target is missed or an answer was not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000, help="rounds with the Collector alive")
    parser.add_argument("--down-runs", type=int, default=200, help="rounds with it stopped, and with it held still")
    parser.add_argument("--no-deps", action="store_true", help="install without what only the server and the SDK need")
    parser.add_argument("--profile", action="store_true", help="print what each verb imports and what that costs")
    parser.add_argument("--seed", type=int, default=0, help="of the places of the bare runs")
    arguments = parser.parse_args()
    # Run from any folder, though we change ours.
    with tempfile.TemporaryDirectory(prefix="agent-otel-cli-") as name, Pipeline(Path(name, "pipeline")) as pipeline:
        folder = Path(name)
        installed = Installed(folder / "installed", dependencies=not arguments.no_deps)
        print(pipeline.versions)
        with pipeline.exporter({}) as exporter, pipeline.collector(exporter.addresses["http"]) as collector:
            shell = Shell(installed, collector.addresses["http"], folder)
            if arguments.profile:
                _profile(shell)
                return 0
            parts = {"exporter": exporter.pid, "collector": collector.pid, "postgres": pipeline.postgres_pid}
            return _measure(Campaign(shell, parts, arguments.seed), shell, pipeline, collector, arguments)


def _measure(
    campaign: Campaign, shell: Shell, pipeline: Pipeline, collector: Door, arguments: argparse.Namespace
) -> int:
    campaign.run("Warm-up", _WARM_UP, _recorded)
    missed = report(campaign.run("Collector alive", arguments.runs, _recorded), check_ratios, TARGETED)
    if campaign.spooled > arguments.runs * len(VERBS) * MAX_SPOOLED:
        missed.append(f"{campaign.spooled} calls were not answered in time though the Collector was alive")
    os.kill(collector.pid, signal.SIGSTOP)
    try:
        missed += report(campaign.run("Collector held still", arguments.down_runs, _spooled), check_down, TARGETED)
    finally:
        os.kill(collector.pid, signal.SIGCONT)
    shell.call("flush", "--timeout", "30")
    collector.program.stop()
    missed += report(campaign.run("Collector stopped", arguments.down_runs, _spooled), check_down, TARGETED)
    collector.program.begin()
    collector.program.wait_ready()
    flushed = shell.call("flush", "--timeout", "30").output.strip()
    arrived = wait_until(lambda: _completed(pipeline, shell.session) == campaign.executions, _ARRIVAL_S)
    found = _completed(pipeline, shell.session)
    print(f"{found} of {campaign.executions} executions are complete in PostgreSQL; flush: {flushed}")
    for problem in [*missed, *campaign.wrong[:10]]:
        print(f"MISSED {problem}")
    return int(bool(missed or campaign.wrong or not arrived))


def _recorded(answer: Mapping[str, Any]) -> bool:
    """Delivered; or spooled, when on a busy machine the answer took longer than a call waits."""
    return answer.get("success") is True or _spooled(answer)


def _spooled(answer: Mapping[str, Any]) -> bool:
    return answer.get("success") is False and answer.get("recorded") is True and answer.get("spooled") is True


def _completed(pipeline: Pipeline, session: str) -> int:
    """Executions with their end and all three other records."""
    row = pipeline.connection.execute(
        "SELECT count(*) FROM agent_executions e WHERE session_id = %s AND status = 'success' AND stage = 'analyzing'"
        " AND EXISTS (SELECT FROM spans s WHERE s.trace_id = e.correlation_id AND s.step_kind IS NOT NULL)"
        " AND EXISTS (SELECT FROM spans s WHERE s.trace_id = e.correlation_id AND s.step_kind IS NULL)",
        [session],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _profile(shell: Shell) -> None:
    """What each verb imports beyond bare Python."""
    execution_id = json.loads(shell.call(*shell.arguments("start", "")).output)["execution_id"]
    for verb in VERBS:
        program = [shell.installed.command, *shell.arguments(verb, execution_id)]
        modules = profile(shell.installed.python, program, shell.environ, _PROFILE_RUNS)
        own = sum(module.own for module in modules if module.name.startswith("agent_otel"))
        rest = sum(module.own for module in modules) - own
        print(f"\n{verb}: {len(modules)} modules more than bare; ours {own / 1e3:.1f} ms, others {rest / 1e3:.1f} ms")
        for module in modules:
            print(f"{module.own:>8.0f} µs {module.cumulative:>8.0f} µs with its own imports  {module.name}")


if __name__ == "__main__":
    sys.exit(main())
