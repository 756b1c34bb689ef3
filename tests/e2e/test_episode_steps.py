"""The five example steps of the episode-log-steps skill, told in every way there is, are the same array in SQL."""

import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.stack import agent, client_environment, rows, wait_for

#: The skill's examples in its order, word for word.
STEPS: list[dict[str, Any]] = [
    {"tool": "cargo", "action": "build --all", "latency_ms": 12500, "tokens": None, "success": True,
     "observation": "Build successful, 0 warnings"},
    {"tool": "cargo", "action": "test --test integration_test", "latency_ms": 3200, "tokens": None, "success": False,
     "observation": "2 tests failed: test_batch_insert, test_concurrent_writes"},
    {"tool": "claude", "action": "generate async batch implementation", "latency_ms": 4500, "tokens": 2800,
     "success": True, "observation": "Generated batch.rs with async Tokio patterns"},
    {"tool": "clippy", "action": "check --all", "latency_ms": 1500, "tokens": None, "success": True,
     "observation": "Fixed 3 warnings: unused imports, unnecessary clone"},
    {"tool": "cargo", "action": "fix 5 test failures in batch_test.rs", "latency_ms": 18000, "tokens": 3500,
     "success": True, "observation": "Fixed: test_batch_insert (await missing), test_concurrent (lock order),"
                                     " test_timeout (semaphore added)"},
]  # fmt: skip

_AGENT = """
import json, sys, agent_otel
with agent_otel.execution("coder", correlation_id=sys.argv[1], description="make the build work") as run:
    for step in json.loads(sys.argv[2]):
        agent_otel.log_step(run.execution_id, **step)
print(agent_otel.flush(timeout=20))
"""

#: Run an episode with these steps under a correlation id.
Telling = Callable[[LocalStack, Path, uuid.UUID, list[dict[str, Any]]], None]


def _helper(stack: LocalStack, home: Path, correlation: uuid.UUID, steps: list[dict[str, Any]]) -> None:
    """One Python agent with `agent_otel.log_step`."""
    command = [*agent(_AGENT), str(correlation), json.dumps(steps)]
    environment = client_environment(stack, home)
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "lost=0" in told.stdout, told.stderr


@pytest.mark.parametrize("tell", [pytest.param(_helper, id="helper")])
def test_the_example_steps_are_the_episodes_array(stack: LocalStack, tmp_path: Path, tell: Telling) -> None:
    """Steps, their order, their members and the members' order and types: as they were told."""
    correlation = uuid.uuid4()
    tell(stack, tmp_path, correlation, STEPS)
    episode: Any = """SELECT a.steps::text
                      FROM agent_episodes a JOIN agent_executions e ON a.episode_id = e.execution_id
                      WHERE e.correlation_id = %(c)s AND a.status = 'success'"""

    def arrived() -> list[Any]:
        return [json.loads(steps) for (steps,) in rows(stack, episode, {"c": correlation})]

    wait_for(lambda: [len(steps) for steps in arrived()] == [len(STEPS)], "the episode with its steps")
    # Compared as text: equal objects may have their members in another order, and 12500.0 equals 12500.
    assert json.dumps(arrived()[0]) == json.dumps(STEPS)


def test_a_batch_says_how_many_it_stands_for(stack: LocalStack, tmp_path: Path) -> None:
    """A seventh member, only where it was told."""
    correlation = uuid.uuid4()
    _helper(stack, tmp_path, correlation, [STEPS[0], {**STEPS[4], "batch_size": 5}])
    steps: Any = """SELECT step FROM agent_episodes a JOIN agent_executions e ON a.episode_id = e.execution_id,
                      json_array_elements(a.steps) step WHERE e.correlation_id = %(c)s"""
    wait_for(lambda: len(rows(stack, steps, {"c": correlation})) == 2, "both steps")
    assert [step for (step,) in rows(stack, steps, {"c": correlation})] == [STEPS[0], {**STEPS[4], "batch_size": 5}]
