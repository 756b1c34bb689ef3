"""Executions in SQL: the merge rule, the views, the status that is decided when read."""

import uuid
from contextlib import closing
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import ids, semconv
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.model import merge_facts
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span, histories

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


def test_metadata_keeps_integers_of_any_size(database_url: str) -> None:
    """What came as JSON may hold more than 64 bits; jsonb does too."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    writer.write(final_span(execution_id, 1, {semconv.METADATA: f'{{"small": 1, "large": {2**70}}}'}))
    statement = "SELECT metadata FROM agent_execution_logs WHERE execution_id = %s"
    assert row(database_url, statement, execution_id) == ({"small": 1, "large": 2**70},)
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


def test_a_span_below_an_execution_never_ends_it(database_url: str) -> None:
    """Baggage puts the execution's id on any span; only the execution's own span closes it."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    writer.write(event(execution_id, semconv.EVENT_STARTED, 0, {semconv.GEN_AI_AGENT_NAME: "a"}))
    other = Span(
        trace_id=execution_id.bytes,
        span_id=bytes(range(8)),
        name="GET /x",
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + 1,
        attributes=to_attributes({semconv.EXECUTION_ID: str(execution_id)}),
    )
    writer.write(map_spans([RawItem(other.SerializeToString(), b"", b"", b"", b"")]))
    assert row(database_url, "SELECT recorded_status FROM executions") == ("in_progress",)
    writer.close()


def test_steps_are_numbered_around_explicit_sequences(database_url: str) -> None:
    """An explicit sequence holds its place; the others are numbered in time over the places that are left."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    parts = [final_span(execution_id, 9, {semconv.EXECUTION_STATUS: "success"})]
    for number, (name, sequence) in enumerate([("a", None), ("b", 2), ("c", None), ("d", 5), ("e", None)]):
        values = {semconv.EXECUTION_ID: str(execution_id), semconv.STEP_KIND: "tool", semconv.GEN_AI_TOOL_NAME: name}
        step = Span(
            trace_id=execution_id.bytes,
            span_id=(number + 1).to_bytes(8),
            start_time_unix_nano=START_NS + number,
            end_time_unix_nano=START_NS + number,
            attributes=to_attributes({**values, **({semconv.STEP_SEQUENCE: sequence} if sequence else {})}),
        )
        parts.append(map_spans([RawItem(step.SerializeToString(), b"", b"", b"", b"")]))
    for part in parts:
        writer.write(part)
    statement = "SELECT array_agg(tool || sequence ORDER BY sequence) FROM agent_execution_steps"
    assert row(database_url, statement) == (["a1", "b2", "c3", "e4", "d5"],)
    writer.close()


def test_an_end_with_an_unknown_status_and_an_error_is_an_error(database_url: str) -> None:
    """A status that is none of ours never hides an error."""
    writer, execution_id = Writer(database_url), uuid.uuid4()
    said = {semconv.EXECUTION_STATUS: "timeout", semconv.ERROR_TYPE: "Timeout"}
    writer.write(event(execution_id, semconv.EVENT_COMPLETED, 5, said))
    assert row(database_url, "SELECT recorded_status, error_type FROM executions") == ("error", "Timeout")
    writer.close()


def test_metadata_and_files_are_bounded_in_any_order(database_url: str) -> None:
    """However many members records bring, the row keeps the same 1,000 of them."""
    execution_ids = [uuid.uuid4(), uuid.uuid4()]
    files = [[f"{part}-{number:04d}" for number in range(900)] for part in "ab"]
    writer = Writer(database_url)
    for execution_id, order in zip(execution_ids, (files, files[::-1]), strict=True):
        for part in order:
            writer.write(event(execution_id, semconv.EVENT_PROGRESS, 0, {semconv.FILES_MODIFIED: part}))
    statement = "SELECT files_modified FROM agent_executions WHERE execution_id = %s"
    kept = [row(database_url, statement, execution_id)[0] for execution_id in execution_ids]
    assert sorted(kept[0]) == sorted(kept[1]) == sorted([*files[0], *files[1]])[:1000]
    writer.close()


def test_views_work_for_a_member_of_reader_with_any_search_path(database_url: str) -> None:
    """A login that is a member of agent_otel_reader has no search_path of ours, and the views still answer."""
    with connect(database_url, application="test") as connection:
        connection.execute("SET search_path = public")
        connection.execute("SET ROLE agent_otel_reader")
        assert connection.execute("SELECT count(*) FROM agent_otel.agent_execution_steps").fetchone() == (0,)
        usage = "SELECT count(*) FROM agent_otel.agent_model_usage(now() - interval '1 day', now())"
        assert connection.execute(usage).fetchone() == (0,)
        connection.execute("SELECT agent_otel.enclosing_execution(gen_random_uuid(), 1)")


def test_a_foreign_agent_span_is_an_execution(database_url: str) -> None:
    """A GenAI invoke_agent span without our ids is an execution whose id is derived, so that a replay meets it."""
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
