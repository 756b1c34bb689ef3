"""A stopped server, a stopped writer, a host that is gone: nobody waits for ever, nothing is lost or doubled."""

import os
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from agent_otel import semconv
from agent_otel.errors import RetryableError
from agent_otel.exporter.group_commit import GroupCommit, Limits
from agent_otel.exporter.metrics import Metrics
from agent_otel.local_stack.process import wait_until
from agent_otel.store.connection import KEEPALIVES, connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event
from tests.fixtures.processes import Spawn
from tests.fixtures.quarantine import batch, query, span
from tests.fixtures.relay import Relay

_SECONDS = 30
_LIMITS = Limits(waiting=4, waiting_bytes=2**20, transaction_rows=1000, transaction_bytes=2**20)
_OURS = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'agent-otel exporter' AND datname = current_database()"
)


@pytest.fixture
def commits(database_url: str) -> Iterator[GroupCommit]:
    """A group commit whose writer is connected."""
    writer = Writer(database_url)
    writer.ping()
    commits = GroupCommit(writer, _LIMITS, Metrics())
    commits.start()
    yield commits
    assert commits.stop(_SECONDS)


def test_a_stopped_server_delays_and_loses_nothing(commits: GroupCommit, database_url: str) -> None:
    """While the server's process is stopped nobody gets an OK; once it runs the same batch is committed, and the
    sender that was told to come back brings a replay."""
    ((pid,),) = query(database_url, _OURS)
    os.kill(pid, signal.SIGSTOP)
    try:
        first = commits.submit(batch(span(0)))
        with pytest.raises(TimeoutError):
            first.result(0.5)
        assert not first.cancel(), "its transaction has begun: it may yet be committed"
        waiting = commits.submit(batch(span(1)))
        assert waiting.cancel(), "what waits behind it is taken back, and is the sender's again"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert first.result(_SECONDS) == 0
    assert [commits.submit(batch(span(number))).result(_SECONDS) for number in (0, 1)] == [0, 0]
    assert query(database_url, "SELECT span_id FROM spans ORDER BY 1") == [(1,), (2,)]
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(0,)]


def test_a_server_killed_while_it_was_stopped_is_made_good(commits: GroupCommit, database_url: str) -> None:
    """The stopped session never answers again: once its connection ends, the batch is written over a new one."""
    ((pid,),) = query(database_url, _OURS)
    os.kill(pid, signal.SIGSTOP)
    first = commits.submit(batch(span(0)))
    with pytest.raises(TimeoutError):
        first.result(0.5)
    query(database_url, "SELECT pg_terminate_backend(%s)", pid)
    os.kill(pid, signal.SIGCONT)
    assert first.result(_SECONDS) == 0
    assert query(database_url, "SELECT span_id FROM spans") == [(1,)]


def test_a_stopped_writer_does_not_hold_up_the_others(database_url: str, spawn: Spawn) -> None:
    """Stopped inside its transaction, it loses the session and its locks; woken up, it writes what it had, once."""
    execution_id = uuid.uuid4()
    root = str(Path(__file__).parents[2])
    program = [sys.executable, "-m", "tests.store.stopped_writer", database_url, str(execution_id), "2"]
    stopped = spawn(program, {"PYTHONPATH": root})
    held = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    assert wait_until(lambda: query(database_url, held) == [(1,)], _SECONDS)
    with closing(Writer(database_url)) as other:
        assert other.write(event(execution_id, semconv.EVENT_STARTED, 0, {})).events == 1
    assert stopped.poll() is None
    assert query(database_url, "SELECT count(*) FROM execution_events") == [(1,)]
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(_SECONDS) == 0
    assert query(database_url, "SELECT count(*) FROM execution_events") == [(2,)]
    assert query(database_url, held) == [(0,)]


def test_a_host_that_is_gone_is_noticed(database_url: str) -> None:
    """The kernel probes an idle connection and gives up unacknowledged data within half a minute, unless the URL says
    otherwise."""
    names = {"keepalives_idle": "TCP_KEEPIDLE", "tcp_user_timeout": "TCP_USER_TIMEOUT"}
    if not all(hasattr(socket, name) for name in names.values()):
        pytest.skip("this system has other names for these socket options")
    own = psycopg.conninfo.make_conninfo(database_url, keepalives_idle=77)
    for url, idle in ((database_url, KEEPALIVES["keepalives_idle"]), (own, 77)):
        with (
            closing(connect(url, application="test")) as connection,
            socket.socket(fileno=os.dup(connection.fileno())) as probe,
        ):
            found = {name: probe.getsockopt(socket.IPPROTO_TCP, getattr(socket, names[name])) for name in names}
        assert found == {"keepalives_idle": idle, "tcp_user_timeout": KEEPALIVES["tcp_user_timeout"]}


def test_a_server_that_goes_quiet_is_given_up_and_found_again(database_url: str) -> None:
    """A connection on which nothing moves ends the write with RetryableError; later the same batch is stored."""
    port = int(psycopg.conninfo.conninfo_to_dict(database_url)["port"] or 0)
    with Relay(port, allowed=2**20) as relay:
        url = psycopg.conninfo.make_conninfo(database_url, port=relay.port, tcp_user_timeout=1500, connect_timeout=2)
        with closing(Writer(url)) as writer:
            # More than the buffers on the way hold: what is sent and never acknowledged is what the kernel times.
            large = batch(*(span(number, attributes={"padding": "x" * 2**20}) for number in range(32)))
            with pytest.raises(RetryableError):
                writer.write(large)
            relay.resume()
            assert writer.write(large).spans == 32
    assert query(database_url, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(32, 32)]
