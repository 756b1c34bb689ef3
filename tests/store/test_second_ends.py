"""More than one end of an execution: repeated, later, worse, inferred by a harness."""

import uuid
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span
from tests.fixtures.quarantine import query

MS = 1_000_000
ENDS = "SELECT status, duration_ms, error_type, result, end_inferred FROM agent_executions WHERE execution_id = %s"


def _write(url: str, batches: Sequence[Batch]) -> None:
    writer = Writer(url)
    for batch in batches:
        writer.write(batch)
    writer.close()


def _start(execution_id: uuid.UUID) -> Batch:
    return event(execution_id, s.EVENT_STARTED, 0, {s.GEN_AI_AGENT_NAME: "a"})


def _end(execution_id: uuid.UUID, at_ms: int, status: str, **more: Any) -> Batch:
    """A completion as the helpers and the command send it: its id is the same whoever sends it."""
    named = {s.EVENT_ID: str(ids.event_id(execution_id, s.EVENT_COMPLETED)), s.EXECUTION_STATUS: status}
    known = {"error": s.ERROR_TYPE, "result": s.GEN_AI_OUTPUT_MESSAGES, "inferred": s.EXECUTION_INFERRED}
    said = {known[name]: value for name, value in more.items()}
    return event(execution_id, s.EVENT_COMPLETED, at_ms * MS, {**named, **said})


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_the_later_of_two_ends_is_the_row_and_both_are_kept(database_url: str, order: tuple[int, ...]) -> None:
    """Same event id, other times: two events, one row, nothing refused; a replay of either changes nothing."""
    execution_id = uuid.uuid4()
    first, second = _end(execution_id, 5, "error", error="Timeout"), _end(execution_id, 9, "success", result="r")
    parts = [_start(execution_id), first, second, first]
    _write(database_url, [parts[index] for index in order])
    assert query(database_url, ENDS, execution_id) == [("success", 9, None, "r", False)]
    events = "SELECT event_name, count(*) FROM execution_events GROUP BY 1 ORDER BY 1"
    assert query(database_url, events) == [(s.EVENT_COMPLETED, 2), (s.EVENT_STARTED, 1)]
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(0,)]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_two_ends_of_one_moment_are_one_event_and_the_worse_row(database_url: str, order: tuple[int, ...]) -> None:
    """The first to come is kept, the other is in quarantine; which was first does not decide the row."""
    execution_id = uuid.uuid4()
    parts = [_start(execution_id), _end(execution_id, 5, "success"), _end(execution_id, 5, "error", error="Timeout")]
    _write(database_url, [parts[index] for index in order])
    assert query(database_url, ENDS, execution_id) == [("error", 5, "Timeout", None, False)]
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(1,)]


@pytest.mark.parametrize("inferred_at", [3, 5, 9], ids="inferred at {} ms".format)
@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_a_stated_end_replaces_an_inferred_one_whenever_it_was(
    database_url: str, order: tuple[int, ...], inferred_at: int
) -> None:
    """A harness concludes that an agent was cancelled, earlier, at once or later; the agent says how it ended."""
    execution_id = uuid.uuid4()
    parts = [
        _start(execution_id),
        _end(execution_id, inferred_at, "cancelled", inferred=True, error="SessionEnd"),
        _end(execution_id, 5, "success", result="r"),
        event(execution_id, s.EVENT_PROGRESS, 20 * MS, {s.PROGRESS_STAGE: "late"}),
    ]
    _write(database_url, [parts[index] for index in order])
    assert query(database_url, ENDS, execution_id) == [("success", 5, None, "r", False)]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_inferred_span_stays_and_the_stated_end_is_the_row(database_url: str, order: tuple[int, ...]) -> None:
    """Who closes first sends the span, here the harness; the agent's own end comes as an event only."""
    execution_id = uuid.uuid4()
    inferred = {s.EXECUTION_STATUS: "cancelled", s.EXECUTION_INFERRED: True}
    parts = [_start(execution_id), final_span(execution_id, 9 * MS, inferred), _end(execution_id, 5, "success")]
    _write(database_url, [parts[index] for index in order])
    assert query(database_url, ENDS, execution_id) == [("success", 5, None, None, False)]
    assert query(database_url, "SELECT count(*), max(attributes ->> %s) FROM spans", s.EXECUTION_STATUS) == [
        (1, "cancelled")
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_inferred_end_closes_what_nobody_else_did(database_url: str, order: tuple[int, ...]) -> None:
    """It stands above every open record, later ones too, and says of itself what it is."""
    execution_id = uuid.uuid4()
    parts = [
        _start(execution_id),
        _end(execution_id, 5, "cancelled", inferred=True),
        event(execution_id, s.EVENT_HEARTBEAT, 9 * MS, {}),
    ]
    _write(database_url, [parts[index] for index in order])
    assert query(database_url, ENDS, execution_id) == [("cancelled", 5, None, None, True)]


def test_an_end_stored_before_inferred_ends_were_known_keeps_its_rank(database_url: str) -> None:
    """A row of an earlier release meets an inferred end: what it holds is a stated one."""
    execution_id = uuid.uuid4()
    _write(database_url, [_start(execution_id), _end(execution_id, 5, "success")])
    stored = "SELECT left(facts #>> '{status,0}', 1), length(facts #>> '{status,0}') FROM executions"
    assert query(database_url, stored) == [("1", 35)]
    _write(database_url, [_end(execution_id, 9, "cancelled", inferred=True)])
    assert query(database_url, ENDS, execution_id) == [("success", 5, None, None, False)]


def test_an_open_execution_has_no_inferred_end(database_url: str) -> None:
    """Nor does the attribute on a start make one."""
    execution_id = uuid.uuid4()
    _write(database_url, [event(execution_id, s.EVENT_STARTED, 0, {s.EXECUTION_INFERRED: True})])
    assert query(database_url, "SELECT recorded_status, end_inferred FROM executions JOIN agent_executions USING"
                               " (execution_id)") == [("in_progress", False)]  # fmt: skip
