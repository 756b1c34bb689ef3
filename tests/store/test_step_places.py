"""Steps appear under the execution that they name, in whichever trace and whatever order they come."""

import uuid
from collections.abc import Iterator
from itertools import permutations

import pytest

from agent_otel import ids, semconv
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span
from tests.fixtures.quarantine import DAY_NS, batch, query, span

STEPS = "SELECT tool, correlation_id FROM agent_execution_steps WHERE execution_id = %s ORDER BY sequence"


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer on a database of its own."""
    writer = Writer(database_url)
    yield writer
    writer.close()


def step(number: int, execution_id: uuid.UUID, trace_id: uuid.UUID) -> Batch:
    """A step that names its execution, in a trace of our choice."""
    values = {semconv.EXECUTION_ID: str(execution_id), semconv.STEP_KIND: "tool", semconv.GEN_AI_TOOL_NAME: str(number)}
    record = span(number, attributes=values, start=START_NS + number)
    record.trace_id = trace_id.bytes
    return batch(record)


def joined(*parts: Batch) -> Batch:
    """Several requests in one transaction."""
    whole = Batch()
    for part in parts:
        whole.extend(part)
    return whole


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_step_in_another_trace_is_a_step_of_its_execution(
    writer: Writer, database_url: str, order: tuple[int, ...]
) -> None:
    """Its own trace and another: both steps are there, each with the trace that it stands in, in any order."""
    execution_id, other = uuid.uuid4(), uuid.uuid4()
    end = final_span(execution_id, 9, {semconv.EXECUTION_STATUS: "success"})
    parts = [step(1, execution_id, execution_id), step(2, execution_id, other), end]
    for index in order:
        writer.write(parts[index])
    assert query(database_url, STEPS, execution_id) == [("1", execution_id), ("2", other)]


def test_the_steps_of_an_execution_that_has_no_trace_are_there(writer: Writer, database_url: str) -> None:
    """Of the execution only a heartbeat is known, which does not say where it stands."""
    execution_id, other = uuid.uuid4(), uuid.uuid4()
    writer.write(event(execution_id, semconv.EVENT_HEARTBEAT, 0, {}))
    writer.write(step(1, execution_id, other))
    assert query(database_url, "SELECT trace_id FROM executions") == [(None,)]
    assert query(database_url, STEPS, execution_id) == [("1", other)]


def test_steps_that_come_with_their_execution_cost_nothing(writer: Writer, database_url: str) -> None:
    """A trace that arrives whole notes no place; one that comes before its execution notes it once."""
    execution_id, late = uuid.uuid4(), uuid.uuid4()
    end = final_span(execution_id, 9, {semconv.EXECUTION_STATUS: "success"})
    writer.write(joined(step(1, execution_id, execution_id), step(2, execution_id, execution_id), end))
    assert query(database_url, "SELECT * FROM execution_traces") == []
    for number in range(3, 6):
        writer.write(step(number, late, late))
    writer.write(joined(step(5, late, late), step(6, late, late)))
    other = Writer(database_url)
    other.write(step(7, late, late))
    other.close()
    assert query(database_url, "SELECT * FROM execution_traces") == [(late, late)]


def test_the_enclosing_execution_is_sought_in_the_days_of_the_trace_only(database_url: str, writer: Writer) -> None:
    """However many days there are, looking above a span opens those that its trace touches."""
    execution_id = uuid.uuid4()
    root = ids.execution_span_id(execution_id)
    above, below = span(1), span(2)
    for record, parent in ((above, root), (below, 2)):
        record.trace_id, record.parent_span_id = execution_id.bytes, parent.to_bytes(8)
    writer.write(joined(batch(above, below), final_span(execution_id, 9, {semconv.EXECUTION_STATUS: "success"})))
    writer.write(batch(*(span(100 + day, start=START_NS + day * DAY_NS) for day in range(1, 25))))
    with connect(database_url, application="test") as connection:
        found = connection.execute("SELECT enclosing_execution(%s, 3)", [execution_id]).fetchone()
        opened = connection.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_inherits i ON i.inhrelid = l.relation"
            " WHERE l.pid = pg_backend_pid() AND i.inhparent = 'spans'::regclass"
        ).fetchone()
    assert (found, opened) == ((execution_id,), (1,))


def test_a_step_in_the_assumed_trace_is_there_when_the_trace_proves_another(writer: Writer, database_url: str) -> None:
    """A record without ids lets assume a trace, and a step stands in it; the execution itself stands elsewhere."""
    execution_id, assumed = uuid.uuid4(), uuid.uuid4()
    told = event(execution_id, semconv.EVENT_STARTED, 0, {semconv.CORRELATION_ID: str(assumed)}, placed=False)
    writer.write(joined(told, step(1, execution_id, assumed)))
    assert query(database_url, STEPS, execution_id) == [("1", assumed)]
    writer.write(final_span(execution_id, 9, {semconv.EXECUTION_STATUS: "success"}))
    assert query(database_url, STEPS, execution_id) == [("1", assumed)]
