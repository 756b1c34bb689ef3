"""HTTP's own rules at the OTLP and admin ports: framing, encodings, methods, hosts, slow and many senders."""

import gzip
import http.client
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import TIMEOUT, post

_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_GZIP = {**_PROTOBUF, "Content-Encoding": "gzip"}
_SECONDS = 20


def raw(exporter: Exporter, *parts: bytes) -> bytes:
    """Send bytes on a connection of their own and return all that comes back until it is closed."""
    with socket.create_connection(exporter.addresses.http, timeout=TIMEOUT) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


def head(*lines: str) -> bytes:
    """A POST of protobuf to /v1/traces whose connection is to be closed, up to the empty line."""
    common = (
        "POST /v1/traces HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/x-protobuf",
        "Connection: close",
    )
    return "\r\n".join((*common, *lines, "", "")).encode()


def status(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


def body_of(trace: bytes, *names: str) -> bytes:
    """A protobuf request."""
    data: bytes = numbered.traces(trace, *names).SerializeToString()
    return data


def test_chunked_bodies_without_a_length_are_taken(exporter: Exporter) -> None:
    """A chunked body, plain or gzip, in pieces of any size, is one request."""
    encoders: tuple[tuple[Callable[[bytes], bytes], dict[str, str]], ...] = ((bytes, _PROTOBUF), (gzip.compress, _GZIP))
    for encode, headers in encoders:
        trace = numbered.new_trace()
        body = encode(body_of(trace, "a", "b"))

        def pieces(body: bytes = body) -> Iterator[bytes]:
            for start in range(0, len(body), 7):
                yield body[start : start + 7]

        answer, _, _ = post(exporter.addresses.http, "/v1/traces", pieces(), headers)
        assert answer == 200
        assert numbered.stored_spans(exporter, trace) == ["a", "b"]


def test_chunk_extensions_and_trailers_are_read_over(exporter: Exporter) -> None:
    """Both are allowed by RFC 9112; the connection stays in step for the next request."""
    trace = numbered.new_trace()
    body = body_of(trace, "a")
    chunk = f"{len(body):x};name=value\r\n".encode() + body + b"\r\n0\r\nX-Trailer: 1\r\n\r\n"
    keep = head("Transfer-Encoding: chunked").replace(b"Connection: close\r\n", b"")
    answer = raw(exporter, keep + chunk + head("Content-Length: 0"))
    assert answer.count(b"HTTP/1.1 200") == 2
    assert numbered.stored_spans(exporter, trace) == ["a"]


@pytest.mark.parametrize(
    "sent",
    [
        head("Transfer-Encoding: chunked") + b"zz\r\n",
        head("Transfer-Encoding: chunked") + b"-5\r\n",
        head("Transfer-Encoding: chunked") + b"5\r\nabcdefgh\r\n",
        head("Transfer-Encoding: chunked") + b"0\r\n" + b"X: 1\r\n" * 40,
        head("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
        head("Content-Length: +5") + b"abcde",
        head("Content-Length: -5"),
    ],
    ids=["not hex", "negative", "longer than its size", "trailers", "both framings", "sign", "negative length"],
)
def test_wrong_framing_is_a_bad_request(exporter: Exporter, sent: bytes) -> None:
    """Framing that two programs could read differently is refused, and the connection is closed."""
    assert status(raw(exporter, sent)) == 400


def test_a_body_beyond_the_limit_is_refused_while_it_is_sent(exporter: Exporter) -> None:
    """The answer to 8 MiB against a limit of 1 MiB arrives, with or without a length announced."""
    body = bytes(8 * 2**20)
    announced, _, _ = post(exporter.addresses.http, "/v1/traces", body, _PROTOBUF)
    chunked, _, _ = post(exporter.addresses.http, "/v1/traces", iter([body]), _PROTOBUF)
    assert (announced, chunked) == (413, 413)


def test_a_bomb_is_refused_before_it_is_inflated(exporter: Exporter) -> None:
    """300 MiB of zeros in 300 KiB of gzip, against a limit of 1 MiB, is a 413 at once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(bytes(2**20)) for _ in range(300)]) + packer.flush()
    assert len(bomb) < 2**20
    started = time.monotonic()
    answer, _, _ = post(exporter.addresses.http, "/v1/traces", bomb, _GZIP)
    assert answer == 413
    assert time.monotonic() - started < 2


def test_gzip_of_several_members_is_one_body(exporter: Exporter) -> None:
    """RFC 1952 allows members one after the other."""
    trace = numbered.new_trace()
    body = body_of(trace, "a", "b", "c")
    members = b"".join(gzip.compress(body[start : start + 50]) for start in range(0, len(body), 50))
    assert post(exporter.addresses.http, "/v1/traces", members, _GZIP)[0] == 200
    assert numbered.stored_spans(exporter, trace) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:-8] + struct.pack("<I", 0) + packed[-4:],
        lambda packed: packed[:-4] + struct.pack("<I", 1),
        lambda packed: packed + b"more",
        lambda packed: bytes(len(packed)),
    ],
    ids=["truncated", "checksum", "length", "garbage behind", "no gzip"],
)
def test_broken_gzip_is_a_bad_request(exporter: Exporter, spoil: Callable[[bytes], bytes]) -> None:
    """What gzip's own checks find wrong is never decoded, nor stored."""
    trace = numbered.new_trace()
    answer, _, _ = post(exporter.addresses.http, "/v1/traces", spoil(gzip.compress(body_of(trace, "a"))), _GZIP)
    assert answer == 400
    assert numbered.stored_spans(exporter, trace) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {**_PROTOBUF, "Content-Encoding": "deflate"},
        {**_PROTOBUF, "Content-Encoding": "gzip, gzip"},
    ],
    ids=["no type", "text", "form", "deflate", "twice"],
)
def test_unknown_types_and_encodings_are_415(exporter: Exporter, headers: dict[str, str]) -> None:
    """What a web page can send without asking (forms, plain text) is not taken either."""
    answer, answered, body = post(exporter.addresses.http, "/v1/traces", b"", headers)
    assert answer == 415
    if answered["Content-Type"] == "application/json":
        assert "Content-Type must be" in json.loads(body)["message"]


def test_parameters_of_the_content_type_are_ignored(exporter: Exporter) -> None:
    """application/json; charset=utf-8 is application/json."""
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert post(exporter.addresses.http, "/v1/traces", b"{}", headers)[0] == 200


def test_other_methods_and_paths(exporter: Exporter) -> None:
    """405 names the method that is taken, 404 the paths; nothing redirects and nothing allows other origins."""
    answer, headers, _ = post(exporter.addresses.http, "/v1/traces", None, {}, "GET")
    assert (answer, headers["Allow"]) == (405, "POST")
    answer, headers, body = post(exporter.addresses.http, "/", None, {"Origin": "http://example.com"}, "OPTIONS")
    assert answer == 404
    assert "/v1/traces" in json.loads(body)["message"]
    assert not [name for name in headers if name.lower().startswith("access-control")]
    answer, _, body = post(exporter.addresses.http, "/v1/metrics", b"{}", {"Content-Type": "application/json"})
    assert answer == 404
    assert "metrics" in json.loads(body)["message"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:4318", 200),
        ("LOCALHOST.", 200),
        ("127.0.0.1:4318", 200),
        ("[::1]:4318", 200),
        ("192.0.2.7", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:4318", 403),
        ("", 403),
    ],
)
def test_only_our_names_are_served(exporter: Exporter, host: str, expected: int) -> None:
    """A name that a web page had resolved to us (DNS rebinding) is refused; addresses and our own names are not."""
    headers = {**_PROTOBUF, "Host": host}
    assert post(exporter.addresses.http, "/v1/traces", b"", headers)[0] == expected
    assert post(exporter.addresses.admin, "/healthz", None, {"Host": host}, "GET")[0] == expected


def test_a_connection_serves_many_requests(exporter: Exporter) -> None:
    """Keep-alive holds over good and bad requests alike, as long as their bodies were read."""
    connection = http.client.HTTPConnection(*exporter.addresses.http, timeout=TIMEOUT)
    try:
        connection.connect()
        first = connection.sock
        for body, expected in ((b"", 200), (b"\xff", 400), (body_of(numbered.new_trace(), "a"), 200)):
            connection.request("POST", "/v1/traces", body, _PROTOBUF)
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
        assert post(exporter.addresses.http, "/v1/traces", body_of(numbered.new_trace(), "a"), _PROTOBUF)[0] == 200
        assert time.monotonic() - started < 0.9
        answers = []
        for connection in dripping:
            connection.settimeout(TIMEOUT)
            answers.append(status(connection.recv(1000)))
        assert answers == [408, 408, 503]


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
        return post(exporter.addresses.http, "/v1/traces", b"", _PROTOBUF)[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def test_many_clients_at_once_each_get_their_answer(exporter: Exporter) -> None:
    """Forty concurrent requests on as many connections: each is OK and stored."""
    traces = [numbered.new_trace() for _ in range(40)]
    with ThreadPoolExecutor(40) as threads:
        answers = list(
            threads.map(
                lambda trace: post(exporter.addresses.http, "/v1/traces", body_of(trace, "a"), _PROTOBUF)[0], traces
            )
        )
    assert answers == [200] * 40
    assert all(numbered.stored_spans(exporter, trace) == ["a"] for trace in traces)


def test_the_admin_port_answers_gets_of_its_pages_only(exporter: Exporter) -> None:
    """HEAD has no body; other methods are 405, other pages 404."""
    assert exporter.admin("/healthz") == (200, '{"status": "alive"}\n')
    assert exporter.admin("/readyz") == (200, '{"status": "ready"}\n')
    assert post(exporter.addresses.admin, "/healthz", None, {}, "HEAD")[::2] == (200, b"")
    assert post(exporter.addresses.admin, "/healthz", b"", {}, "POST")[0] == 405
    assert exporter.admin("/")[0] == 404


def test_not_ready_with_a_schema_that_is_not_ours(empty_database_url: str) -> None:
    """A database that was never migrated: alive, not ready, requests are told to come back."""
    with running(empty_database_url) as exporter:
        status_code, body = exporter.admin("/readyz")
        assert status_code == 503
        assert "migrate" in body
        assert post(exporter.addresses.http, "/v1/traces", body_of(numbered.new_trace(), "a"), _PROTOBUF)[0] == 503
