"""Each limit at its boundary: one less, just it, one more; and the counter that says it was hit."""

import gzip
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from agent_otel.exporter.mapping import MAX_ITEM_BYTES
from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import DOORS, TRACES, Door, post
from tests.contract.test_come_back_later import locked, metric
from tests.contract.test_hostile_requests import counted
from tests.contract.test_http_rules import PROTOBUF, head, raw, status

_OK, _TOO_MUCH = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED
_LIMIT = 64 * 1024
_SECONDS = 20
every_door = pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])


def padded(size: int, *, json: bool) -> tuple[bytes, bytes]:
    """A request of just this many bytes with one span, and its trace id."""
    trace = numbered.new_trace()
    if json:
        span = f'{{"traceId":"{trace.hex()}","spanId":"{1:016x}","name":"a"}}'
        body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode()
        return body + b" " * (size - len(body)), trace
    body = numbered.traces(trace, "a").SerializeToString()
    # An unknown field, number 100, whose length is written in three bytes.
    rest = size - len(body) - 5
    return body + b"\xa2\x06" + bytes([rest & 127 | 128, rest >> 7 & 127 | 128, rest >> 14]) + bytes(rest), trace


@every_door
def test_bodies_around_the_limit(database_url: str, door: Door) -> None:
    """The limit holds for what is sent and for what is inside; a body of just the limit is taken."""
    with running(database_url, MAX_BODY="64KiB", IN_FLIGHT="256KiB") as exporter:
        for size, expected in ((_LIMIT - 1, _OK), (_LIMIT, _OK), (_LIMIT + 1, _TOO_MUCH)):
            body, trace = padded(size, json=door.name.startswith("json"))
            assert len(body) == size
            reply = door.send_raw(exporter.addresses, TRACES, body)
            assert (reply.code, reply.retry_after) == (expected, None)
            assert numbered.stored_spans(exporter, trace) == (["a"] if expected is _OK else [])
        gzip_door = door.name.endswith("gzip")
        limit = "grpc_message" if door.name.startswith("grpc") else "inflated_body" if gzip_door else "body"
        # gRPC's own library answers, perhaps before we count.
        assert wait_until(lambda: counted(exporter, limit) == 1, _SECONDS)


@every_door
def test_items_around_the_limit(database_url: str, door: Door) -> None:
    """Four and five spans of five are taken, six are not, none of them."""
    with running(database_url, MAX_ITEMS="5") as exporter:
        for count, expected in ((4, _OK), (5, _OK), (6, _TOO_MUCH)):
            trace = numbered.new_trace()
            names = [f"span {number}" for number in range(count)]
            reply = door.send(exporter.addresses, TRACES, numbered.traces(trace, *names).SerializeToString())
            assert reply.code is expected
            assert numbered.stored_spans(exporter, trace) == (names if expected is _OK else [])
        assert counted(exporter, "items") == 1


def test_heads_around_the_limit(database_url: str) -> None:
    """A head of just the limit is read, one more byte is a 413."""
    with running(database_url, HEADER_BYTES="1KiB") as exporter:
        for size, expected in ((1023, 200), (1024, 200), (1025, 413)):
            short = head("Content-Length: 0", "X: ")
            sent = head("Content-Length: 0", "X: " + "v" * (size - len(short)))
            assert len(sent) == size
            assert status(raw(exporter, sent)) == expected
        assert counted(exporter, "header_bytes") == 1


def test_connections_around_the_limit(database_url: str) -> None:
    """Three stay open and work; the fourth is closed, and counted."""
    with running(database_url, CONNECTIONS="3") as exporter, ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(exporter.addresses.http, 20)) for _ in range(4)]
        assert connections[3].recv(1) == b""
        for connection in connections[:3]:
            connection.sendall(head("Content-Length: 0"))
            assert status(connection.recv(1000)) == 200
        assert counted(exporter, "connections") == 1


@every_door
def test_requests_around_the_limit(database_url: str, door: Door) -> None:
    """Two are under way and stored in the end; a third one is told to come back, at once."""
    with running(database_url, REQUESTS="2") as exporter, ThreadPoolExecutor() as threads:
        traces = [numbered.new_trace() for _ in range(3)]
        bodies = [numbered.traces(trace, "a").SerializeToString() for trace in traces]
        with locked(database_url):
            waiting = [threads.submit(door.send, exporter.addresses, TRACES, body) for body in bodies[:2]]
            assert wait_until(lambda: exporter.received() == 2, _SECONDS)
            third = door.send(exporter.addresses, TRACES, bodies[2])
            assert (third.code, third.retry_after) == (_TOO_MUCH, 1)
        assert [reply.result().code for reply in waiting] == [_OK, _OK]
        assert [numbered.stored_spans(exporter, trace) for trace in traces] == [["a"], ["a"], []]
        assert counted(exporter, "requests") == 1


@pytest.mark.parametrize("size", [MAX_ITEM_BYTES - 1, MAX_ITEM_BYTES, MAX_ITEM_BYTES + 1], ids=["-1", "0", "+1"])
@pytest.mark.parametrize("name", ["grpc", "http", "json"])
def test_spans_around_the_limit(wide: Exporter, name: str, size: int) -> None:
    """A span of 16 MiB is stored whole; one byte more is in quarantine, and its neighbour is stored."""
    door = next(door for door in DOORS if door.name == name)
    trace = numbered.new_trace()
    request = numbered.traces(trace, "neighbour", "large")
    span = request.resource_spans[0].scope_spans[0].spans[1]
    value = span.attributes.add(key="gen_ai.prompt").value
    value.string_value = "x" * (size - 100)
    value.string_value += "x" * (size - span.ByteSize())
    assert span.ByteSize() == size
    reply = door.send(wide.addresses, TRACES, request.SerializeToString())
    fits = size <= MAX_ITEM_BYTES
    assert (reply.code, reply.rejected) == (_OK, None if fits else 1)
    assert numbered.stored_spans(wide, trace) == (["large", "neighbour"] if fits else ["neighbour"])


def _full(exporter: Exporter) -> Any:
    large = numbered.traces(numbered.new_trace(), "x" * 40_000).SerializeToString()
    return DOORS[2].send(exporter.addresses, TRACES, large)


@pytest.mark.parametrize(
    ("settings", "limit", "ready"),
    [
        (
            {"MAX_BODY": "64KiB", "IN_FLIGHT": "64KiB"},
            "in_flight",
            lambda exporter: metric(exporter, "in_flight_bytes"),
        ),
        ({"REQUEST_SECONDS": "0.2"}, "request_seconds", lambda _exporter: True),
    ],
    ids=["in flight", "request seconds"],
)
def test_what_must_come_back_is_counted(
    database_url: str, settings: dict[str, str], limit: str, ready: Callable[[Exporter], object]
) -> None:
    """No room, or no commit in time: retryable, and counted under its name."""
    with running(database_url, **settings) as exporter, ThreadPoolExecutor() as threads:
        with locked(database_url):
            first = threads.submit(_full, exporter)
            assert wait_until(lambda: bool(ready(exporter)), _SECONDS)
            assert _full(exporter).retry_after == 1.0
        first.result()
        assert counted(exporter, limit) >= 1


def test_late_heads_and_bodies_are_counted(database_url: str) -> None:
    """A head that does not end in time, and a body."""
    with running(database_url, HEADER_SECONDS="0.2", BODY_SECONDS="0.2") as exporter, ExitStack() as stack:
        for start in (b"POST /v1/tr", head("Content-Length: 100") + b"x"):
            connection = stack.enter_context(socket.create_connection(exporter.addresses.http, 20))
            connection.sendall(start)
            assert status(connection.recv(1000)) in (408, 503)
        assert (counted(exporter, "header_seconds"), counted(exporter, "body_seconds")) == (1, 1)


def test_slow_senders_hold_no_thread(database_url: str) -> None:
    """Sixty senders of half a request, against two threads: a good client does not wait for any of them."""
    halves = (
        b"POST /v1/traces HTTP/1.1\r\nHost: loc",
        head("Content-Length: 1000") + b"x",
        head("Content-Length: 70000000") + b"x" * 5_000,
        head("Transfer-Encoding: chunked") + b"3e8\r\nx",
    )
    with (
        running(database_url, HTTP_THREADS="2", HEADER_SECONDS="60", BODY_SECONDS="60") as exporter,
        ExitStack() as stack,
    ):
        for number in range(60):
            connection = stack.enter_context(socket.create_connection(exporter.addresses.http))
            connection.sendall(halves[number % len(halves)])
        for _ in range(5):
            trace = numbered.new_trace()
            body = numbered.traces(trace, "good").SerializeToString()
            assert post(exporter.addresses.http, "/v1/traces", body, PROTOBUF)[0] == 200
            assert numbered.stored_spans(exporter, trace) == ["good"]
        assert counted(exporter, "body_seconds") == counted(exporter, "header_seconds") == 0


def test_large_slow_senders_make_way(database_url: str) -> None:
    """Who sent enough to get a thread and then stops keeps it only until somebody waits for it."""
    with running(database_url, HTTP_THREADS="2", BODY_SECONDS="60") as exporter, ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(socket.create_connection(exporter.addresses.http))
            connection.sendall(head("Content-Length: 1000000") + b"x" * 20_000)
        assert wait_until(lambda: metric(exporter, "in_flight_bytes") == 2_000_000, _SECONDS)
        assert post(exporter.addresses.http, "/v1/traces", b"", PROTOBUF)[0] == 200
        assert wait_until(lambda: counted(exporter, "body_seconds") >= 1, _SECONDS)


def test_chunks_in_any_pieces_are_taken(exporter: Exporter) -> None:
    """A body whose chunks arrive a few bytes at a time is complete when its last one is."""
    trace = numbered.new_trace()
    body = gzip.compress(numbered.traces(trace, "a").SerializeToString())
    sent = (
        head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    )
    assert status(raw(exporter, *[sent[start : start + 50] for start in range(0, len(sent), 50)])) == 200
    assert numbered.stored_spans(exporter, trace) == ["a"]
