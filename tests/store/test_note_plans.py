"""Columns that take more than an execution's own row cost only those who select them; notes are found by their keys."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any, LiteralString

import pytest

from agent_otel import semconv as s
from agent_otel.store.connection import Connection, connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.notes import Said, noted_span, verdict

_EXECUTIONS = 1_000
_HOUR = 3_600 * 10**9
#: Functions of routines/31_executions.sql that read more than the row.
_READING = ("actions_of", "tools_of", "errors_of", "notes_of", "learned", "last_learned")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A database with executions, each with a verdict and an issue, and statistics about them."""
    batch = Batch()
    for number in range(_EXECUTIONS):
        said = [
            verdict("MISMATCH" if number % 100 == 0 else "MATCH", number * _HOUR, expected_vs_actual="x"),
            Said(s.EVENT_ISSUE, number * _HOUR, {s.ISSUE_DESCRIPTION: "y"}, uuid.uuid4()),
        ]
        values = {s.EXECUTION_STATUS: "success", s.GEN_AI_AGENT_NAME: f"agent-{number % 5}"}
        batch.extend(noted_span(uuid.UUID(int=number * 2**80 + number, version=4), number + 1, values, said))
    with closing(Writer(database_url)) as writer:
        writer.write(batch)
    with connect(database_url, application="test", autocommit=True) as connection:
        connection.execute("ANALYZE")
        yield connection


def explained(connection: Connection, statement: LiteralString) -> str:
    """The plan, with what each node gives."""
    ((plan,),) = connection.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {statement}").fetchall()
    return json.dumps(plan)


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a plan that was measured."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_light_columns_read_no_notes(connection: Connection) -> None:
    """The figures that reports and panels are made of, the verdict's status among them, are read off the row."""
    plan = explained(
        connection,
        "SELECT execution_id, agent_name, status, started_at, duration_ms, total_tokens, cost_usd, quality_score,"
        " prompt, result, files_modified, success_criteria, criteria_changed, verification_status, completeness,"
        " user_request, configuration, resource_usage, tokens_used FROM agent_executions",
    )
    assert "execution_notes" not in plan
    assert not [name for name in _READING if name in plan]


@pytest.mark.parametrize(
    "column", ["expected_vs_actual", "verified_by", "issues", "actions_taken", "tools_used", "errors"]
)
def test_heavy_columns_are_worked_out_for_the_rows_that_are_asked_for(connection: Connection, column: str) -> None:
    """Only those: the newest twenty of thousands do not pay for the others."""
    statement = f"SELECT {column} FROM agent_executions ORDER BY started_at DESC LIMIT 20"  # noqa: S608 - of the table above
    ((explanation,),) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}").fetchall()  # type: ignore[call-overload,unused-ignore]
    read = [node for node in nodes(explanation[0]["Plan"]) if node.get("Relation Name") == "execution_notes"]
    assert all(node["Actual Loops"] <= 20 for node in read)
    scanned = [node for node in nodes(explanation[0]["Plan"]) if node.get("Relation Name") == "executions"]
    assert [node["Actual Rows"] for node in scanned] == [20]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT * FROM agent_refuted_successes", "executions_refuted"),
        (
            "SELECT * FROM agent_issues WHERE noted_at >= '2025-12-10' AND noted_at < '2025-12-11'",
            "execution_notes_noted_at",
        ),
        (
            "SELECT * FROM agent_verifications WHERE execution_id = '{00000001000040008000000000000000}'",
            "execution_notes_pkey",
        ),
        (
            "SELECT expected_vs_actual FROM agent_executions WHERE execution_id = '{00000001000040008000000000000000}'",
            "execution_notes_pkey",
        ),
    ],
)
def test_notes_are_found_by_an_index(connection: Connection, statement: LiteralString, index: str) -> None:
    """By execution, by time, and those that count most by a small one of their own."""
    assert index in explained(connection, statement)
