"""Verdicts, evaluations, issues, learning and errors are each one row, whoever brings them and in whatever order."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span
from tests.fixtures.notes import Said, evaluation, noted_span, verdict

ISSUE = {
    s.ISSUE_TYPE: "WARNING",
    s.ISSUE_DESCRIPTION: "slow",
    s.ISSUE_IMPACT: "late",
    s.ISSUE_RESOLUTION: "waited",
    s.ISSUE_PREVENTION: "cache",
}
LEARNING = {
    s.LEARNING_INSIGHTS: ["it is slow", "it is big"],
    s.LEARNING_IMPROVEMENTS: ["cache it"],
    s.LEARNING_PERFORMANCE: "good",
    s.LEARNING_RECOMMENDATION: "ask for less",
}
ERROR = {
    s.EXCEPTION_TYPE: "Timeout",
    s.EXCEPTION_MESSAGE: "took too long",
    s.EXCEPTION_STACKTRACE: "line 1",
    s.ERROR_RECOVERY_ACTION: "tried again",
}


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer to the test's database."""
    with closing(Writer(database_url)) as writing:
        yield writing


def rows(url: str, statement: Any, *parameters: object) -> list[dict[str, Any]]:
    """What a statement gives."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()


@pytest.mark.parametrize("by", ["log record", "span event", "both"])
def test_every_kind_is_read_in_its_view(database_url: str, writer: Writer, by: str) -> None:
    """One row a note with all its members, whether a log record brings it, an event of the span, or both."""
    execution_id = uuid.uuid4()
    said = [
        verdict(
            "PARTIAL",
            1,
            expected_vs_actual="half of it",
            criteria_met=["a"],
            criteria_failed=["b"],
            confidence=0.75,
            manual_required=True,
        ),
        Said(s.EVENT_ISSUE, 2, ISSUE, uuid.uuid4()),
        Said(s.EVENT_LEARNING, 3, LEARNING, uuid.uuid4()),
        Said(s.EVENT_EXCEPTION, 4, ERROR, uuid.uuid4()),
        evaluation("accuracy", 5, "HIGH"),
    ]
    if by != "span event":
        for one in said:
            writer.write(one.record(execution_id))
    writer.write(noted_span(execution_id, 9, {s.GEN_AI_AGENT_NAME: "a"}, said if by != "log record" else []))
    (found,) = rows(database_url, "SELECT * FROM agent_verifications")
    assert (found["agent_name"], found["execution_status"], found["is_current"]) == ("a", "success", True)
    assert (found["status"], found["expected_vs_actual"], found["confidence_score"]) == ("PARTIAL", "half of it", 0.75)
    assert (found["success_criteria_met"], found["success_criteria_failed"]) == (["a"], ["b"])
    assert (found["manual_verification_required"], found["verification_id"]) == (True, said[0].note_id)
    (issue,) = rows(database_url, "SELECT type, description, impact, resolution, prevention FROM agent_issues")
    assert list(issue.values()) == list(ISSUE.values())
    (learned,) = rows(
        database_url,
        "SELECT insights_gained, process_improvements, agent_performance, recommendation_for_future"
        " FROM agent_learning",
    )
    assert list(learned.values()) == list(LEARNING.values())
    (error,) = rows(database_url, "SELECT type, message, stack, recovery_action FROM agent_errors")
    assert list(error.values()) == list(ERROR.values())
    (quality,) = rows(database_url, "SELECT name, label FROM agent_evaluations")
    assert quality == {"name": "accuracy", "label": "HIGH"}
    (all_of_it,) = rows(database_url, "SELECT * FROM agent_executions")
    expected = {
        "verification_status": "PARTIAL",
        "expected_vs_actual": "half of it",
        "verdicts": 1,
        "accuracy": "HIGH",
        "insights_gained": LEARNING[s.LEARNING_INSIGHTS],
        "agent_performance": "good",
        "issues": [
            dict(zip(("type", "description", "impact", "resolution", "prevention"), ISSUE.values(), strict=True))
        ],
    }
    assert {name: all_of_it[name] for name in expected} == expected


@pytest.mark.parametrize("by", ["completion event", "final span", "both"])
def test_attributes_of_the_end_are_a_verdict(database_url: str, writer: Writer, by: str) -> None:
    """Raw OTLP need not send an event: one verdict at the end, however many records state it."""
    execution_id = uuid.uuid4()
    stated = {s.VERIFICATION_STATUS: "mismatch", s.EXPECTED_VS_ACTUAL: "nothing came", s.EXECUTION_STATUS: "success"}
    if by != "final span":
        writer.write(event(execution_id, s.EVENT_COMPLETED, 9, stated))
    if by != "completion event":
        writer.write(final_span(execution_id, 9, stated))
    (found,) = rows(database_url, "SELECT * FROM agent_verifications")
    assert (found["status"], found["verification_id"]) == (
        "MISMATCH",
        ids.event_id(execution_id, s.GEN_AI_EVALUATION_RESULT),
    )
    (refuted,) = rows(database_url, "SELECT * FROM agent_refuted_successes")
    assert (refuted["execution_id"], refuted["expected_vs_actual"]) == (execution_id, "nothing came")


def test_attributes_of_a_span_repeat_its_verdict(database_url: str, writer: Writer) -> None:
    """Our clients repeat the last verdict on the span for Jaeger's search: that is no second one."""
    execution_id = uuid.uuid4()
    writer.write(noted_span(execution_id, 9, {s.VERIFICATION_STATUS: "MATCH"}, [verdict("MATCH", 3)]))
    assert len(rows(database_url, "SELECT FROM agent_verifications")) == 1


def test_errors_end_with_what_it_failed_with(database_url: str, writer: Writer) -> None:
    """Once: a failure that was told of is not repeated."""
    told = Said(s.EVENT_EXCEPTION, 1, {s.EXCEPTION_TYPE: "Timeout", s.EXCEPTION_MESSAGE: "slow"}, uuid.uuid4())
    first = {"type": "Timeout", "message": "slow"}
    for end, expected in (
        ({}, [first]),
        ({s.ERROR_TYPE: "_OTHER", s.ERROR_MESSAGE: "slow"}, [first]),
        ({s.ERROR_TYPE: "Timeout"}, [first]),
        ({s.ERROR_TYPE: "Lost", s.ERROR_MESSAGE: "gone"}, [first, {"type": "Lost", "message": "gone"}]),
    ):
        execution_id = uuid.uuid4()
        writer.write(noted_span(execution_id, 9, {s.EXECUTION_STATUS: "error", **end}, [told]))
        statement = "SELECT errors FROM agent_executions WHERE execution_id = %s"
        assert rows(database_url, statement, execution_id) == [{"errors": expected}]
    writer.write(final_span(execution_id := uuid.uuid4(), 9, {s.ERROR_TYPE: "Lost"}))
    assert rows(database_url, statement, execution_id) == [{"errors": [{"type": "Lost"}]}]
