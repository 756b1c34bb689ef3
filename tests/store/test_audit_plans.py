"""Audit questions and reports read the days that they are about, however much is stored beside them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from typing import Any, LiteralString

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.reports.questions import QUESTIONS
from agent_otel.store import queries
from agent_otel.store.connection import Connection, connect
from agent_otel.store.writer import Writer
from tests.fixtures.audited import execution_id, ns
from tests.fixtures.postgres import new_database
from tests.store.test_plans import DAY_NS

DAYS, PER_DAY = 24, 80
FIRST = dt.datetime(2025, 11, 1, tzinfo=dt.UTC)
#: Two days in the middle; the execution that begins last in them ends after midnight.
SINCE, UNTIL = FIRST + dt.timedelta(days=10), FIRST + dt.timedelta(days=12)
READ = """SELECT relname, seq_scan, seq_tup_read FROM pg_stat_xact_user_tables
          WHERE schemaname = 'agent_otel' AND (seq_scan > 0 OR idx_scan > 0)"""
REPORTS: dict[str, tuple[LiteralString, tuple[object, ...]]] = {
    "report_daily": ("SELECT report_daily(%s)", (SINCE.date(),)),
    "report_agent": ("SELECT report_agent('agent-1', %s, %s)", (SINCE, UNTIL)),
    "agent_health": ("SELECT agent_health('agent-1', %s)", (UNTIL,)),
}


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[Connection]:
    """Weeks of executions with steps, and statistics about them; these tests only read."""
    with new_database(postgres, migrated_template) as url:
        with closing(Writer(url)) as writer:
            for day in range(DAYS):
                spans = [span for number in range(PER_DAY) for span in _execution(day, number)]
                writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans]))
        with connect(url, application="test", autocommit=True) as connection:
            connection.execute("ANALYZE")
            yield connection
        connection.close()


def _execution(day: int, number: int) -> list[Span]:
    own = execution_id(day * 1000 + number + 1)
    root = int.from_bytes(own.bytes[:8]) | 1
    begin = ns(FIRST) + day * DAY_NS + number * (DAY_NS // PER_DAY)
    named = {semconv.EXECUTION_ID: str(own), semconv.GEN_AI_AGENT_NAME: f"agent-{number % 5}"}
    run = {semconv.STEP_KIND: "tool", semconv.GEN_AI_TOOL_NAME: "Bash"}
    arguments = {semconv.GEN_AI_TOOL_CALL_ARGUMENTS: '{"command": "curl https://api.github.com/"}'}
    agent = {semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_INVOKE_AGENT}
    return [
        Span(
            trace_id=own.bytes,
            span_id=(root + place).to_bytes(8),
            parent_span_id=root.to_bytes(8) if place else b"",
            start_time_unix_nano=begin + place * DAY_NS // 200,
            end_time_unix_nano=begin + DAY_NS // 100,
            attributes=to_attributes({**named, **(run | arguments if place else agent)}),
        )
        for place in range(4)
    ]


def tables_read(connection: Connection, statement: Any, parameters: Any) -> dict[str, tuple[int, int]]:
    """What a statement reads, functions included: table, how often from its beginning to its end, rows read so."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        connection.execute(statement, parameters)
        return {name: (scans, rows) for name, scans, rows in connection.execute(READ).fetchall()}


def assert_its_days_only(read: dict[str, tuple[int, int]]) -> None:
    """Executions by their index; of the partitions those of the period and the day after."""
    assert read["executions"] == (0, 0)
    assert {name for name in read if name.startswith("spans_")} <= {f"spans_202511{day}" for day in (11, 12, 13)}
    assert not any(name.startswith("execution_events_") for name in read)


@pytest.mark.parametrize("name", [*(question.query for question in QUESTIONS), "agents"])
def test_a_question_reads_the_days_of_its_period(connection: Connection, name: str) -> None:
    """Each of the command's questions."""
    asked = {"since": SINCE, "until": UNTIL, "agent": None, "every": True, "limit": None}
    assert_its_days_only(tables_read(connection, queries.load("audit")[name], asked))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_the_days_of_its_period(connection: Connection, name: str) -> None:
    """What stands in functions, too."""
    assert_its_days_only(tables_read(connection, *REPORTS[name]))


def test_commands_are_read_from_three_days(connection: Connection) -> None:
    """The question does read steps: those of two days, and of the one that ends after midnight."""
    asked = {"since": SINCE, "until": UNTIL, "agent": None, "limit": None}
    read = tables_read(connection, queries.load("audit")["commands"], asked)
    assert {name for name in read if name.startswith("spans_")} == {f"spans_202511{day}" for day in (11, 12, 13)}
