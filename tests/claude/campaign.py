"""Playing the scenarios on a real stack, and comparing what it holds with what the model did."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.stack import LocalStack
from tests.claude import comparison, environment, hooks, secret_search, tree
from tests.claude.ledger import Request
from tests.claude.scenario import Scenario
from tests.claude.stage import Stage, StageError

#: How long records may take from a hook that has ended to the row.
_ARRIVAL_S: Final = 15.0
_HOOK_ENVIRONMENT: Final = "hook-environment.txt"


class Run(NamedTuple):
    """A scenario with one version of the CLI, its own telemetry on or off."""

    scenario: Scenario
    version: str
    telemetry: bool
    number: int = 0

    @property
    def folder(self) -> str:
        """The name of its files' folder."""
        return f"{self.scenario.name}-{self.version}-{'on' if self.telemetry else 'off'}-{self.number}"


class Played(NamedTuple):
    """What a run left: what the model did, and where files of ours are."""

    run: Run
    requests: Sequence[Request]
    home: Path
    seconds: float
    problems: Sequence[str]


class Campaign:
    """Runs on one stack; `programs` has the CLI of each version. `report` gets a line a run."""

    def __init__(
        self, stack: LocalStack, folder: Path, programs: dict[str, Path], report: Callable[[str], None]
    ) -> None:
        self._stack = stack
        self._folder = folder
        self._programs = programs
        self._report = report

    def play(self, run: Run) -> Played:
        """Play a scenario and wait until the audit trail says what it must, or time is up."""
        begun = time.monotonic()
        folder = self._folder / run.folder
        try:
            with (
                stalled_receiver() as nobody,
                Stage(
                    self._programs[run.version], folder, run.scenario.scripts, self._more(folder, run, nobody)
                ) as stage,
            ):
                _register(stage, run.scenario)
                run.scenario.play(stage)
                if run.scenario.stalled:
                    stage.flush(AGENT_OTEL_ENDPOINT=self._stack.endpoint)
                played = Played(run, stage.ledger.requests(), folder, 0.0, ())
                problems = self._settle(played) or self._secrets(stage, run.scenario) or stage.disturbances()
        except (StageError, subprocess.TimeoutExpired) as wrong:
            return Played(run, (), folder, time.monotonic() - begun, [str(wrong)])
        return played._replace(seconds=time.monotonic() - begun, problems=problems)

    def strangers(self, played: Sequence[Played]) -> list[str]:
        """What nobody asked for: executions of no session that was played, and refused records."""
        sessions = {session for each in played for session in _sessions(each)}
        return tree.strangers(self._stack, sessions)

    def check_again(self, played: Sequence[Played]) -> list[Played]:
        """Compare once more when nothing is under way any longer: what came late must not have added anything."""
        return [each if each.problems else each._replace(problems=self._differences(each)) for each in played]

    def _more(self, folder: Path, run: Run, nobody: str) -> dict[str, str]:
        own = {"AGENT_OTEL_HOME": str(folder / "agent-otel"), "AGENT_OTEL_ENDPOINT": nobody}
        if not run.scenario.stalled:
            # On a busy machine an answer may come after 30 ms; what is then sent again, Jaeger has twice.
            own |= {"AGENT_OTEL_ENDPOINT": self._stack.endpoint, "AGENT_OTEL_SEND_MILLISECONDS": "20000"}
        return {**own, **environment.telemetry(self._stack.endpoint)} if run.telemetry else own

    def _settle(self, played: Played) -> list[str]:
        found: list[str] = []

        def right() -> bool:
            found[:] = self._differences(played)
            return not found

        wait_until(right, _ARRIVAL_S)
        return found

    def _differences(self, played: Played) -> list[str]:
        found = tree.executions(self._stack, _sessions(played))
        expected = played.run.scenario.expected
        wrong = comparison.differences(expected, played.requests, found, cost=played.run.telemetry)
        if wrong:
            return wrong
        counted = [(each, tree.spans_in_jaeger(self._stack, each)) for each in found]
        return [f"{each.row['prompt']!r} has {count} spans in Jaeger" for each, count in counted if count != 1]

    def _secrets(self, stage: Stage, scenario: Scenario) -> list[str]:
        """Secrets of the CLI's environment and of its hooks', wherever something of ours is kept."""
        if not scenario.secrets:
            return []
        secrets = {**hooks.secrets_of(stage.folder / _HOOK_ENVIRONMENT), **environment.canaries(stage.environ)}
        home = Path(self._stack.environ["AGENT_OTEL_HOME"])
        folders = [stage.folder / "agent-otel", home / "state" / "logs"]
        found = tree.executions(self._stack, {stage.session})
        traces = {each.row["correlation_id"].hex for each in found}
        told = secret_search.find(secrets, folders, stage.output, self._stack, traces)
        places = f"{secret_search.searched(folders)} files, every table and {len(traces)} traces"
        self._report(
            f"  {len(secrets)} secrets ({', '.join(sorted(secrets))}) searched for in {places}: {len(told)} found"
        )
        return told


def _register(stage: Stage, scenario: Scenario) -> None:
    """Our hooks by the plugin where there is one, else by the settings; both for what is registered twice."""
    plugin = hooks.PLUGIN.is_dir()
    commands = [hooks.agent_otel()] if scenario.twice or not plugin else []
    if scenario.secrets:
        commands.append(hooks.environment_to(stage.folder / _HOOK_ENVIRONMENT))
    stage.register(hooks.settings(*commands), hooks.plugin_arguments() if plugin else ())


def _sessions(played: Played) -> set[str]:
    """Those that the model served; a session whose every request failed is told by its transcript's name."""
    transcripts = {path.stem for path in (played.home / "config" / "projects").glob("*/*.jsonl")}
    return {request.session for request in played.requests} or transcripts


@contextmanager
def stalled_receiver() -> Iterator[str]:
    """The URL of a receiver that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
