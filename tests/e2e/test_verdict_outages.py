"""Verdicts by calls: before the end, after it, before the start arrives, and while a part of the stack is down."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from agent_otel.local_stack import state
from agent_otel.local_stack.plan import Plan, environment
from agent_otel.local_stack.process import identify, wait_until
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, POSTGRES
from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.shell import Shell
from tests.fixtures.shell import environment as shell_environment
from tests.fixtures.stack import ARRIVAL_S, agent, client_environment, rows

FIRST: Final = ("--status", "MATCH", "--expected-vs-actual", "all good", "--criteria-met", "b", "--by", "ci")
LAST: Final = (
    *("--status", "MISMATCH", "--expected-vs-actual", "2 tests fail", "--criteria-failed", "z"),
    *("--criteria-failed", "a", "--confidence", "0.95", "--manual-verification", "--by", "ana"),
)
_VERDICTS: Final = """
  SELECT status, expected_vs_actual, success_criteria_met, success_criteria_failed, confidence_score,
         manual_verification_required, verified_by, is_current, execution_status, agent_name
  FROM agent_verifications WHERE execution_id = %(id)s ORDER BY verified_at"""
_EXECUTION: Final = """
  SELECT status, verification_status, expected_vs_actual, success_criteria_met, success_criteria_failed,
         confidence_score, manual_verification_required, verified_by, verdicts, description
  FROM agent_executions WHERE execution_id = %(id)s"""
_REFUTED: Final = "SELECT verified_by FROM agent_refuted_successes WHERE execution_id = %(id)s"
EXPECTED: Final = {
    "verdicts": [
        ("MATCH", "all good", ["b"], None, None, None, "ci", False, "success", "judged"),
        ("MISMATCH", "2 tests fail", None, ["z", "a"], 0.95, True, "ana", True, "success", "judged"),
    ],
    "execution": [("success", "MISMATCH", "2 tests fail", None, ["z", "a"], 0.95, True, "ana", 2, "a task")],
    "refuted": [("ana",)],
}

#: What is done, one call after the other; `judge` is another machine.
Order = Callable[[Shell, Shell], str]


def _start(shell: Shell) -> str:
    return str(shell.told("start", "--agent", "judged", "--description", "a task")["execution_id"])


def _complete(shell: Shell, execution_id: str) -> None:
    assert shell.told("complete", "--execution-id", execution_id)["status"] == "success"


def _verify(shell: Shell, execution_id: str, verdict: tuple[str, ...]) -> None:
    assert shell.call("verify", execution_id, *verdict).code == 0


def before_the_end(shell: Shell, judge: Shell) -> str:
    """Both while it runs, the second one by somebody else."""
    execution_id = _start(shell)
    _verify(shell, execution_id, FIRST)
    _verify(judge, execution_id, LAST)
    _complete(shell, execution_id)
    return execution_id


def after_the_end(shell: Shell, judge: Shell) -> str:
    """Both when it is over."""
    execution_id = _start(shell)
    _complete(shell, execution_id)
    _verify(judge, execution_id, FIRST)
    _verify(shell, execution_id, LAST)
    return execution_id


def with_the_end(shell: Shell, judge: Shell) -> str:
    """The first one with the completion itself."""
    execution_id = _start(shell)
    verdict = ["--verification-status", *FIRST[1:-2], "--verified-by", "ci"]
    assert shell.told("complete", "--execution-id", execution_id, *verdict)["status"] == "success"
    _verify(judge, execution_id, LAST)
    return execution_id


def before_the_start_arrives(shell: Shell, judge: Shell) -> str:
    """All that the execution says waits on its machine until the verdicts have arrived."""
    endpoint = shell.environ["AGENT_OTEL_ENDPOINT"]
    shell.environ["AGENT_OTEL_ENDPOINT"] = "http://127.0.0.1:9"
    execution_id = _start(shell)
    _complete(shell, execution_id)
    _verify(judge, execution_id, FIRST)
    _verify(judge, execution_id, LAST)
    shell.environ["AGENT_OTEL_ENDPOINT"] = endpoint
    assert shell.segments
    assert shell.call("flush").code == 0
    return execution_id


ORDERS: Final[tuple[Order, ...]] = (before_the_end, after_the_end, with_the_end, before_the_start_arrives)


def known(stack: LocalStack, execution_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """What SQL says of the execution and the verdicts on it."""
    queries = {"verdicts": _VERDICTS, "execution": _EXECUTION, "refuted": _REFUTED}
    return {name: rows(stack, query, {"id": execution_id}) for name, query in queries.items()}


def assert_known(stack: LocalStack, execution_id: str) -> None:
    """Once all has arrived, it is what is expected."""
    wait_until(lambda: known(stack, execution_id) == EXPECTED, ARRIVAL_S)
    assert known(stack, execution_id) == EXPECTED


def shells(stack: LocalStack, folder: Path) -> tuple[Shell, Shell]:
    """Of the machine on which it runs, and of another."""
    made = []
    for name in ("runs", "judges"):
        (folder / name).mkdir()
        made.append(Shell(shell_environment(stack.endpoint, folder / name / "home"), folder / name))
    return made[0], made[1]


@pytest.mark.parametrize("order", ORDERS)
def test_whenever_a_verdict_is_given(stack: LocalStack, tmp_path: Path, order: Order) -> None:
    """The same rows; the last one given is the current one."""
    execution_id = order(*shells(stack, tmp_path))
    assert_known(stack, execution_id)


_HELPERS = """
import agent_otel, sys
with agent_otel.execution("judged", description="a task") as run:
    if "inside" in sys.argv:
        run.verification("MATCH", "all good", criteria_met=["b"], by="ci")
if "inside" not in sys.argv:
    agent_otel.verify(run.execution_id, "MATCH", "all good", criteria_met=["b"], by="ci")
agent_otel.verify(run.execution_id, "MISMATCH", "2 tests fail", criteria_failed=["z", "a"], confidence=0.95,
                  manual_required=True, by="ana")
print(run.execution_id)
agent_otel.flush(timeout=30)
"""


@pytest.mark.parametrize("when", ["inside", "outside"])
def test_by_the_helpers_it_is_the_same(stack: LocalStack, tmp_path: Path, when: str) -> None:
    """In the block and by verify() after it."""
    command = [*agent(_HELPERS), when]
    environ = client_environment(stack, tmp_path)
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    execution_id = ended.stdout.strip()
    assert_known(stack, execution_id)


@pytest.fixture(scope="module")
def own_stack(real_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalStack, Path]]:
    """A stack that may be broken, and its home."""
    home = tmp_path_factory.mktemp("breakable")
    with LocalStack(home, free_ports=True) as stack:
        yield stack, home


@contextmanager
def outage(stack: LocalStack, home: Path, part: str) -> Iterator[None]:
    """A part is killed, and started again at the end."""
    known_state = state.read(Plan(environment(home), free_ports=True).state_dir)
    assert known_state is not None
    (process,) = (running.process for running in known_state.parts if running.name == part)
    # PostgreSQL: at once, but without what a SIGKILL leaves in shared memory.
    os.kill(process.pid, signal.SIGQUIT if part == POSTGRES else signal.SIGKILL)
    assert wait_until(lambda: part in stack.ended() and identify(process.pid) != process, 30)
    yield
    assert wait_until(lambda: _started(stack, part), 60)


def _started(stack: LocalStack, part: str) -> bool:
    stack.restart(part)
    return part not in stack.ended()


@pytest.mark.parametrize("part", [COLLECTOR, EXPORTER, POSTGRES])
def test_verdicts_during_an_outage_arrive_later(own_stack: tuple[LocalStack, Path], tmp_path: Path, part: str) -> None:
    """Collector, exporter or PostgreSQL killed: both verdicts are given meanwhile; the rows are those of any order."""
    stack, home = own_stack
    shell, judge = shells(stack, tmp_path)
    shell.environ["AGENT_OTEL_SEND_MILLISECONDS"] = judge.environ["AGENT_OTEL_SEND_MILLISECONDS"] = "500"
    execution_id = _start(shell)
    with outage(stack, home, part):
        _verify(shell, execution_id, FIRST)
        _complete(shell, execution_id)
        _verify(judge, execution_id, LAST)
        assert bool(judge.segments) == (part == COLLECTOR)
    assert shell.call("flush").code == judge.call("flush").code == 0
    assert_known(stack, execution_id)
