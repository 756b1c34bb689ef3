"""The seeds' examples, word for word, through the command: what it prints, the row, the trace, the steps."""

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.test_identity import spans_in_jaeger
from tests.fixtures.seed_steps import STEPS
from tests.fixtures.shell import AGENT_OTEL, LOG_EXECUTION, Shell, environment
from tests.fixtures.stack import rows, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

#: The thirteen columns of the skill, in its order.
COLUMNS = [
    "execution_id",
    "correlation_id",
    "session_id",
    "agent_name",
    "user_prompt",
    "started_at",
    "completed_at",
    "duration_ms",
    "status",
    "error_message",
    "error_type",
    "quality_score",
    "metadata",
]


@pytest.fixture
def shell(stack: LocalStack, tmp_path: Path) -> Shell:
    """A shell on the stack."""
    return Shell(environment(stack.endpoint, tmp_path / "home"), tmp_path)


def run(shell: Shell, command: str, *arguments: str) -> dict[str, Any]:
    """One call that must go well and say nothing beside its answer."""
    answer = shell.call(*arguments, command=command)
    assert (answer.code, answer.err) == (0, ""), answer
    return answer.json


def log_row(stack: LocalStack, execution_id: str) -> Mapping[str, Any]:
    """The execution's row, once it has its end."""
    query = "SELECT * FROM agent_execution_logs WHERE execution_id = %(id)s AND status <> 'in_progress'"
    wait_for(lambda: len(rows(stack, query, {"id": execution_id})) == 1, "the execution's row")
    names = """SELECT column_name FROM information_schema.columns
               WHERE table_name = 'agent_execution_logs' ORDER BY ordinal_position"""
    found = [name for (name,) in rows(stack, names)]
    assert found == COLUMNS
    return dict(zip(found, rows(stack, query, {"id": execution_id})[0], strict=True))


@pytest.mark.parametrize("command", [AGENT_OTEL, LOG_EXECUTION], ids=["agent-otel", "log-execution"])
def test_the_seeds_workflow_prints_the_seeds_json(stack: LocalStack, shell: Shell, command: str) -> None:
    """Members, types and order of every answer; one row; one span in Jaeger with the stages as its events."""
    started = run(shell, command, "start", "--agent", "agent-code-generator", "--description", "Generate ONEX node")
    assert list(started) == ["success", "execution_id", "started_at", "correlation_id", "session_id"]
    assert started["success"] is True
    assert all(uuid.UUID(started[name]) for name in ("execution_id", "correlation_id", "session_id"))
    assert TIME.fullmatch(started["started_at"])
    own = ("--execution-id", started["execution_id"])

    for stage, percent in (("analyzing", 30), ("generating", 70)):
        progress = run(shell, command, "progress", *own, "--stage", stage, "--percent", str(percent))
        updated = progress["progress"].pop("updated_at")
        assert TIME.fullmatch(updated)
        expected = {
            "success": True,
            "execution_id": started["execution_id"],
            "agent_name": "agent-code-generator",
            "stage": stage,
            "progress": {"stage": stage, "percent": percent},
        }
        assert json.dumps(progress) == json.dumps(expected)

    completed = run(shell, command, "complete", *own, "--status", "success", "--quality-score", "0.90")
    members = ["success", "execution_id", "agent_name", "status", "duration_ms", "started_at", "completed_at"]
    assert list(completed) == members
    assert type(completed["duration_ms"]) is int
    assert completed["started_at"] == started["started_at"]
    assert TIME.fullmatch(completed["completed_at"])
    assert [completed[name] for name in members[:4]] == [
        True,
        started["execution_id"],
        "agent-code-generator",
        "success",
    ]

    row = log_row(stack, started["execution_id"])
    assert str(row["execution_id"]) == started["execution_id"]
    assert str(row["correlation_id"]) == started["correlation_id"]
    assert row["session_id"] == started["session_id"]
    assert (row["agent_name"], row["user_prompt"]) == ("agent-code-generator", "Generate ONEX node")
    assert f"{row['started_at']:%Y-%m-%dT%H:%M:%SZ}" == started["started_at"]
    assert f"{row['completed_at']:%Y-%m-%dT%H:%M:%SZ}" == completed["completed_at"]
    assert row["duration_ms"] == completed["duration_ms"]
    assert (row["status"], row["error_message"], row["error_type"]) == ("success", None, None)
    assert (row["quality_score"], row["metadata"]) == (0.9, None)

    trace = uuid.UUID(started["correlation_id"])
    wait_for(lambda: len(spans_in_jaeger(stack, trace)) == 1, "the trace in Jaeger")
    (span,) = spans_in_jaeger(stack, trace).values()
    assert span.name == "invoke_agent agent-code-generator"
    stages = [
        {pair.key: pair.value for pair in event.attributes}["aotel.progress.stage"].string_value
        for event in span.events
        if event.name == "aotel.execution.progress"
    ]
    assert stages == ["analyzing", "generating"]


def test_the_seeds_failure_is_an_error(stack: LocalStack, shell: Shell) -> None:
    """`complete --status error --error-message "API timeout"`, with the session and metadata that were given."""
    session = str(uuid.uuid4())
    execution_id = shell.start(
        "--description", "Research Claude Code skills", "--session-id", session, "--metadata", '{"key": "value"}'
    )
    own = ("--execution-id", execution_id)
    shell.delivered("progress", *own, "--stage", "gathering-docs", "--percent", "50", "--metadata", '{"docs": 3}')
    ended = shell.delivered(
        "complete", *own, "--status", "error", "--error-message", "API timeout", "--metadata", '{"tries": [1, 2]}'
    )
    assert ended["status"] == "error"
    row = log_row(stack, execution_id)
    assert (row["status"], row["error_message"], row["session_id"]) == ("error", "API timeout", session)
    assert row["metadata"] == {"key": "value", "docs": 3, "tries": [1, 2]}


@pytest.mark.parametrize("told", ["options", "lines", "log-execution"])
def test_the_seeds_steps_are_an_array_in_the_episode(stack: LocalStack, shell: Shell, told: str) -> None:
    """Five calls with options, or five lines of JSON: the seed's members, its order, its values."""
    execution_id = shell.start()
    own = ("--execution-id", execution_id)
    command = LOG_EXECUTION if told == "log-execution" else AGENT_OTEL
    if told == "lines":
        answers = [shell.delivered("step", *own, "--stdin", stdin="".join(json.dumps(step) + "\n" for step in STEPS))]
    else:
        answers = [run(shell, command, "step", *own, *options(step)) for step in STEPS]
    for answer in answers:
        assert list(answer) == ["success", "execution_id", "agent_name", "steps"]
        assert all(re.fullmatch("[0-9a-f]{16}", step) for step in answer["steps"])
    assert len({step for answer in answers for step in answer["steps"]}) == len(STEPS)
    shell.delivered("complete", *own)

    query = "SELECT steps::text FROM agent_episodes WHERE episode_id = %(id)s AND status = 'success'"
    wait_for(lambda: len(rows(stack, query, {"id": execution_id})) == 1, "the episode")
    ready: Any = "SELECT json_array_length(steps::json) FROM agent_episodes WHERE episode_id = %(id)s"
    wait_for(lambda: rows(stack, ready, {"id": execution_id}) == [(len(STEPS),)], "the steps")
    ((steps,),) = rows(stack, query, {"id": execution_id})
    assert json.dumps(json.loads(steps)) == json.dumps(STEPS)


def options(step: Mapping[str, Any]) -> list[str]:
    """A step of the seed as the command's options."""
    given = {name: value for name, value in step.items() if value is not None}
    spelled = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
    return [part for name, value in spelled.items() for part in (f"--{name.replace('_', '-')}", value)]
