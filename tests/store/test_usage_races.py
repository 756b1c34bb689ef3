"""Writers that meet over one session: a request and its execution that become known at the same moment."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import pytest

from agent_otel.local_stack.process import wait_until
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.claude_recordings import Session, together, usage
from tests.fixtures.executions import final_span
from tests.fixtures.quarantine import query

WAITING = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE '%exporter' AND wait_event_type = 'Lock'"""
SHOWN = "SELECT input_tokens FROM agent_executions WHERE execution_id = %s"


@pytest.mark.parametrize("first", ["telemetry", "start"])
def test_neither_misses_what_the_other_has_not_committed(database_url: str, first: str) -> None:
    """The one is held up before its commit, having seen nothing of the other, which then comes."""
    session = Session("2.1.330")
    logs, start = together(session.telemetry()[len(session.spans) :]), session.hooks()[0]
    spans = session.telemetry()[: len(session.spans)]
    _write(database_url, _before(session))
    held = together([spans[1], logs if first == "telemetry" else start])
    other = start if first == "telemetry" else logs
    with (
        ThreadPoolExecutor(2) as pool,
        connect(database_url, application="test") as holder,
    ):
        holder.execute("SELECT FROM traces FOR UPDATE")
        one = pool.submit(_write, database_url, held)
        assert wait_until(lambda: query(database_url, WAITING) == [(1,)], 10)
        two = pool.submit(_write, database_url, other)
        assert wait_until(_done_or_waiting(database_url, two), 10)
        holder.rollback()
        one.result(30)
        two.result(30)
    assert query(database_url, SHOWN, session.prompt) == [(usage(1, 2, 5).input_tokens,)]


def test_other_executions_wait_for_nobody(database_url: str) -> None:
    """While a session's writer is held up, an execution without a harness is stored."""
    session = Session("2.1.330")
    spans = session.telemetry()[: len(session.spans)]
    _write(database_url, _before(session))
    with ThreadPoolExecutor(1) as pool, connect(database_url, application="test") as holder:
        holder.execute("SELECT FROM traces FOR UPDATE")
        held = pool.submit(_write, database_url, together([spans[1], *session.hooks()]))
        assert wait_until(lambda: query(database_url, WAITING) == [(1,)], 10)
        _write(database_url, final_span(uuid.uuid4(), 1, {}))
        assert not held.done()
        holder.rollback()
        held.result(30)


def _before(session: Session) -> Batch:
    """What must be there so that nobody waits for it: resources, scopes, days; and the trace, locked last of all."""
    others = Session("2.1.330", other=True)
    return together([session.telemetry()[0], *others.telemetry(), *others.hooks(), final_span(uuid.uuid4(), 1, {})])


def _done_or_waiting(url: str, work: "Future[None]") -> Callable[[], bool]:
    return lambda: work.done() or query(url, WAITING) == [(2,)]


def _write(url: str, batch: Batch) -> None:
    with closing(Writer(url)) as writer:
        writer.write(batch)
