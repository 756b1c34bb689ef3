"""What callers say of intent, output and resources is read in the view, with the types that it was said in."""

import json
import uuid
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span

INTENT = {
    s.INTENT_REASONING: "knows the code",
    s.EXPECTED_OUTCOME: "no open findings",
    s.SUCCESS_CRITERIA: ["tests pass", "lint passes"],
    s.RISK: "may take long",
    s.AGENT_CONFIGURATION: json.dumps({"temperature": 0.5, "tools": ["Read"]}),
}
OUTPUT = {
    s.FILES_MODIFIED_COUNT: 3,
    s.COMMANDS_EXECUTED: ["make test", "git push"],
    s.API_CALLS: ["github"],
    s.TESTS_RUN: 12,
    s.ISSUES_FOUND: 0,
    s.OUTPUT_STRUCTURED: '[{"type": "text", "content": "kept as sent"}]',
    s.MEMORY_MAX_BYTES: 2**33,
    s.CPU_TIME_S: 1.25,
}
EXPECTED = {
    "reasoning": "knows the code",
    "expected_outcome": "no open findings",
    "success_criteria": ["tests pass", "lint passes"],
    "risk_assessment": "may take long",
    "agent_configuration": {"temperature": 0.5, "tools": ["Read"]},
    "structured_data": '[{"type": "text", "content": "kept as sent"}]',
    "files_modified_count": 3,
    "commands_executed": ["make test", "git push"],
    "api_calls": ["github"],
    "tests_run": 12,
    "issues_found": 0,
    "memory_max_bytes": 2**33,
    "cpu_time_s": 1.25,
}


def _execution(url: str, execution_id: uuid.UUID) -> dict[str, Any]:
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        statement = "SELECT * FROM agent_executions WHERE execution_id = %s"
        return cursor.execute(statement, [execution_id]).fetchall()[0]


@pytest.mark.parametrize("start_first", [True, False])
@pytest.mark.parametrize("end", ["event", "span"])
def test_intent_of_the_start_and_output_of_the_end_are_one_row(database_url: str, end: str, start_first: bool) -> None:
    """The start says what is meant, the end what came; either first."""
    execution_id = uuid.uuid4()
    said = {**OUTPUT, s.EXECUTION_STATUS: "success"}
    batches = [
        event(execution_id, s.EVENT_STARTED, 0, INTENT),
        final_span(execution_id, 9, said) if end == "span" else event(execution_id, s.EVENT_COMPLETED, 9, said),
    ]
    writer = Writer(database_url)
    for batch in batches if start_first else reversed(batches):
        writer.write(batch)
    writer.close()
    found = _execution(database_url, execution_id)
    assert {name: found[name] for name in EXPECTED} == EXPECTED


def test_named_files_are_counted_where_no_count_is_stated(database_url: str) -> None:
    """A stated count stands; else the files that were named are counted; else nothing is known."""
    writer = Writer(database_url)
    for values, count in (
        ({s.FILES_MODIFIED: ["a", "b"]}, 2),
        ({s.FILES_MODIFIED: ["a", "b"], s.FILES_MODIFIED_COUNT: 7}, 7),
        ({}, None),
    ):
        execution_id = uuid.uuid4()
        writer.write(final_span(execution_id, 9, values))
        assert _execution(database_url, execution_id)["files_modified_count"] == count
    writer.close()


def test_an_earlier_end_does_not_lend_its_structured_result(database_url: str) -> None:
    """As result: the highest end decides, even when it has none."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    writer.write(event(execution_id, s.EVENT_COMPLETED, 1, {s.OUTPUT_STRUCTURED: "{}"}))
    writer.write(event(execution_id, s.EVENT_COMPLETED, 2, {}))
    assert _execution(database_url, execution_id)["structured_data"] is None
    writer.close()
