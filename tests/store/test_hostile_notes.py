"""Whatever somebody says about an execution costs nothing but itself."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel import semconv as s
from agent_otel.exporter.limits import MAX_MEMBERS, MAX_STACK, MAX_TEXT
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.notes import Said, noted_span, verdict

_MEGABYTE = "é" * 1_000_000
_LONG = "é" * 20_000
_MANY = 10_000
_NAMES = (s.GEN_AI_EVALUATION_RESULT, s.EVENT_ISSUE, s.EVENT_LEARNING, s.EVENT_EXCEPTION, s.EVENT_OTEL_EXCEPTION)
_ATTRIBUTES = (
    *(s.GEN_AI_EVALUATION_SCORE_LABEL, s.GEN_AI_EVALUATION_SCORE_VALUE, s.GEN_AI_EVALUATION_EXPLANATION),
    *(s.STATED_BY, s.VERIFICATION_STATUS, s.EXPECTED_VS_ACTUAL, s.CRITERIA_MET, s.CRITERIA_FAILED),
    *(s.VERIFICATION_CONFIDENCE, s.VERIFICATION_MANUAL, s.QUALITY_ACCURACY, s.QUALITY_ADHERENCE),
    *(s.ISSUE_TYPE, s.ISSUE_DESCRIPTION, s.ISSUE_IMPACT, s.ISSUE_RESOLUTION, s.ISSUE_PREVENTION),
    *(s.LEARNING_INSIGHTS, s.LEARNING_IMPROVEMENTS, s.LEARNING_PERFORMANCE, s.LEARNING_RECOMMENDATION),
    *(s.EXCEPTION_TYPE, s.EXCEPTION_MESSAGE, s.EXCEPTION_STACKTRACE, s.ERROR_RECOVERY_ACTION),
)
_VALUES: tuple[Any, ...] = (
    *(True, 0, -1, 2**63 - 1, 1.5, 1e300, float("nan"), float("inf"), "", "\0", "a\0b", "MATCH", " match ", _LONG),
    *([], ["a"], [1, True], ["\0"], [["a"]], {"a": "b"}, [_LONG], ["x"] * 2_000),
)
_VIEWS = (
    *("agent_executions", "agent_execution_documents", "agent_verifications", "agent_evaluations", "agent_issues"),
    *("agent_learning", "agent_errors", "agent_refuted_successes"),
)


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer to the test's database."""
    with closing(Writer(database_url)) as writing:
        yield writing


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all views, each read to its last column."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        return {view: cursor.execute(f"SELECT * FROM {view}").fetchall() for view in _VIEWS}  # noqa: S608 - of this file


@pytest.mark.parametrize("value", _VALUES, ids=lambda value: repr(value)[:20])
def test_any_value_of_any_attribute_is_stored_or_left_out(database_url: str, writer: Writer, value: Any) -> None:
    """As log record, as span event and as attribute of the end: nothing is refused, and every view can be read."""
    for evaluated in ("verification", "quality", "accuracy", value):
        values = {**dict.fromkeys(_ATTRIBUTES, value), s.GEN_AI_EVALUATION_NAME: evaluated}
        said = [Said(name, 1, values, uuid.uuid4()) for name in _NAMES]
        execution_id = uuid.uuid4()
        for batch in (
            *(one.record(execution_id) for one in said),
            noted_span(execution_id, 9, values, said),
            noted_span(uuid.uuid4(), 9, values, []),
        ):
            assert not batch.quarantine
            written = writer.write(batch)
            assert (len(batch.items()), written.refused) == (1, {})
    found = everything(database_url)
    assert len(found["agent_executions"]) == 8
    assert len(found["agent_issues"]) == 4


def test_texts_lists_and_stacks_are_cut(database_url: str, writer: Writer) -> None:
    """To what a row should hold; the record itself keeps all of it."""
    stack = f"first{'x' * 100_000}last"
    said = [
        verdict("MATCH", 1, expected_vs_actual=_MEGABYTE, criteria_met=[str(number) for number in range(2_000)]),
        Said(s.EVENT_EXCEPTION, 2, {s.EXCEPTION_STACKTRACE: stack, s.EXCEPTION_MESSAGE: _MEGABYTE}, uuid.uuid4()),
    ]
    for one in said:
        writer.write(one.record(uuid.uuid4()))
    found = everything(database_url)
    ((given,), (error,)) = found["agent_verifications"], found["agent_errors"]
    assert given["expected_vs_actual"] == _MEGABYTE[:MAX_TEXT]
    assert given["success_criteria_met"] == [str(number) for number in range(MAX_MEMBERS)]
    assert error["message"] == _MEGABYTE[:MAX_TEXT]
    assert (len(error["stack"]), error["stack"][:5], error["stack"][-4:]) == (MAX_STACK, "first", "last")


def test_ten_thousand_notes_of_one_execution(database_url: str, writer: Writer) -> None:
    """All are rows; the execution's own row shows the first thousand, and is found as ever."""
    execution_id, batch = uuid.uuid4(), Batch()
    for number in range(_MANY):
        batch.extend(Said(s.EVENT_ISSUE, number, {s.ISSUE_DESCRIPTION: f"{number}"}, uuid.uuid4()).record(execution_id))
    assert writer.write(batch).events == _MANY
    with connect(database_url, application="test") as connection:
        assert connection.execute("SELECT count(*) FROM agent_issues").fetchone() == (_MANY,)
        ((issues, verdicts),) = connection.execute("SELECT issues, verdicts FROM agent_executions").fetchall()
    assert [issue["description"] for issue in issues] == [str(number) for number in range(MAX_MEMBERS)]
    assert verdicts == 0


@pytest.mark.parametrize("offsets", [(3, 7), (5, 5)], ids=["two moments", "one moment"])
def test_two_records_that_claim_one_note(database_url: str, writer: Writer, offsets: tuple[int, int]) -> None:
    """One of them stands, the same in any order: the later one if there is one."""
    note_id = uuid.uuid4()
    said = [verdict(status, offset, note_id) for status, offset in zip(("MATCH", "ERROR"), offsets, strict=True)]
    for order in (said, said[::-1]):
        execution_id = uuid.uuid4()
        for one in order:
            writer.write(one.record(execution_id))
    found = everything(database_url)["agent_verifications"]
    assert [one["is_current"] for one in found] == [True, True]
    assert found[0]["status"] == found[1]["status"]
    assert found[0]["status"] == "ERROR" or offsets[0] == offsets[1]
