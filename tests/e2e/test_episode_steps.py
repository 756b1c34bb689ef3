"""The skill's example steps, told with the helper, are the array in SQL (with the command: test_shell_workflow)."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.seed_steps import STEPS
from tests.fixtures.stack import agent, client_environment, rows, wait_for

_AGENT = """
import json, sys, agent_otel
with agent_otel.execution("coder", correlation_id=sys.argv[1], description="make the build work") as run:
    for step in json.loads(sys.argv[2]):
        agent_otel.log_step(run.execution_id, **step)
print(agent_otel.flush(timeout=20))
"""


def _helper(stack: LocalStack, home: Path, correlation: uuid.UUID, steps: list[dict[str, Any]]) -> None:
    """One Python agent with `agent_otel.log_step`."""
    command = [*agent(_AGENT), str(correlation), json.dumps(steps)]
    environment = client_environment(stack, home)
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "lost=0" in told.stdout, told.stderr


def test_the_example_steps_are_the_episodes_array(stack: LocalStack, tmp_path: Path) -> None:
    """Steps, their order, their members and the members' order and types: as they were told."""
    correlation = uuid.uuid4()
    _helper(stack, tmp_path, correlation, STEPS)
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
