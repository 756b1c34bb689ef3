"""Whatever is said about an execution gives the same rows in any order, in any batches, and however often it comes."""

import random
import uuid
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event
from tests.fixtures.notes import Said, evaluation, noted_span, verdict

_END = 5
_NOTES = st.one_of(
    st.builds(
        verdict,
        st.sampled_from(["MATCH", "mismatch", "PARTIAL", "ERROR", "?"]),
        st.integers(0, 9),
        confidence=st.floats(0, 1),
        criteria_met=st.lists(st.sampled_from("abc"), max_size=2),
    ),
    st.builds(
        evaluation, st.sampled_from(["accuracy", "completeness"]), st.integers(0, 9), st.sampled_from(["HIGH", "LOW"])
    ),
    st.builds(evaluation, st.just("quality"), st.integers(0, 9), value=st.floats(0, 1)),
    st.builds(
        Said,
        st.sampled_from([s.EVENT_ISSUE, s.EVENT_LEARNING, s.EVENT_EXCEPTION]),
        st.integers(0, 9),
        st.just({s.ISSUE_DESCRIPTION: "x", s.LEARNING_PERFORMANCE: "y", s.EXCEPTION_TYPE: "z", s.STATED_BY: "b"}),
        st.uuids(version=4),
    ),
)
_ENDS = st.fixed_dictionaries(
    {s.EXECUTION_STATUS: st.sampled_from(["success", "error"])},
    optional={
        s.VERIFICATION_STATUS: st.sampled_from(["MATCH", "MISMATCH"]),
        s.QUALITY_ACCURACY: st.sampled_from(["HIGH", "LOW"]),
        s.QUALITY_SCORE: st.floats(0, 1),
    },
)
_ROW = """
SELECT e.facts, e.content, e.verification_status, e.last_event_at,
  (SELECT jsonb_agg(to_jsonb(n) - 'execution_id' ORDER BY n.note_id) FROM execution_notes n
   WHERE n.execution_id = e.execution_id),
  (SELECT jsonb_agg(v.verification_id) FROM agent_verifications v
   WHERE v.execution_id = e.execution_id AND v.is_current),
  a.quality_score, a.accuracy, a.verified_at
FROM executions e JOIN agent_executions a USING (execution_id) WHERE e.execution_id = %s
"""


def _as_told(execution_id: uuid.UUID, said: Sequence[Said], end: dict[str, Any], how: str) -> list[Batch]:
    """A start, an end and what is said: by log records, by events of the span (while it is open), or by both."""
    open_ones = [one for one in said if one.offset_ns <= _END]
    records = said if how != "span" else [one for one in said if one.offset_ns > _END]
    started = {s.EVENT_ID: str(uuid.UUID(int=execution_id.int ^ 1))}
    return [
        event(execution_id, s.EVENT_STARTED, 0, started),
        *[one.record(execution_id) for one in records],
        noted_span(execution_id, _END, end, open_ones if how != "log" else []),
    ]


@pytest.mark.parametrize("how", ["log", "span", "both"])
def test_any_order_gives_the_same_rows(database_url: str, how: str) -> None:
    """Random notes, random batches and repeats of them, told in two ways: one execution's rows, to the last value."""
    writer = Writer(database_url)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(_NOTES, max_size=5, unique_by=lambda one: one.note_id), _ENDS, st.randoms(use_true_random=False))
    def same(said: list[Said], end: dict[str, Any], shuffle: random.Random) -> None:
        execution_id = uuid.uuid4()
        found = []
        for _ in range(3):
            batches = _as_told(execution_id, said, end, how)
            batches += shuffle.choices(batches, k=2)
            shuffle.shuffle(batches)
            for batch in _united(batches, shuffle):
                writer.write(batch)
            with connect(database_url, application="test") as connection:
                found.append(connection.execute(_ROW, [execution_id]).fetchall())
                connection.execute("DELETE FROM execution_notes")
                connection.execute("DELETE FROM executions")
        assert found[0] == found[1] == found[2]
        assert len(found[0]) == 1

    with closing(writer):
        same()


def _united(batches: Sequence[Batch], shuffle: random.Random) -> list[Batch]:
    """The same records in fewer batches, cut anywhere."""
    united = [Batch()]
    for batch in batches:
        if shuffle.random() < 0.5:
            united.append(Batch())
        united[-1].extend(batch)
    return united


def test_told_by_events_or_by_records_is_the_same(database_url: str) -> None:
    """Span-only senders give the rows that log-only ones give, and both together give no more."""
    said = [
        verdict("MISMATCH", 1, confidence=0.5),
        verdict("MATCH", 2, criteria_met=["a"]),
        evaluation("quality", 3, value=0.25),
        evaluation("efficiency", 4, "low"),
        Said(s.EVENT_ISSUE, 4, {s.ISSUE_TYPE: "info", s.ISSUE_DESCRIPTION: "x" * 9_000}, uuid.uuid4()),
    ]
    columns = "verification_status, verdicts, confidence_score, success_criteria_met, quality_score, efficiency, issues"
    found = []
    with closing(Writer(database_url)) as writer, connect(database_url, application="test") as connection:
        for how in ("log", "span", "both"):
            execution_id = uuid.uuid4()
            for batch in _as_told(execution_id, said, {}, how):
                writer.write(batch)
            statement = f"SELECT {columns} FROM agent_executions WHERE execution_id = %s"  # noqa: S608 - of this file
            found += connection.execute(statement, [execution_id]).fetchall()
            connection.commit()
    assert found[0] == found[1] == found[2]
    assert found[0][:6] == ("MATCH", 2, None, ["a"], 0.25, "LOW")
