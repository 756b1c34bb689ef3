"""Connections at the HTTP port: kept, lost, slow, too many, many at once."""

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import TIMEOUT, post
from tests.contract.test_http_rules import PROTOBUF, body_of, head, status

_SECONDS = 20


def test_a_connection_serves_many_requests(exporter: Exporter) -> None:
    """Keep-alive holds over good and bad requests alike, as long as their bodies were read."""
    connection = http.client.HTTPConnection(*exporter.addresses.http, timeout=TIMEOUT)
    try:
        connection.connect()
        first = connection.sock
        for body, expected in ((b"", 200), (b"\xff", 400), (body_of(numbered.new_trace(), "a"), 200)):
            connection.request("POST", "/v1/traces", body, PROTOBUF)
            with connection.getresponse() as response:
                assert response.status == expected
                response.read()
        assert connection.sock is first
    finally:
        connection.close()


def test_a_sender_that_goes_away_mid_body_leaves_nothing_behind(exporter: Exporter) -> None:
    """Its room is free again and the exporter goes on."""
    with socket.create_connection(exporter.addresses.http, timeout=TIMEOUT) as connection:
        connection.sendall(head("Content-Length: 1000") + b"x" * 10)

    def empty() -> bool:
        return "\nagent_otel_exporter_in_flight_bytes 0.0" in exporter.admin("/metrics")[1]

    assert wait_until(empty, _SECONDS)
    assert exporter.admin("/healthz")[0] == 200


def test_slow_senders_are_cut_off_and_others_are_served(database_url: str) -> None:
    """With as many silent and dripping senders as would hold every thread, a good one is served at once."""
    with (
        running(database_url, HTTP_THREADS="4", HEADER_SECONDS="1", BODY_SECONDS="1") as exporter,
        ExitStack() as stack,
    ):
        for _ in range(50):
            stack.enter_context(socket.create_connection(exporter.addresses.http))
        dripping = [stack.enter_context(socket.create_connection(exporter.addresses.http)) for _ in range(3)]
        for connection in dripping[:2]:
            connection.sendall(b"POST /v1/traces HT")
        dripping[2].sendall(head("Content-Length: 100") + b"x")
        started = time.monotonic()
        assert post(exporter.addresses.http, "/v1/traces", body_of(numbered.new_trace(), "a"), PROTOBUF)[0] == 200
        assert time.monotonic() - started < 0.9
        answers = []
        for connection in dripping:
            connection.settimeout(TIMEOUT)
            answers.append(status(connection.recv(1000)))
        assert answers == [408, 408, 503]
        assert time.monotonic() - started < 5


def test_connections_beyond_the_limit_are_closed(database_url: str) -> None:
    """The connections that are open go on working, and a place that becomes free can be taken."""
    with running(database_url, CONNECTIONS="2") as exporter, ExitStack() as stack:
        first, _second = [stack.enter_context(socket.create_connection(exporter.addresses.http)) for _ in range(2)]
        third = stack.enter_context(socket.create_connection(exporter.addresses.http, timeout=TIMEOUT))
        assert third.recv(1) == b""
        first.sendall(head("Content-Length: 0"))
        first.settimeout(TIMEOUT)
        assert status(first.recv(1000)) == 200
        first.close()
        assert wait_until(lambda: _answers(exporter), _SECONDS)


def _answers(exporter: Exporter) -> bool:
    try:
        return post(exporter.addresses.http, "/v1/traces", b"", PROTOBUF)[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def test_many_clients_at_once_each_get_their_answer(database_url: str) -> None:
    """Forty concurrent requests on as many connections: each is OK and stored, or is told to come back and is not."""
    traces = [numbered.new_trace() for _ in range(40)]
    with running(database_url, REQUESTS="8") as exporter, ThreadPoolExecutor(40) as threads:
        answers = list(
            threads.map(
                lambda trace: post(exporter.addresses.http, "/v1/traces", body_of(trace, "a"), PROTOBUF)[:2], traces
            )
        )
        assert sum(status == 200 for status, _ in answers) >= 8
        for trace, (status, headers) in zip(traces, answers, strict=True):
            assert status == 200 or (status, headers["Retry-After"]) == (503, "1")
            assert numbered.stored_spans(exporter, trace) == (["a"] if status == 200 else [])
