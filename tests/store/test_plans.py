"""Questions about one execution read one trace's rows, however much is stored beside it."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any, LiteralString

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import ids, semconv
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store import queries
from agent_otel.store.connection import Connection, connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS

DAY_NS = 86_400_000_000_000
DAYS, PER_DAY, STEPS = 8, 120, 9
MONTH_DAYS, MONTH_PER_DAY = 30, 340


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A database with some days of executions, and statistics about them."""
    _fill(database_url, DAYS, PER_DAY)
    with connect(database_url, application="test", autocommit=True) as connection:
        yield connection


def _fill(url: str, days: int, per_day: int) -> None:
    writer = Writer(url)
    for day in range(days):
        spans = [span for number in range(per_day) for span in _execution(day, number)]
        writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans]))
    writer.close()
    with connect(url, application="test", autocommit=True) as connection:
        connection.execute("ANALYZE")


def _execution(day: int, number: int) -> list[Span]:
    execution_id = uuid.UUID(int=(day * 1000 + number + 1) * 2**80 + number, version=4)
    root = ids.execution_span_id(execution_id)
    shared = {semconv.EXECUTION_ID: str(execution_id), semconv.GEN_AI_AGENT_NAME: f"agent-{number % 5}"}
    steps = [(root + 1 + step, {semconv.STEP_KIND: "tool"}) for step in range(STEPS)]
    return [
        Span(
            trace_id=execution_id.bytes,
            span_id=(span_id % 2**64).to_bytes(8),
            parent_span_id=b"" if span_id == root else root.to_bytes(8),
            start_time_unix_nano=START_NS + day * DAY_NS + index,
            end_time_unix_nano=START_NS + day * DAY_NS + index + 1000,
            attributes=to_attributes({**shared, **more}),
        )
        for index, (span_id, more) in enumerate([(root, {}), *steps])
    ]


def rows_read(plan: dict[str, Any]) -> int:
    """Rows that all scans of a plan looked at, kept or filtered out."""
    own = 0
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "CTE Scan":
        loops = plan["Actual Loops"]
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * loops
    return int(own) + sum(rows_read(child) for child in plan.get("Plans", []))


@pytest.mark.parametrize("name", ["steps", "find_execution", "spans_of_trace"])
def test_one_execution_is_found_without_scanning(connection: Connection, name: str) -> None:
    """The plan of each question reads less than a twentieth of what is stored."""
    row = connection.execute("SELECT execution_id, trace_id FROM executions LIMIT 1").fetchone()
    assert row is not None
    parameters = {"id": row[0], "ids": [row[0]], "trace_id": row[1]}
    explain: Any = "EXPLAIN (ANALYZE, FORMAT JSON) " + queries.load("read")[name]
    (plan,) = connection.execute(explain, parameters).fetchone() or ()
    assert rows_read(plan[0]["Plan"]) < DAYS * PER_DAY * STEPS / 20


def relations(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads."""
    return {plan["Relation Name"] for _ in range("Relation Name" in plan)}.union(
        *(relations(child) for child in plan.get("Plans", []))
    )


def test_a_replay_is_compared_with_its_own_day_only(connection: Connection) -> None:
    """However many days there are, a batch that is sent again reads the partition that it falls in."""
    statements: Any = queries.load("ingest")
    with connection.transaction():
        connection.execute(statements["stage_spans"])
        connection.execute("INSERT INTO staged_spans SELECT * FROM spans ORDER BY start_time LIMIT 50")
        first = dt.datetime(2025, 11, 20, tzinfo=dt.UTC)
        explain = "EXPLAIN (FORMAT JSON) " + statements["conflicting_spans"]
        (plan,) = connection.execute(explain, [first, first + dt.timedelta(days=1)]).fetchone() or ()
    assert relations(plan[0]["Plan"]) == {"staged_spans", "spans_20251120"}


def scanned(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan really read when it ran."""
    own = {plan["Relation Name"]} if plan.get("Relation Name") and plan["Actual Loops"] else set()
    return own.union(*(scanned(child) for child in plan.get("Plans", [])))


def test_episodes_of_a_month_are_read_from_their_own_days(database_url: str) -> None:
    """Among 10,200 executions with 102,000 spans on 30 days: one by its id, the newest 50, the newest of an agent."""
    _fill(database_url, MONTH_DAYS, MONTH_PER_DAY)
    stored = MONTH_DAYS * MONTH_PER_DAY * (STEPS + 1)
    with connect(database_url, application="test", autocommit=True) as connection:
        middle = connection.execute("SELECT execution_id FROM executions OFFSET 5000 LIMIT 1").fetchone()
        questions: list[tuple[LiteralString, int]] = [
            ("episode_id = %s", 1),
            ("episode_id <> %s ORDER BY started_at DESC LIMIT 50", 50),
            ("episode_id <> %s AND agent_name = 'agent-1' ORDER BY started_at DESC, episode_id LIMIT 50", 50),
        ]
        explain: LiteralString = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM agent_episodes WHERE "
        for question, episodes in questions:
            (plan,) = connection.execute(explain + question, middle).fetchone() or ()
            days = {table for table in scanned(plan[0]["Plan"]) if table.startswith("spans_")}
            assert len(days) == 1, question
            assert rows_read(plan[0]["Plan"]) < min(stored / 50, episodes * (STEPS + 1) * 5), question
