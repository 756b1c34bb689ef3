"""Verdicts and evaluations may come any time from anybody: the one told last stands, and none is a sign of life."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span
from tests.fixtures.notes import Said, evaluation, noted_span, verdict

_DAY = 86_400 * 10**9


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer to the test's database."""
    with closing(Writer(database_url)) as writing:
        yield writing


def execution(url: str, execution_id: uuid.UUID, abandoned_after: str = "100 years") -> dict[str, Any]:
    """The one row of an execution in agent_executions."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SELECT set_config('agent_otel.abandoned_after', %s, false)", [abandoned_after])
        (found,) = cursor.execute("SELECT * FROM agent_executions WHERE execution_id = %s", [execution_id]).fetchall()
        return found


@pytest.mark.parametrize(
    "said",
    [
        verdict("MATCH", 100_000 * _DAY // 1000),
        evaluation("accuracy", 100 * _DAY, "HIGH"),
        Said(s.EVENT_LEARNING, 100 * _DAY, {}, uuid.uuid4()),
        Said(s.EVENT_ISSUE, 100 * _DAY, {s.STATED_BY: "a person"}, uuid.uuid4()),
    ],
    ids=lambda said: said.name,
)
def test_what_others_say_is_no_sign_of_life(database_url: str, writer: Writer, said: Said) -> None:
    """An abandoned execution stays abandoned since when it was; a late end still wins."""
    execution_id = uuid.uuid4()
    writer.write(event(execution_id, s.EVENT_STARTED, 0, {s.GEN_AI_AGENT_NAME: "a"}))
    before = execution(database_url, execution_id, "1 hour")
    writer.write(said.record(execution_id))
    after = execution(database_url, execution_id, "1 hour")
    for name in ("status", "last_event_at", "started_at", "completed_at", "agent_name", "correlation_id"):
        assert before[name] == after[name]
    assert after["status"] == "abandoned"
    writer.write(final_span(execution_id, 5, {s.EXECUTION_STATUS: "success"}))
    assert execution(database_url, execution_id)["status"] == "success"


def test_an_issue_that_the_agent_tells_is_a_sign_of_life(database_url: str, writer: Writer) -> None:
    """Nobody else is named, so it runs."""
    execution_id = uuid.uuid4()
    writer.write(event(execution_id, s.EVENT_STARTED, 0, {}))
    before = execution(database_url, execution_id)["last_event_at"]
    writer.write(Said(s.EVENT_ISSUE, _DAY, {s.ISSUE_DESCRIPTION: "x"}, uuid.uuid4()).record(execution_id))
    assert (execution(database_url, execution_id)["last_event_at"] - before).days == 1


def test_all_verdicts_are_kept_and_the_last_is_current(database_url: str, writer: Writer) -> None:
    """Before the end, after it, days later: who, when, and which one counts, in any order of arrival."""
    by = {s.STATED_BY: "judge"}
    said = [verdict("ERROR", 1_000), verdict("MATCH", 9_000), verdict("MISMATCH", _DAY)]
    said = [one._replace(values={**one.values, **by}) for one in said]
    for order in permutations(said):
        execution_id = uuid.uuid4()
        again = [one._replace(note_id=uuid.uuid4()) for one in order]
        for one in again[:2]:
            writer.write(one.record(execution_id))
        writer.write(noted_span(execution_id, 5_000, {s.EXECUTION_STATUS: "success"}, []))
        writer.write(again[2].record(execution_id))
        found = execution(database_url, execution_id)
        assert (found["verification_status"], found["verdicts"], found["verified_by"]) == ("MISMATCH", 3, "judge")
        with connect(database_url, application="test") as connection:
            statement = (
                "SELECT status, is_current FROM agent_verifications WHERE execution_id = %s ORDER BY verified_at"
            )
            rows = connection.execute(statement, [execution_id]).fetchall()
        assert rows == [("ERROR", False), ("MATCH", False), ("MISMATCH", True)]


@pytest.mark.parametrize("end_first", [True, False])
def test_the_quality_told_last_stands(database_url: str, writer: Writer, end_first: bool) -> None:
    """Labels and score: of an evaluation before or after an end that states its own, and of an end that does not."""
    stated = {s.QUALITY_SCORE: 0.5, s.QUALITY_ACCURACY: "MEDIUM", s.QUALITY_ADHERENCE: "7 of 10"}
    for end, offset, score, accuracy in (
        (stated, 3, 0.5, "MEDIUM"),
        (stated, 9, 0.25, "LOW"),
        ({}, 3, 0.25, "LOW"),
        ({}, 9, 0.25, "LOW"),
    ):
        execution_id = uuid.uuid4()
        batches = [
            noted_span(execution_id, 5, {**end, s.EXECUTION_STATUS: "success"}, []),
            evaluation("quality", offset, value=0.25).record(execution_id),
            evaluation("accuracy", offset, "low").record(execution_id),
            evaluation("accuracy", offset + 1, "correct").record(execution_id),
        ]
        for batch in batches if end_first else reversed(batches):
            writer.write(batch)
        found = execution(database_url, execution_id)
        assert (found["quality_score"], found["accuracy"]) == (score, accuracy)
        assert found["adherence_to_standards"] == end.get(s.QUALITY_ADHERENCE)


def test_a_verdict_on_an_execution_that_nobody_told_of(database_url: str, writer: Writer) -> None:
    """It is kept and found, runs nowhere, and becomes that of the execution when it is told of at last."""
    execution_id = uuid.uuid4()
    writer.write(verdict("MATCH", _DAY).record(execution_id))
    found = execution(database_url, execution_id)
    assert (found["verification_status"], found["status"], found["last_event_at"]) == ("MATCH", "in_progress", None)
    assert (found["duration_ms"], found["agent_name"]) == (None, None)
    with connect(database_url, application="test") as connection:
        assert connection.execute("SELECT count(*) FROM agent_verifications").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM agent_executions_active").fetchone() == (0,)
    writer.write(event(execution_id, s.EVENT_PROGRESS, 7, {s.GEN_AI_AGENT_NAME: "a"}))
    found = execution(database_url, execution_id)
    assert (found["agent_name"], found["started_unix_ns"] % 10**9) == ("a", 123_456_796)
    writer.write(final_span(execution_id, 2_000_000, {s.EXECUTION_STATUS: "success"}))
    found = execution(database_url, execution_id)
    assert (found["status"], found["duration_ms"], found["verification_status"]) == ("success", 2, "MATCH")
