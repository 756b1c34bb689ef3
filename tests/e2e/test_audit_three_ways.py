"""Every mandatory field, told in three ways, is the same document in SQL: the one that was written.

The values are new in each run; AUDIT_STORY_SEED repeats one.
"""

import copy
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from tests.e2e import audit_by_otlp, audit_by_shell
from tests.fixtures import audit_seed, seed_schemas
from tests.fixtures.audit_story import MEASURED, Story, story
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import client_environment, rows, wait_for

SEED: Final = int(os.environ.get("AUDIT_STORY_SEED") or uuid.uuid4().int % 1_000_000)
ROUNDS: Final = int(os.environ.get("AUDIT_STORIES", "2"))
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

#: Columns of agent_executions whose name is not the last part of the seed's path.
COLUMNS: Final = {"agent_metadata.name": "name", "verification.status": "verification_status"}

Row = Mapping[str, Any]

#: An execution whose span and verdict are there: how many learnings, issues and steps.
_ARRIVED: Final = """
  SELECT (SELECT count(*) FROM agent_learning WHERE execution_id = %(id)s),
         (SELECT count(*) FROM agent_issues WHERE execution_id = %(id)s),
         (SELECT count(*) FROM agent_execution_steps WHERE execution_id = %(id)s)
  FROM agent_executions e
  JOIN spans s ON s.trace_id = e.correlation_id AND span_hex(s.span_id) = e.span_id
  WHERE e.execution_id = %(id)s AND e.status <> 'in_progress' AND e.verdicts = 1"""


def by_helpers(stack: LocalStack, told: Story, folder: Path) -> str:
    """Through the Python helpers, in a process of its own."""
    path = folder / "story.json"
    path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    program = [sys.executable, "-m", "tests.e2e.audit_helpers_agent", str(path)]
    environ = client_environment(stack, folder / "home")
    ended = subprocess.run(program, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "agent_otel" not in ended.stderr, ended.stderr
    return ended.stdout.strip()


def by_shell(stack: LocalStack, told: Story, folder: Path) -> str:
    """Through the command, a process a call."""
    return audit_by_shell.write(told, Shell(environment(stack.endpoint, folder / "home"), folder))


def by_otlp(stack: LocalStack, told: Story, folder: Path) -> str:
    """By hand."""
    assert folder.is_dir()
    return audit_by_otlp.write(told, stack.endpoint)


WAYS: Final[Mapping[str, Callable[[LocalStack, Story, Path], str]]] = {
    "helpers": by_helpers,
    "shell": by_shell,
    "otlp": by_otlp,
}


def read(stack: LocalStack, told: Story, execution_id: str) -> tuple[dict[str, Any], Row]:
    """The document that SQL makes of the rows, and the row of agent_executions, once all has arrived."""
    expected = (1, len(told.document["issues"]), len(told.steps))
    with connect(stack.database_url, application="test", autocommit=True) as connection:
        wait_for(lambda: connection.execute(_ARRIVED, {"id": execution_id}).fetchone() == expected, "the execution")
        document = "SELECT document FROM agent_execution_documents WHERE execution_id = %(id)s"
        ((found,),) = connection.execute(document, {"id": execution_id}).fetchall()
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute("SELECT * FROM agent_executions WHERE execution_id = %(id)s", {"id": execution_id})
            (columns,) = row.fetchall()
    connection.close()
    return found, columns


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Without what is minted or measured, which is examined here instead."""
    rest = copy.deepcopy(document)
    for path in MEASURED:
        *inside, name = path.split(".")
        member = rest
        for one in inside:
            member = member[one]
        member[name] = None
    for action in rest["execution"]["actions_taken"]:
        action["timestamp"] = None
    return rest


def expected(told: Story) -> dict[str, Any]:
    """What was written, as it must come back: a configuration that is a JSON object comes as that object."""
    document = comparable(told.document)
    configuration = document["agent_metadata"]["configuration"]
    if configuration.startswith("{") and configuration.endswith("}"):
        document["agent_metadata"]["configuration"] = json.loads(configuration)
    return document


def by_columns(row: Row) -> dict[str, Any]:
    """The document, built from the columns that have the seed's names."""
    document: dict[str, Any] = {}
    for path in audit_seed.paths():
        if "[]" in path:
            continue  # members of a list of objects, which is a column
        *inside, name = path.split(".")
        member = document
        for one in inside:
            member = member.setdefault(one, {})
        member[name] = row[COLUMNS.get(path, name)]
    lists = [document["output"], document["verification"], document["learning"]]
    for member in lists:
        for name in member:
            if isinstance(_seed_member(name), list) and member[name] is None:
                member[name] = []
    document["agent_metadata"]["tools_available"] = [
        tool["name"] for tool in json.loads(document["agent_metadata"]["tools_available"])
    ]
    document["output"]["structured_data"] = json.loads(document["output"]["structured_data"])
    return document


def _seed_member(name: str) -> Any:
    seed = audit_seed.document()
    return next(group[name] for group in seed.values() if isinstance(group, dict) and name in group)


def assert_measured(document: dict[str, Any], execution_id: str, way: str) -> None:
    """What is minted or measured is there and makes sense."""
    assert document["execution_id"] == execution_id
    times = [document["timestamp_start"], document["timestamp_end"]]
    assert all(TIME.fullmatch(time) for time in times)
    began, ended = map(datetime.fromisoformat, times)
    assert abs((ended - began).total_seconds() * 1000 - document["duration_ms"]) <= 1
    usage = document["execution"]["resource_usage"]
    # Calls of a command cannot know what the agent between them used; `exec` does, in the test below.
    assert (usage is None) == (way == "shell")
    if usage is not None:
        assert usage["cpu_time_s"] >= 0
        assert usage["memory_max_bytes"] > 1_000_000
    for action in document["execution"]["actions_taken"]:
        assert TIME.fullmatch(action["timestamp"])


def assert_other_schemas(told: Story, row: Row) -> None:
    """Fields of AgentExecution that the document has not."""
    names = ("priority", "triggered_by", "tokens_used", "tests_run", "issues_found", "error_type", "error_message")
    assert {name: row[name] for name in ("status", *names)} == {name: told.more[name] for name in ("status", *names)}
    assert set(audit_seed.execution_columns()) <= set(row)
    assert str(row["parent_execution_id"]) == told.more["parent_execution_id"]
    assert row["prompt"] == told.document["delegation"]["prompt_sent"]
    assert row["context"] == told.document["delegation"]["context_provided"]
    assert row["files_modified_count"] == (len(told.document["output"]["files_modified"]) or None)
    assert row["output_size"] == len(told.document["output"]["raw_response"])
    assert row["tools_used"] == list(dict.fromkeys(a["tool"] for a in told.document["execution"]["actions_taken"]))
    stated = {"type": told.more["error_type"], "message": told.more["error_message"]}
    failed = {name: value for name, value in stated.items() if value is not None}
    assert row["errors"] == ([failed] if failed else [])
    assert row["agent_type"] == row["name"]
    assert row["start_time"] == round(row["timestamp"].timestamp() * 1000 - 0.5)
    assert row["end_time"] - row["start_time"] - row["duration"] in (-1, 0, 1)
    measured = row["memory_max_bytes"]
    assert row["memory_usage"] == (None if measured is None else measured / 1e6)
    assert (row["child_executions"], row["parallel_with"]) == ([], [])
    assert (row["success_criteria"] or []) == told.more["criteria"]
    assert row["criteria_changed"] is False
    assert row["verified_by"] == told.more["verified_by"]


def assert_steps(stack: LocalStack, told: Story, execution_id: str) -> None:
    """Every field of an ExecutionStep."""
    columns = sql.SQL(", ").join(map(sql.Identifier, seed_schemas.execution_step_fields()))
    query = sql.SQL("SELECT {} FROM agent_execution_steps WHERE execution_id = %(id)s ORDER BY sequence")
    found = rows(stack, query.format(columns), {"id": execution_id})
    actions = told.document["execution"]["actions_taken"]
    steps = [{**action, **details} for action, details in zip(actions, told.steps, strict=True)]
    assert found == [tuple(step[name] for name in seed_schemas.execution_step_fields()) for step in steps]


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_the_document_is_what_was_written_in_each_way(stack: LocalStack, tmp_path: Path, seed: int) -> None:
    """By helpers, by the command and by hand: as written, in SQL's document and column by column, thrice the same."""
    told = story(seed)
    documents = {}
    for way, write in WAYS.items():
        folder = tmp_path / way
        folder.mkdir()
        execution_id = write(stack, told, folder)
        document, row = read(stack, told, execution_id)
        assert_measured(document, execution_id, way)
        assert_other_schemas(told, row)
        assert_steps(stack, told, execution_id)
        documents[way] = comparable(document)
        assert documents[way] == expected(told), way
        assert comparable(by_columns(row)) == expected(told), way
        assert names(documents[way]) == names(expected(told)), way
    assert documents["helpers"] == documents["shell"] == documents["otlp"]


def names(value: Any) -> Any:
    """The names of members in their order, inside each other."""
    if isinstance(value, dict):
        return [(name, names(member)) for name, member in value.items() if name != "configuration"]
    return [names(member) for member in value] if isinstance(value, list) else None
