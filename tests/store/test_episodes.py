"""agent_episodes: an execution's steps as a JSON array in its row."""

import json
import uuid
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span

MS = 1_000_000
MEMBERS = ["tool", "action", "latency_ms", "tokens", "success", "observation"]


def _store(url: str, execution_id: uuid.UUID, steps: list[dict[str, Any]], latencies_ns: list[int]) -> None:
    writer = Writer(url)
    writer.write(event(execution_id, s.EVENT_STARTED, 0, {s.GEN_AI_AGENT_NAME: "a", s.TASK_DESCRIPTION: "d"}))
    for number, (said, latency_ns) in enumerate(zip(steps, latencies_ns, strict=True)):
        start = START_NS + number * 3_600_000 * MS
        step = Span(
            trace_id=execution_id.bytes,
            span_id=(number + 1).to_bytes(8),
            parent_span_id=ids.execution_span_id(execution_id).to_bytes(8),
            start_time_unix_nano=start,
            end_time_unix_nano=start + latency_ns,
            attributes=to_attributes({s.EXECUTION_ID: str(execution_id), s.STEP_KIND: "tool", **said}),
        )
        writer.write(map_spans([RawItem(step.SerializeToString(), b"", b"", b"", b"")]))
    writer.write(final_span(execution_id, 5_000 * MS, {s.EXECUTION_STATUS: "success"}))
    writer.close()


def _episode(url: str, execution_id: uuid.UUID) -> tuple[Any, ...]:
    with connect(url, application="test") as connection:
        statement = (
            "SELECT agent_name, description, status, duration_ms, steps::text FROM agent_episodes WHERE episode_id = %s"
        )
        (found,) = connection.execute(statement, [execution_id]).fetchall()
        return (*found[:-1], json.loads(found[-1]))


def test_a_step_has_the_six_members_in_order(database_url: str) -> None:
    """Absent tokens are null, a batch adds a seventh member, a batch of one does not."""
    execution_id = uuid.uuid4()
    steps: list[dict[str, Any]] = [
        {s.GEN_AI_TOOL_NAME: "cargo", s.STEP_ACTION: "build", s.STEP_OBSERVATION: "ok", s.STEP_BATCH_SIZE: 1},
        {s.GEN_AI_TOOL_NAME: "claude", s.TOTAL_TOKENS: 2800, s.STEP_SUCCESS: False, s.STEP_BATCH_SIZE: 5},
    ]
    _store(database_url, execution_id, steps, [12_500 * MS, 3 * MS])
    *row, found = _episode(database_url, execution_id)
    assert row == ["a", "d", "success", 5000]
    assert [list(step) for step in found] == [MEMBERS, [*MEMBERS, "batch_size"]]
    assert [list(step.values()) for step in found] == [
        ["cargo", "build", 12500, None, True, "ok"],
        ["claude", None, 3, 2800, False, None, 5],
    ]


@pytest.mark.parametrize(
    ("latency_ns", "spelled"),
    [(0, "0"), (1001 * MS, "1001"), (4035 * MS, "4035"), (86_400_000 * MS, "86400000"), (1_500_000, "1.5"),
     (1_001_000_001, "1001.000001"), (1, "0.000001")],
)  # fmt: skip
def test_a_latency_is_exact_and_whole_where_it_is(database_url: str, latency_ns: int, spelled: str) -> None:
    """To the nanosecond, and without a fraction that was not measured."""
    execution_id = uuid.uuid4()
    _store(database_url, execution_id, [{}], [latency_ns])
    *_, (step,) = _episode(database_url, execution_id)
    assert repr(step["latency_ms"]) == repr(json.loads(spelled))


def test_steps_follow_their_sequence(database_url: str) -> None:
    """An explicit sequence decides, whenever the step took place."""
    execution_id = uuid.uuid4()
    steps: list[dict[str, Any]] = [
        {s.GEN_AI_TOOL_NAME: name, **({s.STEP_SEQUENCE: place} if place else {})}
        for name, place in (("d", 4), ("b", None), ("a", 1), ("c", None))
    ]
    _store(database_url, execution_id, steps, [MS] * 4)
    *_, found = _episode(database_url, execution_id)
    assert [step["tool"] for step in found] == ["a", "b", "c", "d"]


def test_an_execution_without_steps_has_none(database_url: str) -> None:
    """An empty array, not NULL; and a view of nothing is empty."""
    execution_id = uuid.uuid4()
    _store(database_url, execution_id, [], [])
    assert _episode(database_url, execution_id)[-1] == []
    with connect(database_url, application="test") as connection:
        assert connection.execute("SELECT count(*) FROM agent_episodes").fetchone() == (1,)
