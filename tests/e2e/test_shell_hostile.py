"""Hostile ids and texts, as arguments and as lines of JSON: one object on stdout, nothing outside the state folder."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.shell_records import wait_for_end
from tests.fixtures.folder_tree import tree
from tests.fixtures.shell import AGENT_OTEL, Answer, Shell, environment
from tests.fixtures.stack import rows, wait_for

HOSTILE = {
    "above": "../../x",
    "absolute": "/tmp/agent-otel-hostile",  # noqa: S108 - must not be made
    "4 KB": "a" * 4096,
    "newline": "a\nb",
    "escape": "\x1b[2J\x07",
    "quotes": "\"'; DROP TABLE spans; --",
    "surrogate": os.fsdecode(b"\xff\xfe"),
    "empty": "",
}
every_hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def shell(stack: LocalStack, folder: Path) -> Shell:
    """A shell whose home, working directory and state all lie in one folder."""
    return Shell(environment(stack.endpoint, folder / "home" / "deep", HOME=str(folder)), folder)


def check_answer(answer: Answer) -> dict[str, Any]:
    """Exit code 0, one JSON object, on stderr only lines of ours without control characters."""
    assert answer.code == 0, answer
    for line in answer.err.splitlines():
        assert line.startswith("agent-otel "), answer
        assert line.isprintable(), answer
    return answer.json


@every_hostile
def test_a_hostile_id_stays_inside(stack: LocalStack, tmp_path: Path, text: str) -> None:
    """As execution id of every verb: refused, said, nothing made outside; only a start is recorded, under its own."""
    caller = shell(stack, tmp_path)
    good = caller.start()
    state = caller.home / "state"
    before = tree(tmp_path, state / "spool", state / "executions")
    calls = (
        ["start", "--agent", "prover"],
        ["progress", "--stage", "s"],
        ["step", "--tool", "t", "--action", "a"],
        ["complete"],
    )
    for call in calls:
        answer = caller.call(*call, "--execution-id", text)
        told = check_answer(answer)
        assert told["success"] is False, answer
        assert told["recorded"] is (call[0] == "start"), answer
        assert "execution-id" in told["error"], answer
        assert answer.err, answer
    assert tree(tmp_path, state / "spool", state / "executions") == before
    assert all(uuid.UUID(path.name.partition(".")[0]) for path in (state / "executions").iterdir())
    assert not Path("/tmp/agent-otel-hostile").exists()  # noqa: S108
    caller.delivered("complete", "--execution-id", good)
    wait_for_end(stack, good)


@every_hostile
def test_other_hostile_texts_are_only_texts(stack: LocalStack, tmp_path: Path, text: str) -> None:
    """As agent, session, correlation, stage, step's name and another system's id: one JSON object, nothing outside."""
    caller = shell(stack, tmp_path)
    good = caller.start()
    state = caller.home / "state"
    before = tree(tmp_path, state / "spool", state / "executions")
    own = ("--execution-id", good)
    for call in (
        ["start", "--agent", text],
        ["start", "--agent", "prover", "--session-id", text],
        ["start", "--agent", "prover", "--correlation-id", text],
        ["start", "--agent", "prover", "--parent-execution-id", text],
        ["start", "--agent", "prover", "--traceparent", text],
        ["progress", *own, "--stage", text],
        ["progress", *own, "--stage", "s", "--percent", text],
        ["progress", *own, "--stage", "s", "--metadata", text],
        ["step", *own, "--tool", text, "--action", text, "--observation", text],
        ["hook", "completion", "prover", text, "success"],
        ["hook", "completion", text, str(uuid.uuid4()), "success"],
    ):
        check_answer(caller.call(*call))
    assert tree(tmp_path, state / "spool", state / "executions") == before
    assert all(uuid.UUID(path.name.partition(".")[0]) for path in (state / "executions").iterdir())
    caller.delivered("complete", *own)
    wait_for_end(stack, good)


def test_hostile_lines_cost_only_themselves(stack: LocalStack, tmp_path: Path) -> None:
    """Steps as lines of JSON with NUL, newlines, 4 KB, wrong types and no JSON at all between good ones."""
    caller = shell(stack, tmp_path)
    execution_id = caller.start()
    good = {"tool": "cargo", "action": "build", "success": True}
    lines = [
        json.dumps(good),
        json.dumps({**good, "tool": "nul \0 and\nnewline", "step_id": "../../x"}),
        json.dumps({**good, "step_id": "\0"}),
        json.dumps({**good, "observation": "b" * 4096, "step_id": "c" * 4096}),
        "not json",
        "[]",
        "null",
        '{"tool": ',
        json.dumps({**good, "latency_ms": "slow", "tokens": -1, "batch_size": 10**30}),
        json.dumps({**good, "execution_id": "../../x"}),
        '{"tool": "torn',
        '{"tool"',
        "{'tool': 1}",
        json.dumps({**good, "action": "too long" * 2**21}),
        json.dumps({**good, "unknown": {"deep": [1]}}),
        "[" * 100_000,
        "",
        json.dumps({**good, "tool": "last"}),
    ]
    before = tree(tmp_path, caller.home)
    answer = caller.call("step", "--execution-id", execution_id, "--stdin", stdin="\n".join(lines) + "\n")
    told = check_answer(answer)
    assert told["success"] is False, answer
    assert answer.err, answer
    assert tree(tmp_path, caller.home) == before
    query: Any = "SELECT tool FROM agent_execution_steps WHERE execution_id = %(id)s"
    expected = {"cargo", "last"}
    wait_for(lambda: expected <= {tool for (tool,) in rows(stack, query, {"id": execution_id})}, "the good steps")
    wait_for(lambda: len(rows(stack, query, {"id": execution_id})) == len(told["steps"]), "all that were printed")


@pytest.mark.parametrize("broken", ["{", '{"a": "torn', '{"a"', "[1]", "nul", "{'a': 1}", '{"a": 1,}', "\\"])
def test_broken_metadata_costs_only_itself(stack: LocalStack, tmp_path: Path, broken: str) -> None:
    """The rest is recorded, what could not be used is kept as it was."""
    caller = shell(stack, tmp_path)
    answer = caller.call("start", "--agent", "prover", "--metadata", broken)
    told = check_answer(answer)
    assert (told["success"], told["recorded"]) == (False, True), answer
    assert "--metadata" in told["error"]
    query: Any = "SELECT metadata FROM agent_executions WHERE execution_id = %(id)s"
    expected = [({"rejected": {"metadata": broken}},)]
    wait_for(lambda: rows(stack, query, {"id": told["execution_id"]}) == expected, "the rejected value")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(stack: LocalStack, tmp_path: Path, closed: str) -> None:
    """As cron jobs and daemons may have them: nothing is printed into our own files, and the exit code stays 0."""
    caller = shell(stack, tmp_path)
    execution_id = str(uuid.uuid4())
    own = f"--execution-id {execution_id}"
    for verb in ("start --agent prover", "progress --stage there", "step --stdin", "complete"):
        # A shell, because only one can start a program with its streams closed.
        script = f"{AGENT_OTEL} {verb} {own} {closed}"
        if closed != "<&-":
            script = f'echo \'{{"tool": "cargo"}}\' | {script}'
        finished = subprocess.run(
            ["sh", "-c", script], env=caller.environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished
        assert "Traceback" not in finished.stderr, finished
    wait_for_end(stack, execution_id)
    for path in (caller.home / "state").rglob("*"):
        assert not path.is_file() or b'"success"' not in path.read_bytes(), path
