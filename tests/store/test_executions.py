"""Executions in SQL: the merge rule, the views, the status that is decided when read."""

import uuid
from contextlib import closing
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.model import merge_facts
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span, histories

LOG_COLUMNS = (
    "execution_id", "correlation_id", "session_id", "agent_name", "user_prompt", "started_at", "completed_at",
    "duration_ms", "status", "error_message", "error_type", "quality_score", "metadata",
)  # fmt: skip


def row(url: str, statement: Any, *parameters: object) -> tuple[Any, ...]:
    """The one row of a statement."""
    with connect(url, application="test") as connection:
        (only,) = connection.execute(statement, parameters).fetchall()
        return only


def test_sql_merges_as_python_does(database_url: str) -> None:
    """Random histories, in random order with repeats, give the row that model.merge_facts gives."""
    writer = Writer(database_url)

    @given(histories(), st.randoms(use_true_random=False))
    def same(history: tuple[uuid.UUID, list[Batch]], random: Any) -> None:
        execution_id = uuid.uuid4()
        batches = [_renamed(batch, execution_id) for batch in history[1]]
        records = [item.execution for batch in batches for item in batch.items() if item.execution]
        repeated = [*batches, *random.choices(batches, k=2)]
        random.shuffle(repeated)
        for batch in repeated:
            writer.write(batch)
        statement = "SELECT facts, coalesce(content, '{}') FROM executions WHERE execution_id = %s"
        facts, content = row(database_url, statement, execution_id)
        assert facts == reduce(merge_facts, (record.facts for record in records))
        assert content == reduce(merge_facts, (record.content for record in records))

    with closing(writer):
        same()


def _renamed(batch: Batch, execution_id: uuid.UUID) -> Batch:
    """The batch as if of another execution: hypothesis repeats examples, the database keeps what it has seen."""
    renamed = Batch()
    renamed.resources, renamed.scopes = batch.resources, batch.scopes
    for item in batch.spans:
        new = item.row._replace(trace_id=execution_id.bytes)
        renamed.spans.append(
            item._replace(row=new, execution=item.execution and item.execution._replace(execution_id=execution_id))
        )
    for other in batch.events:
        event_id = uuid.uuid5(execution_id, other.row.event_id.hex()).bytes
        renamed.events.append(
            other._replace(
                row=other.row._replace(event_id=event_id),
                execution=other.execution and other.execution._replace(execution_id=execution_id),
            )
        )
    return renamed


def test_the_log_view_has_the_thirteen_columns(database_url: str) -> None:
    """agent_execution_logs has exactly the columns of the log-execution skill, in its order."""
    with connect(database_url, application="test") as connection:
        cursor = connection.execute("SELECT * FROM agent_execution_logs")
        assert tuple(column.name for column in cursor.description or ()) == LOG_COLUMNS


def test_an_open_execution_is_a_row_and_a_late_end_wins(database_url: str) -> None:
    """In progress at once; abandoned when silent for too long; still completed by an end that comes later."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    status = "SELECT status FROM agent_execution_logs WHERE execution_id = %s"
    writer.write(event(execution_id, semconv.EVENT_STARTED, 0, {semconv.GEN_AI_AGENT_NAME: "a"}))
    with connect(database_url, application="test") as connection:
        connection.execute("SET agent_otel.abandoned_after = '100 years'")
        assert connection.execute(status, [execution_id]).fetchone() == ("in_progress",)
        connection.execute("SET agent_otel.abandoned_after = '1 hour'")
        assert connection.execute(status, [execution_id]).fetchone() == ("abandoned",)
    writer.write(final_span(execution_id, 5_000_000, {semconv.EXECUTION_STATUS: "success"}))
    assert row(database_url, status, execution_id) == ("success",)
    writer.close()


def test_a_heartbeat_shortens_the_patience(database_url: str) -> None:
    """An execution that ever sent a heartbeat is abandoned after minutes without one, not after a day."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    with connect(database_url, application="test") as connection:
        connection.execute("SET agent_otel.abandoned_after = '100 years'")
        active = "SELECT count(*) FROM agent_executions_active WHERE execution_id = %s"
        writer.write(event(execution_id, semconv.EVENT_STARTED, 0, {}))
        assert connection.execute(active, [execution_id]).fetchone() == (1,)
        connection.commit()
        writer.write(event(execution_id, semconv.EVENT_HEARTBEAT, 1, {}))
        assert connection.execute(active, [execution_id]).fetchone() == (0,)
    writer.close()


def test_a_foreign_agent_span_is_an_execution(database_url: str) -> None:
    """A GenAI invoke_agent span without our ids is an execution whose id is derived, so that a replay meets it."""
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from agent_otel import ids
    from agent_otel.exporter.envelope import RawItem
    from agent_otel.exporter.mapping import map_spans
    from agent_otel.exporter.values import to_attributes

    trace_id, root, tool = uuid.uuid4().bytes, bytes(range(8)), bytes(range(1, 9))
    agent = Span(
        trace_id=trace_id, span_id=root, name="invoke_agent x", start_time_unix_nano=10**18,
        end_time_unix_nano=10**18 + 7,
        attributes=to_attributes({semconv.GEN_AI_OPERATION_NAME: "invoke_agent", semconv.GEN_AI_AGENT_NAME: "x"}),
    )  # fmt: skip
    step = Span(
        trace_id=trace_id, span_id=tool, parent_span_id=root, name="execute_tool t", start_time_unix_nano=10**18,
        end_time_unix_nano=10**18 + 3_000_000,
        attributes=to_attributes({semconv.GEN_AI_OPERATION_NAME: "execute_tool", semconv.GEN_AI_TOOL_NAME: "t"}),
    )  # fmt: skip
    writer = Writer(database_url)
    # The step first: an SDK sends the root last.
    for span in (step, agent, agent):
        writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")]))
    execution_id = ids.foreign_execution_id(trace_id.hex(), root.hex())
    statement = "SELECT execution_id, tool, latency_ms FROM agent_execution_steps"
    assert row(database_url, statement) == (execution_id, "t", 3.0)
    writer.close()
