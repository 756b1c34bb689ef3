"""HTTP's own rules at the OTLP and admin ports: framing, encodings, methods, hosts, slow and many senders."""

import gzip
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import TIMEOUT, post

PROTOBUF = {"Content-Type": "application/x-protobuf"}
_GZIP = {**PROTOBUF, "Content-Encoding": "gzip"}
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
    encoders: tuple[tuple[Callable[[bytes], bytes], dict[str, str]], ...] = ((bytes, PROTOBUF), (gzip.compress, _GZIP))
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
        head("Transfer-Encoding: chunked") + b"2\r\n\x0a\x00XY0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"0\r\n" + b"X: 1\r\n" * 40,
        head("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
        head("Content-Length: +5") + b"abcde",
        head("Content-Length: -5"),
    ],
    ids=[
        "not hex",
        "negative",
        "longer than its size",
        "no line end",
        "trailers",
        "both framings",
        "sign",
        "negative length",
    ],
)
def test_wrong_framing_is_a_bad_request(exporter: Exporter, sent: bytes) -> None:
    """Framing that two programs could read differently is refused, and the connection is closed."""
    assert status(raw(exporter, sent)) == 400


def test_a_head_that_begins_with_a_continuation_is_a_bad_request(exporter: Exporter) -> None:
    """The first line continues nothing, so it is no header."""
    assert status(raw(exporter, b"POST /v1/traces HTTP/1.1\r\n localhost\r\nContent-Length: 0\r\n\r\n")) == 400


def test_a_body_beyond_the_limit_is_refused_while_it_is_sent(exporter: Exporter) -> None:
    """The answer to 8 MiB against a limit of 1 MiB arrives, with or without a length announced."""
    body = bytes(8 * 2**20)
    announced, _, _ = post(exporter.addresses.http, "/v1/traces", body, PROTOBUF)
    chunked, _, _ = post(exporter.addresses.http, "/v1/traces", iter([body]), PROTOBUF)
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
        {**PROTOBUF, "Content-Encoding": "deflate"},
        {**PROTOBUF, "Content-Encoding": "gzip, gzip"},
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
        ("[evil.example]:4318", 403),
        ("", 403),
    ],
)
def test_only_our_names_are_served(exporter: Exporter, host: str, expected: int) -> None:
    """A name that a web page had resolved to us (DNS rebinding) is refused; addresses and our own names are not."""
    headers = {**PROTOBUF, "Host": host}
    assert post(exporter.addresses.http, "/v1/traces", b"", headers)[0] == expected
    assert post(exporter.addresses.admin, "/healthz", None, {"Host": host}, "GET")[0] == expected


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
        assert post(exporter.addresses.http, "/v1/traces", body_of(numbered.new_trace(), "a"), PROTOBUF)[0] == 503
