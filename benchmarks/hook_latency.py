"""What Claude Code waits for at each of its hooks: the plugin's script with `agent-otel hook`, as whole processes.

As `cli_latency`: our wheel in a fresh virtual environment, a real Collector with its queue on disk before a real
exporter and PostgreSQL. A round is a session with one prompt and one tool: its seven events as 2.1.330 sent them, and
one `python -c pass` at a random place among them. The transcript has the answer at Stop in every second session, as
often as that was seen. Then the same with the Collector held still (SIGSTOP), and stopped. Nothing may be printed, and
in the end each session must be in PostgreSQL with its prompt, its tool and its tokens.

    python benchmarks/run.py hook_latency [--runs 500] [--down-runs 150] [--no-deps]
"""

import argparse
import gc
import json
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent_otel.local_stack.process import wait_until
from benchmarks.installed import Installed
from benchmarks.latency import BARE, check_down, check_ratios, report, used_by_calls
from benchmarks.meter import Meter
from benchmarks.pipeline import Door, Pipeline
from benchmarks.run import ROOT
from benchmarks.whole_process import Ended, timed

EVENTS: Final = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolBatch",
    "Stop",
    "SessionEnd",
)
_HOOK: Final = ROOT / "plugins" / "claude-code" / "scripts" / "hook"
_WARM_UP: Final = 10
_ARRIVAL_S: Final = 60.0
_TOOL: Final = {"tool_name": "Bash", "tool_input": {"command": "echo hello", "description": "Say hello"}}
_RESPONSE: Final = {"stdout": "hello", "stderr": "", "interrupted": False, "isImage": False}
_ANSWER: Final = "It says hello."


class Session:
    """One session of Claude Code as its hooks tell it."""

    def __init__(self, folder: Path, *, lags: bool) -> None:
        self.session_id, self._prompt_id = str(uuid.uuid4()), str(uuid.uuid4())
        self._call_id = f"toolu_{uuid.uuid4().hex[:24]}"
        self._transcript, self._lags = folder / f"{self.session_id}.jsonl", lags
        self._cwd = str(folder)

    def payload(self, event: str) -> dict[str, Any]:
        """What the hook of an event is given."""
        common = {"session_id": self.session_id, "transcript_path": str(self._transcript), "cwd": self._cwd}
        own: dict[str, dict[str, Any]] = {
            "SessionStart": {"source": "startup"},
            "UserPromptSubmit": {"prompt": "Say hello with the shell."},
            "PreToolUse": {**_TOOL, "tool_use_id": self._call_id},
            "PostToolUse": {**_TOOL, "tool_use_id": self._call_id, "tool_response": _RESPONSE, "duration_ms": 30},
            "PostToolBatch": {"tool_calls": [{**_TOOL, "tool_use_id": self._call_id, "tool_response": "hello"}]},
            "Stop": {"stop_hook_active": False, "last_assistant_message": _ANSWER, "background_tasks": []},
            "SessionEnd": {"reason": "other"},
        }
        prompt = {} if event == "SessionStart" else {"prompt_id": self._prompt_id}
        return {**common, **prompt, "hook_event_name": event, **own[event]}

    def write(self, event: str) -> None:
        """What the CLI has written to the transcript by then."""
        if event == "PreToolUse":
            self._line("user", {"promptId": self._prompt_id}, {"role": "user", "content": "Say hello with the shell."})
            self._answer("req_1", "Let me see.")
        elif event == ("SessionEnd" if self._lags else "Stop"):
            self._answer("req_2", _ANSWER)

    def _answer(self, request: str, text: str) -> None:
        usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 1_000}
        content = [{"type": "text", "text": text}]
        message = {"role": "assistant", "model": "claude-sonnet-4-5", "content": content, "usage": usage}
        self._line("assistant", {"requestId": f"{request}_{self._call_id}"}, message)

    def _line(self, kind: str, more: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        moment = time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}.{int(moment * 1000) % 1000:03d}Z"
        line = {"type": kind, "timestamp": stamp, "version": "2.1.330", **more, "message": message}
        with self._transcript.open("a") as file:
            file.write(f"{json.dumps(line)}\n")


class Agent:
    """The CLI's part: calls the plugin's hook with an environment that holds nothing else of ours."""

    def __init__(self, installed: Installed, endpoint: str, folder: Path) -> None:
        self.installed = installed
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        path = f"{Path(installed.command).parent}:{os.environ['PATH']}"
        where = {"AGENT_OTEL_ENDPOINT": f"http://{endpoint}", "AGENT_OTEL_HOME": str(folder / "home")}
        self.environ = {**kept, "PATH": path, **where}
        self._command = ["/bin/sh", "-c", f"trap '' TERM; sh \"{_HOOK}\" || exit 0"]
        self._stdin = folder / "payload.json"
        (folder / "project" / ".git").mkdir(parents=True)
        os.chdir(folder / "project")

    def bare(self) -> Ended:
        """The reference."""
        return timed([self.installed.python, "-c", "pass"], self.environ)

    def tell(self, payload: Mapping[str, Any]) -> Ended:
        """One event."""
        self._stdin.write_text(json.dumps(payload))
        return timed(self._command, self.environ, str(self._stdin))


class Campaign:
    """Rounds of sessions, and what each hook took."""

    def __init__(self, agent: Agent, parts: Mapping[str, int], folder: Path, seed: int) -> None:
        self._agent = agent
        self._parts = parts
        self._folder = folder
        self._rng = random.Random(seed)
        self.sessions: list[str] = []
        self.wrong: list[str] = []

    def run(self, title: str, rounds: int) -> dict[str, list[float]]:
        """Milliseconds of each hook, by event."""
        times: dict[str, list[float]] = {name: [] for name in (BARE, *EVENTS)}
        meter, before = Meter(self._parts), used_by_calls()
        gc.collect()
        gc.disable()
        for number in range(rounds):
            self._round(times, Session(self._folder, lags=number % 2 == 0))
        gc.enable()
        print(f"\n{title}: other programs used {meter.stop(used_by_calls() - before).others:.2f} cores")
        return times

    def _round(self, times: dict[str, list[float]], session: Session) -> None:
        bare_before = self._rng.choice(EVENTS)
        self.sessions.append(session.session_id)
        for event in EVENTS:
            if event == bare_before:
                times[BARE].append(self._agent.bare().milliseconds)
            session.write(event)
            ended = self._agent.tell(session.payload(event))
            times[event].append(ended.milliseconds)
            if ended.code or ended.output:
                self.wrong.append(f"{event}: exit code {ended.code}, {ended.output!r}")


def main() -> int:
    """Measure; 1 when a target is missed or something was printed or lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="sessions with the Collector alive")
    parser.add_argument("--down-runs", type=int, default=150, help="sessions with it stopped, and with it held still")
    parser.add_argument("--no-deps", action="store_true", help="install without what only the server and the SDK need")
    parser.add_argument("--seed", type=int, default=0, help="of the places of the bare runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agent-otel-hook-") as name, Pipeline(Path(name, "pipeline")) as pipeline:
        folder = Path(name)
        installed = Installed(folder / "installed", dependencies=not arguments.no_deps)
        print(pipeline.versions)
        with pipeline.exporter({}) as exporter, pipeline.collector(exporter.addresses["http"]) as collector:
            agent = Agent(installed, collector.addresses["http"], folder)
            parts = {"exporter": exporter.pid, "collector": collector.pid, "postgres": pipeline.postgres_pid}
            return _measure(Campaign(agent, parts, folder, arguments.seed), agent, pipeline, collector, arguments)


def _measure(
    campaign: Campaign, agent: Agent, pipeline: Pipeline, collector: Door, arguments: argparse.Namespace
) -> int:
    campaign.run("Warm-up", _WARM_UP)
    missed = report(campaign.run("Collector alive", arguments.runs), check_ratios, EVENTS)
    os.kill(collector.pid, signal.SIGSTOP)
    try:
        missed += report(campaign.run("Collector held still", arguments.down_runs), check_down, EVENTS)
    finally:
        os.kill(collector.pid, signal.SIGCONT)
    timed([agent.installed.command, "flush", "--timeout", "30"], agent.environ)
    collector.program.stop()
    missed += report(campaign.run("Collector stopped", arguments.down_runs), check_down, EVENTS)
    collector.program.begin()
    collector.program.wait_ready()
    flushed = timed([agent.installed.command, "flush", "--timeout", "30"], agent.environ).output.strip()
    arrived = wait_until(lambda: _complete(pipeline, campaign.sessions) == len(campaign.sessions), _ARRIVAL_S)
    found = _complete(pipeline, campaign.sessions)
    print(f"{found} of {len(campaign.sessions)} sessions are complete in PostgreSQL; flush: {flushed}")
    for problem in [*missed, *campaign.wrong[:10]]:
        print(f"MISSED {problem}")
    return int(bool(missed or campaign.wrong or not arrived))


def _complete(pipeline: Pipeline, sessions: list[str]) -> int:
    """Sessions whose prompt succeeded with both requests counted, and whose one tool is there."""
    row = pipeline.connection.execute(
        "SELECT count(*) FROM agent_executions e WHERE session_id = ANY (%s) AND status = 'success'"
        " AND input_tokens = 2020 AND output_tokens = 10"
        " AND (SELECT count(*) FROM agent_execution_steps s WHERE s.execution_id = e.execution_id AND s.success) = 1",
        [sessions],
    ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())
