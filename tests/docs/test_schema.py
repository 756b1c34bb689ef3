"""docs/schema.md says where every required field stands, and its questions have answers."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent_otel import semconv
from agent_otel.exporter.values import KNOWN
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from docs import seed_fields
from docs.questions import QUESTIONS
from tests.fixtures import mandatory, seed_schemas
from tests.fixtures.executions import START_NS, event
from tests.fixtures.notes import verdict

_PAGE = Path(__file__).parents[2] / "docs" / "schema.md"
_HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        (seed_fields.LOG_EXECUTION, seed_schemas.log_execution_fields),
        (seed_fields.AGENT_EXECUTION, seed_schemas.agent_execution_fields),
        (seed_fields.MANDATORY, seed_schemas.mandatory_fields),
        (seed_fields.EXECUTION_STEP, seed_schemas.execution_step_fields),
    ],
    ids=["log-execution", "AgentExecution", "mandatory fields", "ExecutionStep"],
)
def test_every_required_field_has_a_row(
    database_url: str, fields: tuple[seed_fields.SeedField, ...], asked: Callable[[], list[str]]
) -> None:
    """In the schema's order: an attribute of semconv.py or where else it comes from, and a column that is there."""
    assert [field.path for field in fields] == asked()
    for field in fields:
        assert field.attributes or field.source
        assert set(field.attributes) <= KNOWN
    with connect(database_url, application="test") as connection:
        found = connection.execute(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = 'agent_otel'::regnamespace AND c.relkind = 'v'"
        ).fetchall()
    assert {seed_fields.split(field) for field in fields} <= set(found)


def test_columns_carry_the_names_that_were_asked_for() -> None:
    """In agent_executions, agent_execution_logs, or the view of the list that the field stands in: snake_case."""
    renamed = {
        "timestamp": "started_at",  # of a step
        "error": "error_message",
        "filesModified": "files_modified_count",  # a number in one schema, the list in another
        "status": "verification_status",
        "name": "name",
    }
    for fields in seed_fields.SCHEMAS.values():
        for field in fields:
            asked, (_, column) = field.path.rpartition(".")[2], seed_fields.split(field)
            snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in asked)
            assert column in (snake, renamed.get(asked))


def test_the_page_ends_with_ten_questions() -> None:
    """Each with its statement, to be copied."""
    text = _PAGE.read_text(encoding="utf-8")
    assert len(QUESTIONS) == 10
    assert text.rstrip().endswith("```")
    for question, statement in QUESTIONS.items():
        assert f"### {question}\n\n```sql\n{statement}\n```" in text


@pytest.fixture(scope="module")
def recent() -> int:
    """An hour ago, in whole milliseconds, as nanoseconds."""
    return (time.time_ns() - _HOUR) // 10**6 * 10**6


@pytest.fixture
def filled_url(database_url: str, recent: int) -> str:
    """A database in which somebody worked within the last hour and is working now."""
    criteria = {semconv.SUCCESS_CRITERIA: ["tests pass"], semconv.TRIGGERED_BY: "user"}
    written = mandatory.execution(recent, criteria)
    shift = time.time_ns() - START_NS
    with closing(Writer(database_url)) as writer:
        for batch in written.batches:
            writer.write(batch)
        later = {semconv.SUCCESS_CRITERIA: ["tests pass", "lint passes"]}
        writer.write(event(written.execution_id, semconv.EVENT_PROGRESS, recent - START_NS + 10**6, later))
        writer.write(verdict("MISMATCH", shift, expected_vs_actual="no tests ran").record(written.execution_id))
        running = mandatory.execution(recent - _HOUR)
        writer.write(event(running.execution_id, semconv.EVENT_STARTED, shift, {semconv.GEN_AI_AGENT_NAME: "b"}))
    return database_url


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(filled_url: str, question: str) -> None:
    """As a reader asks it, on rows that were written as any others are."""
    with connect(filled_url, application="test") as connection:
        connection.execute("SET ROLE agent_otel_reader")
        assert connection.execute(QUESTIONS[question]).fetchall()
