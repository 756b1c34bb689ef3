"""Periods of audit questions and of reports: [since, until), to the microsecond."""

import datetime as dt
import uuid
from contextlib import closing
from typing import Final

import pytest

from agent_otel import semconv as s
from agent_otel.reports.questions import QUESTIONS, Question
from agent_otel.store.audit_reader import AuditReader
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span
from tests.fixtures.notes import verdict

_HOUR_NS: Final = 3_600 * 10**9
_TICK: Final = dt.timedelta(microseconds=1)
_START: Final = dt.datetime.fromtimestamp(START_NS // 10**9, dt.UTC) + dt.timedelta(
    microseconds=START_NS % 10**9 // 1_000
)
_WORK: Final = {
    s.GEN_AI_AGENT_NAME: "a",
    s.FILES_MODIFIED: ["secret.txt"],
    s.COMMANDS_EXECUTED: ["gh pr list"],
    s.SUCCESS_CRITERIA: ["one", "two"],
}
_ENDS: Final = (
    {s.EXECUTION_STATUS: "success", s.QUALITY_COMPLETENESS: "HIGH", s.QUALITY_ACCURACY: "HIGH"},
    {s.EXECUTION_STATUS: "error", s.QUALITY_COMPLETENESS: "LOW", s.ERROR_MESSAGE: "failed"},
)


@pytest.fixture
def asked(database_url: str) -> str:
    """A database with a success that is refuted and a failure, both of them at `_START`, in every question's answer."""
    with closing(Writer(database_url)) as writer:
        for end in _ENDS:
            execution_id = uuid.uuid4()
            writer.write(event(execution_id, s.EVENT_STARTED, 0, {s.SUCCESS_CRITERIA: ["one"]}))
            writer.write(final_span(execution_id, _HOUR_NS, {**_WORK, **end, s.QUALITY_EFFICIENCY: "HIGH"}))
            writer.write(verdict("MISMATCH", 2 * _HOUR_NS).record(execution_id))
    return database_url


def count(url: str, question: Question, since: dt.datetime, until: dt.datetime) -> int:
    """How many rows a question has in a period."""
    with AuditReader(url) as reader:
        return reader.count(question.query, {"since": since, "until": until, "agent": None, "every": True}, {})


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.name for question in QUESTIONS])
def test_a_period_begins_at_since_and_ends_before_until(asked: str, question: Question) -> None:
    """What began at the very moment is of the period that begins with it, not of the one that ends with it."""
    assert count(asked, question, _START, _START + _TICK) > 0
    assert count(asked, question, _START - _TICK, _START) == 0
    assert count(asked, question, _START + _TICK, _START + dt.timedelta(days=1)) == 0


def test_the_agent_report_has_the_same_periods(asked: str) -> None:
    """Two adjoining periods share nothing."""
    for since, until, expected in ((_START, _START + _TICK, 2), (_START - _TICK, _START, 0)):
        with AuditReader(asked) as reader:
            report = reader.agent("a", since, until)
        assert report["execution_count"] == expected
