"""The skill log-execution: every field of the skill that was asked for, and answers that the command really gives."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_otel.commands import hook_entries
from agent_otel.shell import options
from agent_otel.store.connection import connect
from tests.fixtures.shell import LOG_EXECUTION, Shell, environment
from tests.fixtures.sink import Sink

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "plugins" / "claude-code" / "skills" / "log-execution" / "SKILL.md"
_, HEAD, BODY = SKILL.read_text(encoding="utf-8").split("---\n", 2)
FIELDS: dict[str, Any] = yaml.safe_load(HEAD)
#: The one execution of the page.
EXECUTION = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


def blocks(language: str) -> list[str]:
    """The page's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", BODY, re.MULTILINE | re.DOTALL)


def test_the_head_keeps_every_field() -> None:
    """Name, description and what Claude Code itself reads stand outside; the rest under `metadata`, as asked for."""
    assert set(FIELDS) == {"name", "description", "argument-hint", "allowed-tools", "metadata"}
    assert FIELDS["name"] == SKILL.parent.name == "log-execution"
    assert FIELDS["description"].startswith(
        "Track agent execution in PostgreSQL for observability and intelligence gathering"
    )
    assert len(FIELDS["description"]) <= 1024
    metadata = FIELDS["metadata"]
    assert list(metadata) == ["version", "author", "category", "tags", "dependencies", "usage", "examples"]
    assert metadata["version"] == "1.0.0"
    assert metadata["category"] == "observability"
    tags = ["logging", "execution-tracking", "observability", "postgresql", "correlation-tracking"]
    assert metadata["tags"] == tags


def test_usage_and_examples_are_commands_that_work(shell: Shell, sink: Sink) -> None:
    """Every example of the head is accepted, word by word."""
    started = shell.start()
    for line in [*FIELDS["metadata"]["usage"].splitlines(), *FIELDS["metadata"]["examples"]]:
        assert line.startswith("/log-execution ")
    for example in FIELDS["metadata"]["examples"]:
        words = shlex.split(example.replace("uuid", started))[1:]
        assert shell.call(*words, command=LOG_EXECUTION).json["success"], example


def test_answers_are_those_of_the_page(shell: Shell, sink: Sink) -> None:
    """Each command of the page answers with the keys, in the order and of the types, that stand below it."""
    pairs = re.findall(r"```bash\n(.*?)```\n\n```json\n(.*?)```", BODY, re.DOTALL)
    verbs = [shlex.split(command)[1] for command, _ in pairs]
    assert verbs == ["start", "progress", "step", "complete"]
    started = ""
    for command, shown in pairs:
        words = shlex.split(command.replace(EXECUTION, started))
        assert words[0] == "log-execution"
        answer = shell.call(*words[1:], command=LOG_EXECUTION)
        assert (answer.code, answer.err) == (0, "")
        assert form(answer.json) == form(json.loads(shown)), command
        started = started or answer.json["execution_id"]
    (failed,) = [block for block in blocks("bash") if "--status error" in block]
    words = shlex.split(failed.replace(EXECUTION, shell.start()))
    assert shell.call(*words[1:], command=LOG_EXECUTION).json["status"] == "error"


def test_the_answer_without_a_receiver_is_that_of_the_page(tmp_path: Path, nowhere: str) -> None:
    """Nothing listens: it is kept, and the answer says so."""
    (shown,) = [json.loads(block) for block in blocks("json") if '"success": false' in block]
    alone = Shell(environment(nowhere, tmp_path / "state"), tmp_path)
    answer = alone.call("start", "--agent", "agent-research").json
    assert answer["error"].startswith("nothing listens on 127.0.0.1:")
    assert shown["error"].startswith("nothing listens on 127.0.0.1:")
    assert {key: answer[key] for key in ("success", "recorded", "spooled")} == {
        key: shown[key] for key in ("success", "recorded", "spooled")
    }
    assert alone.call("progress", "--execution-id", "x").json["recorded"] is False


def test_every_parameter_exists() -> None:
    """Those of the tables are options of their commands; what is called required is."""
    verb, seen = "", []
    has = {"start": options.START, "progress": options.PROGRESS, "complete": options.COMPLETE}
    has["step"] = (*options.STEP, *options.ONE_STEP)
    for row in re.findall(r"^\| (\w*) ?\| `(--[a-z-]+)[^`]*` \| (.*?) \|$", BODY, re.MULTILINE):
        verb = row[0] or verb
        (option,) = [option for option in has[verb] if option.name == row[1]]
        assert option.required or row[1] == "--execution-id" or not row[2].startswith("required")
        assert row[2].startswith("required") or not option.required
        seen.append(verb)
    assert {*seen} == {*has}


@pytest.mark.parametrize("statement", [s for block in blocks("sql") for s in block.split(";") if s.strip()])
def test_its_sql_runs(statement: Any, database_url: str) -> None:
    """On a migrated database; and the view has the columns that are named."""
    with connect(database_url, application="test") as connection:
        connection.execute(statement)
        columns = [c.name for c in connection.execute("SELECT * FROM agent_execution_logs").description or ()]
    named = re.sub(r"\s+", " ", BODY).partition("`agent_execution_logs` has ")[2].partition(";")[0]
    assert re.split(r", | and ", named) == columns


def test_it_is_in_the_package_once() -> None:
    """The plugin's files are the package's, by a link: what is installed and what is committed cannot differ."""
    assert hook_entries.PLUGIN.is_symlink()
    assert (hook_entries.PLUGIN / "skills" / "log-execution" / "SKILL.md").samefile(SKILL)
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["agent_otel"]
    packed = {path for pattern in data for path in (ROOT / "src" / "agent_otel").glob(pattern)}
    assert {hook_entries.PLUGIN / "skills/log-execution/SKILL.md", hook_entries.PLUGIN / "hooks/hooks.json"} <= packed


def form(answer: Any) -> Any:
    """Keys in their order, and types."""
    return [(key, form(value)) for key, value in answer.items()] if isinstance(answer, dict) else type(answer)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that takes everything."""
    with Sink() as running:
        yield running


@pytest.fixture
def shell(sink: Sink, tmp_path: Path) -> Shell:
    """A shell whose calls are delivered."""
    return Shell(environment(sink.endpoint, tmp_path / "state"), tmp_path)
