"""What cannot be stored now is refused in a way that makes senders keep it, and nothing of it is lost or doubled."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import psycopg
import pytest

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import DOORS, TRACES, Door

every_door = pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])

_OK = grpc.StatusCode.OK
_SECONDS = 20


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Keep every transaction that writes spans waiting."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE agent_otel.spans IN ACCESS EXCLUSIVE MODE")
        yield


def metric(exporter: Exporter, name: str) -> float:
    """The value of a metric without labels."""
    lines = exporter.admin("/metrics")[1].splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"agent_otel_exporter_{name} "))


@pytest.fixture(scope="module")
def without_database() -> Iterator[Exporter]:
    """An exporter whose database does not answer."""
    with running(f"postgresql://user:secret-password@127.0.0.1:{free_port()}/none") as exporter:
        yield exporter


@every_door
def test_without_database_the_sender_is_told_to_come_back(without_database: Exporter, door: Door) -> None:
    """UNAVAILABLE or 503, in one second, and no word about where the database is or its password."""
    body = numbered.traces(numbered.new_trace(), "a").SerializeToString()
    reply = door.send(without_database.addresses, TRACES, body)
    assert (reply.code, reply.retry_after) == (grpc.StatusCode.UNAVAILABLE, 1.0)
    assert "secret" not in reply.message
    assert "127.0.0.1" not in reply.message


def test_without_database_the_exporter_is_alive_and_not_ready(without_database: Exporter) -> None:
    """/healthz stays 200 while /readyz is 503 and says why, without the password."""
    assert without_database.admin("/healthz")[0] == 200
    status, body = without_database.admin("/readyz")
    assert status == 503
    assert "PostgreSQL" in body
    assert "secret" not in body


@every_door
def test_more_than_fits_is_refused_until_there_is_room(database_url: str, door: Door) -> None:
    """While one request holds most of the room a second gets RESOURCE_EXHAUSTED with a retry hint; both end stored."""
    first, second = numbered.new_trace(), numbered.new_trace()
    large = "x" * 40_000
    with (
        running(database_url, MAX_BODY="64KiB", IN_FLIGHT="64KiB") as exporter,
        ThreadPoolExecutor() as threads,
    ):
        with locked(database_url):
            waiting = threads.submit(
                DOORS[0].send, exporter.addresses, TRACES, numbered.traces(first, large).SerializeToString()
            )
            assert wait_until(lambda: metric(exporter, "in_flight_bytes") > 40_000, _SECONDS)
            refused = door.send(exporter.addresses, TRACES, numbered.traces(second, large).SerializeToString())
        assert (refused.code, refused.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0)
        assert waiting.result().code is _OK
        assert numbered.stored_spans(exporter, second) == []
        assert door.send(exporter.addresses, TRACES, numbered.traces(second, large).SerializeToString()).code is _OK
        assert numbered.stored_spans(exporter, first) == numbered.stored_spans(exporter, second) == [large]


@every_door
def test_a_commit_that_takes_too_long_may_be_repeated(database_url: str, door: Door) -> None:
    """After the time for a request the sender is told to come back; sent again it is there once."""
    trace = numbered.new_trace()
    body = numbered.traces(trace, "a", "b").SerializeToString()
    with running(database_url, REQUEST_SECONDS="0.3") as exporter:
        with locked(database_url):
            late = door.send(exporter.addresses, TRACES, body)
            # The first may be in a transaction already; this one still waits and is taken back.
            again = door.send(exporter.addresses, TRACES, body)
        assert {late.code, again.code} == {grpc.StatusCode.UNAVAILABLE}
        assert late.retry_after == again.retry_after == 1.0
        assert wait_until(lambda: door.send(exporter.addresses, TRACES, body).code is _OK, _SECONDS)
        assert numbered.stored_spans(exporter, trace) == ["a", "b"]


def test_a_full_queue_refuses(database_url: str) -> None:
    """With room for one waiting request, a third one is refused with a retry hint and the first two are stored."""
    traces = [numbered.new_trace() for _ in range(3)]
    bodies = [numbered.traces(trace, "a").SerializeToString() for trace in traces]
    with running(database_url, QUEUE="1") as exporter, ThreadPoolExecutor() as threads:
        with locked(database_url):
            first = threads.submit(DOORS[0].send, exporter.addresses, TRACES, bodies[0])
            assert wait_until(lambda: _waits_for_lock(exporter), _SECONDS)
            second = threads.submit(DOORS[0].send, exporter.addresses, TRACES, bodies[1])
            assert wait_until(lambda: metric(exporter, "queue_batches") == 1, _SECONDS)
            third = DOORS[0].send(exporter.addresses, TRACES, bodies[2])
        assert (third.code, third.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0)
        assert [first.result().code, second.result().code] == [_OK, _OK]
        assert [numbered.stored_spans(exporter, trace) for trace in traces] == [["a"], ["a"], []]


def _waits_for_lock(exporter: Exporter) -> bool:
    return bool(
        exporter.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    )


def test_requests_that_wait_together_share_a_transaction(database_url: str) -> None:
    """Eight requests that arrive during a slow commit are stored by one more transaction, each acknowledged."""
    traces = [numbered.new_trace() for _ in range(9)]
    bodies = [numbered.traces(trace, "a").SerializeToString() for trace in traces]
    with running(database_url) as exporter, ThreadPoolExecutor(9) as threads:
        with locked(database_url):
            first = threads.submit(DOORS[0].send, exporter.addresses, TRACES, bodies[0])
            assert wait_until(lambda: _waits_for_lock(exporter), _SECONDS)
            others = [threads.submit(DOORS[0].send, exporter.addresses, TRACES, body) for body in bodies[1:]]
            assert wait_until(lambda: metric(exporter, "queue_batches") == 8, _SECONDS)
        assert {reply.result().code for reply in (first, *others)} == {_OK}
        assert metric(exporter, "batch_rows_count") == 2
        assert all(numbered.stored_spans(exporter, trace) == ["a"] for trace in traces)
