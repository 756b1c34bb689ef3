"""An execution of 25 steps, watched from SQL while it runs, killed in the middle, and ended by somebody else."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from tests.fixtures.shell import AGENT_OTEL, Shell, environment
from tests.fixtures.stack import agent, client_environment, rows, wait_for

STEPS: Final = 25
KILLED_AFTER: Final = 17
VISIBLE_S: Final = 1.0
SPARED_S: Final = 0.3
#: A line a step, the moment it has ended; then `done`. Waits for a line on standard input before it ends.
_HELPERS: Final = """
import sys, time, agent_otel
with agent_otel.delegate("watched", prompt="25 steps", correlation_id=sys.argv[1]) as run:
    print("started", run.execution_id, flush=True)
    for number in range(1, int(sys.argv[2]) + 1):
        with agent_otel.step(f"tool-{number}", action=f"step {number}", sequence=number) as step:
            time.sleep(0.05)
        print("ended", number, time.time(), flush=True)
        time.sleep(0.1)
    print("done", flush=True)
    sys.stdin.readline()
"""
#: The same by the command: the shell is the agent.
_SHELL: Final = """
id=$("$0" start --agent watched --prompt "25 steps" --correlation-id "$1" --quiet)
echo "started $id"
for number in $(seq 1 "$2"); do
  "$0" step --execution-id "$id" --tool "tool-$number" --action "step $number" --sequence "$number" --quiet >/dev/null
  echo "ended $number $(date +%s.%N)"
  sleep 0.1
done
echo done
read -r line
"""
_STEPS: Final = """
  SELECT sequence, tool, success FROM agent_execution_steps WHERE execution_id = %(id)s ORDER BY sequence"""
_STATUS: Final = "SELECT status, completed_at IS NULL FROM agent_executions WHERE execution_id = %(id)s"


class Watched:
    """The process of the agent, what it printed so far, and when SQL first showed each step, by our common clock."""

    def __init__(self, process: "subprocess.Popen[str]", stack: LocalStack) -> None:
        self.process = process
        self.execution_id = ""
        self.ended: dict[int, float] = {}
        self.seen: dict[int, float] = {}
        self.done = threading.Event()
        self.over = threading.Event()
        self._stack = stack
        self._threads = [threading.Thread(target=self._listen), threading.Thread(target=self._poll)]

    def begin(self) -> None:
        """Watch."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Watch no longer."""
        self.over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, *more = line.split()
            if word == "started":
                self.execution_id = more[0]
            elif word == "ended":
                self.ended[int(more[0])] = float(more[1])
            else:
                self.done.set()

    def _poll(self) -> None:
        with connect(self._stack.database_url, application="watcher", autocommit=True) as connection:
            while not self.over.wait(0.02):
                if self.execution_id:
                    found = connection.execute(_STEPS, {"id": self.execution_id}).fetchall()
                    for sequence, _, _ in found:
                        self.seen.setdefault(sequence, time.time())
        connection.close()

    def latest(self) -> float:
        """Seconds from the end of a step to the moment at which SQL showed it, the longest."""
        return max(self.seen[number] - ended for number, ended in self.ended.items())


@contextmanager
def watched(stack: LocalStack, folder: Path, way: str, correlation: str) -> Iterator[Watched]:
    """A running agent of 25 steps; killed at the end."""
    home = folder / "home"
    if way == "helpers":
        command, environ = agent(_HELPERS), client_environment(stack, home)
    else:
        command, environ = ["bash", "-c", _SHELL, AGENT_OTEL], environment(stack.endpoint, home)
    process = subprocess.Popen(
        [*command, correlation, str(STEPS)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        process_group=0,
    )
    watching = Watched(process, stack)
    watching.begin()
    try:
        yield watching
    finally:
        kill(watching)
        process.communicate()
        watching.finish()


def kill(watching: Watched) -> None:
    """SIGKILL for the agent and the calls it makes."""
    if watching.process.poll() is None:
        os.killpg(watching.process.pid, 9)
        watching.process.wait(30)


def steps(stack: LocalStack, watching: Watched) -> list[tuple[Any, ...]]:
    """The steps that SQL shows."""
    return rows(stack, _STEPS, {"id": watching.execution_id})


def expected_steps(count: int) -> list[tuple[Any, ...]]:
    """That many."""
    return [(number, f"tool-{number}", True) for number in range(1, count + 1)]


def status(stack: LocalStack, execution_id: str, abandoned_after: str | None = None) -> tuple[str, bool]:
    """Its status and whether it has no end, in a session with that timeout."""
    with connect(stack.database_url, application="test", autocommit=True) as connection:
        if abandoned_after:
            connection.execute("SELECT set_config('agent_otel.abandoned_after', %(t)s, false)", {"t": abandoned_after})
        found = connection.execute(_STATUS, {"id": execution_id}).fetchone()
    connection.close()
    assert found is not None
    return found[0], found[1]


@pytest.mark.parametrize("way", ["helpers", "shell"])
def test_each_step_is_a_row_within_a_second(stack: LocalStack, tmp_path: Path, way: str) -> None:
    """By the agent's own clock, while it runs; meanwhile it is in progress; then it ends by itself."""
    with watched(stack, tmp_path, way, f"watched {tmp_path}") as agent_process:
        assert agent_process.done.wait(90)
        wait_for(lambda: len(agent_process.seen) == STEPS, "every step")
        assert steps(stack, agent_process) == expected_steps(STEPS)
        assert agent_process.latest() <= VISIBLE_S
        assert agent_process.process.poll() is None
        assert status(stack, agent_process.execution_id) == ("in_progress", True)


@pytest.mark.parametrize("way", ["helpers", "shell"])
def test_what_a_killed_agent_did_is_there_and_a_late_end_wins(stack: LocalStack, tmp_path: Path, way: str) -> None:
    """SIGKILL 300 ms after step 17: steps 1-17, in progress, abandoned after the timeout, then as somebody says."""
    with watched(stack, tmp_path, way, f"killed {tmp_path}") as agent_process:
        assert wait_until(lambda: KILLED_AFTER in agent_process.ended, 90)
        spared = agent_process.ended[KILLED_AFTER] + SPARED_S
        assert wait_until(lambda: time.time() >= spared, 10)
        kill(agent_process)
        agent_process.process.wait(10)
    ended = max(agent_process.ended)
    wait_for(lambda: len(steps(stack, agent_process)) >= KILLED_AFTER, "the steps")
    found = steps(stack, agent_process)
    assert found[:KILLED_AFTER] == expected_steps(KILLED_AFTER)
    # What ended in the last 300 ms may be there or not, what came later is not.
    assert found == expected_steps(len(found))
    assert len(found) <= ended + 1 < STEPS
    execution_id = agent_process.execution_id
    assert status(stack, execution_id) == ("in_progress", True)
    wait_for(lambda: status(stack, execution_id, "1 second") == ("abandoned", True), "its abandonment")
    verdict = ("verify", execution_id, "--status", "ERROR", "--by", "watcher")
    elsewhere = Shell(environment(stack.endpoint, tmp_path / "elsewhere"), tmp_path)
    assert elsewhere.call(*verdict).code == 0
    judged = "SELECT verification_status FROM agent_executions WHERE execution_id = %(id)s"
    wait_for(lambda: rows(stack, judged, {"id": execution_id}) == [("ERROR",)], "the verdict")
    # A verdict is no sign of life.
    assert status(stack, execution_id, "1 second") == ("abandoned", True)
    late = ("--agent", "watched", "--correlation-id", f"killed {tmp_path}", "--status", "partial")
    elsewhere.told("complete", "--execution-id", execution_id, *late)
    wait_for(lambda: status(stack, execution_id, "1 second") == ("partial", False), "the late end")
    assert steps(stack, agent_process)[:KILLED_AFTER] == expected_steps(KILLED_AFTER)
