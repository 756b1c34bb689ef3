"""What docs/cli.md says of the answers: real calls give the same keys, in the same order, of the same types."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.stack import LocalStack
from docs.answers import ABOUT, EXAMPLES
from tests.docs.recipe import PROGRAMS
from tests.fixtures.stack import client_environment

_CALLS = {
    "progress": ["--stage", "analyzing", "--percent", "50"],
    "step": ["--tool", "cargo"],
    "complete": ["--quality-score", "0.95"],
    "verify": ["--status", "MISMATCH", "--by", "reviewer"],
    "flush": [],
}


class Shell:
    """A shell on a machine with state of its own."""

    def __init__(self, endpoint: str, environment: dict[str, str]) -> None:
        self._environment = {**environment, "AGENT_OTEL_ENDPOINT": endpoint, "AGENT_OTEL_SEND_MILLISECONDS": "20000"}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAMS / "agent-otel"), *words]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=60, stdin=-3
        )

    def answer(self, *words: str) -> dict[str, Any]:
        """The JSON object on standard output, which holds nothing else."""
        answer: dict[str, Any] = json.loads(self(*words).stdout)
        return answer


@pytest.fixture
def shell(stack: LocalStack, tmp_path: Path) -> Shell:
    """With a stack to send to."""
    return Shell(stack.endpoint, client_environment(stack, tmp_path))


@pytest.fixture
def lonely(stack: LocalStack, tmp_path: Path) -> Shell:
    """With nothing to send to."""
    return Shell(f"http://127.0.0.1:{free_port()}", client_environment(stack, tmp_path))


def _types(value: Any) -> Any:
    """Keys in order, each with its type."""
    if isinstance(value, dict):
        return [(key, _types(member)) for key, member in value.items()]
    return [_types(member) for member in value[:1]] if isinstance(value, list) else type(value)


def test_every_example_is_of_a_call_here() -> None:
    """None is left to chance; those that differ by what is there have tests of their own."""
    assert set(EXAMPLES) == {"start", *_CALLS, "exec", "hook completion", "doctor", "doctor --send-test"}


@pytest.mark.parametrize("verb", list(_CALLS))
def test_the_examples_are_what_a_call_answers(verb: str, shell: Shell) -> None:
    """An answer that says all is well."""
    started = shell.answer("start", "--agent", "agent-research")
    named = {"flush": [], "verify": [started["execution_id"]]}.get(verb, ["--execution-id", started["execution_id"]])
    assert _types(started) == _types(json.loads(EXAMPLES["start"]))
    assert _types(shell.answer(verb, *named, *_CALLS[verb])) == _types(json.loads(EXAMPLES[verb]))


def test_the_file_of_exec_is_what_the_page_shows(shell: Shell, tmp_path: Path) -> None:
    """The beginning of both lines."""
    shown = [list(json.loads(line.replace(", …", ""))) for line in EXAMPLES["exec"].splitlines()]
    shell("exec", "--json", str(tmp_path / "answers.json"), "--", "false")
    written = [json.loads(line) for line in (tmp_path / "answers.json").read_text().splitlines()]
    assert [list(answer)[: len(keys)] for answer, keys in zip(written, shown, strict=True)] == shown


def test_a_hook_answers_what_the_page_shows(shell: Shell) -> None:
    """Also of an execution of which only its id is known."""
    answer = shell.answer("hook", "completion", "code-review-specialist", "exec-123", "success")
    example = json.loads(EXAMPLES["hook completion"])
    assert _types(answer) == _types(example)
    assert answer["error"].startswith(
        example["error"].partition(": ")[0].replace(example["execution_id"], answer["execution_id"])
    )


def test_doctor_answers_what_the_page_shows(shell: Shell) -> None:
    """The report's members, and of the test execution each hop's."""
    report, example = shell.answer("doctor", "--json"), json.loads(EXAMPLES["doctor"])
    assert [(key, type(value)) for key, value in report.items()] == [(k, type(v)) for k, v in example.items()]
    assert list(report["spool"]) == list(example["spool"])
    assert list(report["hops"][0]) == list(example["hops"][0])
    tested, example = shell.answer("doctor", "--send-test", "--json"), json.loads(EXAMPLES["doctor --send-test"])
    assert list(tested) == list(example)
    assert _types(tested["hops"][0]) == _types(example["hops"][0])


def test_keys_of_trouble_follow_in_the_order_of_the_page(lonely: Shell) -> None:
    """recorded, spooled, warning, error: of a call with nothing to send to, a wrong value, and told before."""
    keys = re.findall(r"^\| `([a-z]+)` \|", ABOUT, re.MULTILINE)
    execution_id = lonely.answer("start", "--agent", "a")["execution_id"]
    lonely("complete", "--execution-id", execution_id)
    answer = lonely.answer("complete", "--execution-id", execution_id, "--quality-score", "7")
    assert list(answer)[-4:] == keys
    assert (answer["success"], answer["recorded"], answer["spooled"]) == (False, True, True)
    assert answer["warning"] == "already completed"
    assert "--quality-score '7'" in answer["error"]


def test_the_lines_of_the_page_are_real(shell: Shell, lonely: Shell) -> None:
    """The three lines of trouble that the page shows, but for the keys that it leaves out."""
    block = re.findall(r"```json\n(.*?)```", ABOUT, re.DOTALL)[0]
    spooled, rejected, repeated = (json.loads(line) for line in block.splitlines())
    real = lonely.answer("start", "--agent", "a")
    named = ["--execution-id", real["execution_id"]]
    assert re.sub(r":\d+", "", real["error"]) == re.sub(r":\d+", "", spooled["error"])
    assert (real["recorded"], real["spooled"]) == (spooled["recorded"], spooled["spooled"])
    wrong = shell.answer("progress", *named, "--stage", "s", "--percent", "101")
    assert (wrong["error"], wrong["recorded"]) == (rejected["error"], rejected["recorded"])
    assert "spooled" not in wrong
    shell("complete", *named)
    again = shell.answer("complete", *named)
    assert {name: again[name] for name in ("success", "status", "warning")} == {
        name: repeated[name] for name in ("success", "status", "warning")
    }


def test_exit_codes_are_those_of_the_page(shell: Shell, lonely: Shell) -> None:
    """0 whatever happens; with --strict 2 for a wrong argument and 3 for what was not delivered."""
    assert (lonely("start").returncode, lonely("start", "--agent", "a").returncode) == (0, 0)
    assert shell("start", "--agent", "a", "--strict").returncode == 0
    assert shell("start", "--strict").returncode == 2
    assert lonely("start", "--agent", "a", "--strict").returncode == 3
    assert lonely("exec", "--", "sh", "-c", "exit 7").returncode == 7
    assert lonely("exec", "--", "no-such-command").returncode == 127
    assert lonely("exec", "--", "/etc").returncode == 126
    assert lonely("exec").returncode == 2
    execution_id = shell.answer("start", "--agent", "a")["execution_id"]
    for machine in (shell, lonely):
        assert machine("verify", execution_id, "--status", "MATCH").returncode == 0
        assert machine("verify", execution_id, "--status", "FINE").returncode == 2
    assert lonely("verify", "no-such-name", "--status", "MATCH").returncode == 1
