"""Executions that only log records without trace id and span id tell of: what a shell sends that knows but the id."""

import datetime as dt
import uuid
from itertools import permutations
from typing import Any

import pytest

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.cli import main
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span
from tests.fixtures.quarantine import query

MS = 1_000_000
FACTS = """SELECT agent_name, status, stage, duration_ms, service_name, correlation_id, span_id
           FROM agent_executions WHERE execution_id = %s"""
TRACE = "SELECT correlation_id, span_id IS NOT NULL FROM agent_executions WHERE execution_id = %s"


def _write(url: str, *batches: Batch) -> None:
    writer = Writer(url)
    for batch in batches:
        writer.write(batch)
    writer.close()


def _told(execution_id: uuid.UUID, **values: str) -> list[Batch]:
    """Start, progress and end as they come without ids."""
    said: dict[str, Any] = {s.CORRELATION_ID: values["correlation"]} if "correlation" in values else {}
    return [
        event(execution_id, s.EVENT_STARTED, 0, {s.GEN_AI_AGENT_NAME: "a", **said}, placed=False),
        event(execution_id, s.EVENT_PROGRESS, 2 * MS, {s.PROGRESS_STAGE: "half", **said}, placed=False),
        event(execution_id, s.EVENT_COMPLETED, 5 * MS, {s.EXECUTION_STATUS: "partial", **said}, placed=False),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_records_without_ids_make_the_row_in_any_order(database_url: str, order: tuple[int, ...]) -> None:
    """Name, stage, status and duration are there; a trace is not, and every view has the row."""
    execution_id = uuid.uuid4()
    told = _told(execution_id)
    _write(database_url, *(told[index] for index in order))
    assert query(database_url, FACTS, execution_id) == [("a", "partial", "half", 5, None, None, None)]
    logs = "SELECT agent_name, status, duration_ms, correlation_id FROM agent_execution_logs WHERE execution_id = %s"
    assert query(database_url, logs, execution_id) == [("a", "partial", 5, None)]
    episodes = "SELECT agent_name, status, duration_ms, steps FROM agent_episodes WHERE episode_id = %s"
    assert query(database_url, episodes, execution_id) == [("a", "partial", 5, [])]
    assert query(database_url, "SELECT agent, trace_id FROM panel_executions") == [("a", None)]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
@pytest.mark.parametrize("placed_by", ["event", "span"])
def test_ids_may_come_from_any_record_at_any_time(database_url: str, placed_by: str, order: tuple[int, ...]) -> None:
    """Whatever the correlation lets assume, the trace that a record really stands in is the execution's."""
    execution_id = uuid.uuid4()
    placed = {
        "event": event(execution_id, s.EVENT_STARTED, 0, {s.CORRELATION_ID: "another trace"}),
        "span": final_span(execution_id, 1 * MS, {s.EXECUTION_STATUS: "success"}),
    }
    parts = [*_told(execution_id, correlation="ticket 7"), placed[placed_by]]
    _write(database_url, *(parts[index] for index in order))
    assert query(database_url, TRACE, execution_id) == [(execution_id, True)]
    assert query(database_url, FACTS, execution_id)[0][:4] == ("a", "partial", "half", 5)


@pytest.mark.parametrize("correlation", ["ticket 7", "2B3C9A50-9B1B-4B52-8B58-52F4E9A1C7D4"])
def test_without_a_trace_the_correlation_id_still_finds_it(
    database_url: str, correlation: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`correlation_id` is where its trace would stand, in SQL and for `show`; no link leads to a trace that is none."""
    execution_id = uuid.uuid4()
    _write(database_url, *_told(execution_id, correlation=correlation))
    expected = ids.correlation_uuid(ids.trace_id(correlation))
    assert query(database_url, TRACE, execution_id) == [(expected, False)]
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    assert main(["show", correlation]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "~ a  partial  5 ms",
        f"execution {execution_id}  correlation {expected}",
    ]


@pytest.mark.parametrize("correlation", ["", str(uuid.UUID(int=0))])
def test_a_correlation_that_no_trace_can_have_is_kept_as_text(database_url: str, correlation: str) -> None:
    """Nothing is assumed of it, and the record is stored."""
    execution_id = uuid.uuid4()
    _write(database_url, *_told(execution_id, correlation=correlation))
    statement = "SELECT correlation_id, requested_correlation, status FROM agent_executions"
    assert query(database_url, statement) == [(None, correlation, "partial")]


def test_list_and_show_live_without_any_correlation(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row is listed, and shown under its id, as a tree and as JSON."""
    execution_id = uuid.uuid4()
    _write(database_url, *_told(execution_id))
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    assert main(["list"]) == 0
    assert str(execution_id) in capsys.readouterr().out
    for name in (str(execution_id), "last"):
        assert main(["show", name]) == 0
        assert capsys.readouterr().out.splitlines() == ["~ a  partial  5 ms", f"execution {execution_id}"]
    assert main(["show", "last", "--json"]) == 0


def test_an_end_alone_has_no_duration(database_url: str) -> None:
    """It is placed in time by what is known, its end; that it took 0 ms is not."""
    execution_id = uuid.uuid4()
    _write(database_url, _told(execution_id)[2])
    statement = "SELECT started_at, completed_at, duration_ms, status FROM agent_executions"
    end = dt.datetime.fromtimestamp(START_NS // 1000 / 10**6, dt.UTC).replace(microsecond=128456)
    assert query(database_url, statement) == [(end, end, None, "partial")]


def test_a_stated_start_stands_even_when_a_sign_of_life_is_earlier(database_url: str) -> None:
    """Clocks differ between hosts: the start is what says so, and the duration is counted from it."""
    execution_id = uuid.uuid4()
    early = event(execution_id, s.EVENT_PROGRESS, -9 * MS, {}, placed=False)
    for parts in permutations([early, *_told(execution_id)]):
        _write(database_url, *parts)
    assert query(database_url, "SELECT started_unix_ns, duration_ms FROM agent_executions") == [(START_NS, 5)]


def test_active_executions_need_no_trace(database_url: str) -> None:
    """One that is only known by its progress runs, with its stage."""
    execution_id = uuid.uuid4()
    writer = Writer(database_url)
    writer.write(_told(execution_id)[1])
    writer.close()
    statement = """SELECT stage, running_ms > 0, correlation_id FROM agent_executions_active
                   WHERE set_config('agent_otel.abandoned_after', '100 years', false) <> ''"""
    assert query(database_url, statement) == [("half", True, None)]
