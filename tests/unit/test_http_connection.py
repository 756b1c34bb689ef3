"""agent_otel.http_connection: one kept connection, deadlines, and a clear word on what is not HTTP."""

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from agent_otel.http_connection import MAX_RESPONSE, HttpConnection, NotHttpError, UnreachableError
from tests.fixtures.sink import Answer, Sink


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that gives each connection to `serve`; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Read a request's head, answer with the next of `answers`, and so on; then close."""

    def serve(connection: socket.socket) -> None:
        for answer in answers:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(answer)

    return serve


def post(connection: HttpConnection, seconds: float = 5.0, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of one request."""
    response = connection.post("/x", "text/plain", body, time.monotonic() + seconds)
    return response.status, response.body


def post_once(endpoint: str, seconds: float = 5.0) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    connection = HttpConnection(endpoint, ())
    try:
        return post(connection, seconds)
    finally:
        connection.close()


def test_request_and_kept_connection(sink: Sink) -> None:
    """Path, type, headers and body arrive; a second request uses the same connection."""
    ports: list[int] = []
    sink.answer = lambda _: Answer(200, {}, b"ok")
    connection = HttpConnection(f"{sink.endpoint}/base", (("x-key", "value"),))
    for _ in range(2):
        assert post(connection, body=b"body") == (200, b"ok")
        assert connection._socket is not None
        ports.append(connection._socket.getsockname()[1])
    connection.close()
    assert ports[0] == ports[1]
    assert (sink.seen[0].path, sink.seen[0].body, sink.seen[0].headers["x-key"]) == ("/base/x", b"body", "value")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n", (200, b"ok")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.0 503 Unavailable\r\n\r\nuntil the end", (503, b"until the end")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, b"")),
    ],
)
def test_forms_of_an_answer(answer: bytes, expected: tuple[int, bytes]) -> None:
    """Length, chunks, no body, a body up to the end, an interim answer."""
    with server(answering(answer)) as endpoint:
        assert post_once(endpoint) == expected


def test_server_closed_a_kept_connection() -> None:
    """When the server dropped the idle connection, the request goes again over a new one."""
    with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as endpoint:
        connection = HttpConnection(endpoint, ())
        assert [post(connection)[0] for _ in range(3)] == [200, 200, 200]
        connection.close()


def test_closed_without_an_answer() -> None:
    """A new connection that is closed at once is an error, not a loop."""
    with server(lambda _: None) as endpoint, pytest.raises(OSError, match="closed before an answer"):
        post_once(endpoint)


def test_nothing_listens() -> None:
    """A refused connection is told apart, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}"):
        post_once(f"http://127.0.0.1:{port}")


def test_grpc_port() -> None:
    """A server that speaks HTTP/2 right away, as a gRPC port does, is not taken for HTTP."""
    settings_frame = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"
    with server(answering(settings_frame)) as endpoint, pytest.raises(NotHttpError):
        post_once(endpoint)


def test_stalled_answer(sink: Sink) -> None:
    """A receiver that does not answer costs the given time, not more."""
    sink.stall(True)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        post_once(sink.endpoint, seconds=0.2)
    assert time.monotonic() - begun < 1


def test_dripping_answer() -> None:
    """A receiver that sends a byte now and then does not extend the deadline."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        try:
            for byte in b"HTTP/1.1 200 OK\r\n" * 100:
                connection.sendall(bytes((byte,)))
                time.sleep(0.01)
        except OSError:
            pass

    begun = time.monotonic()
    with server(drip) as endpoint, pytest.raises(TimeoutError):
        post_once(endpoint, seconds=0.2)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_RESPONSE + 1),
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_RESPONSE + 1),
    ],
)
def test_huge_answer(answer: bytes) -> None:
    """No answer makes us read without end."""
    with server(answering(answer)) as endpoint, pytest.raises(OSError, match=f"over {MAX_RESPONSE} bytes"):
        post_once(endpoint)


@pytest.mark.parametrize("answer", [b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 many\r\n\r\n"])
def test_nonsense(answer: bytes) -> None:
    """A broken status line is not HTTP either."""
    with server(answering(answer)) as endpoint, pytest.raises(NotHttpError):
        post_once(endpoint)


def test_addresses() -> None:
    """Default ports, IPv6, a port that is no number."""
    assert HttpConnection("https://collector", ())._port == 443
    assert HttpConnection("http://[::1]:4318/x", ())._host == "::1"
    with pytest.raises(ValueError, match="not a number"):
        HttpConnection("http://h:x", ())


def test_https_checks_the_certificate(tmp_path: Path) -> None:
    """A server with a certificate that nobody vouches for gets nothing."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
            "-days",
            "1",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    received: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            received.append(context.wrap_socket(connection, server_side=True).recv(100))

    with server(serve) as endpoint, pytest.raises(ssl.SSLCertVerificationError):
        post_once(endpoint.replace("http:", "https:"))
    assert received == []


def test_names_are_looked_up(sink: Sink) -> None:
    """A name has several addresses (here IPv6 and IPv4); the one that listens is found."""
    assert post_once(f"http://localhost:{sink.port}")[0] == 200


def test_names_that_are_none() -> None:
    """A name without an address is an error with the name in it, whatever is wrong with it."""
    for host in ("no-such-host.invalid", "a" * 70):
        with pytest.raises(OSError, match=host):
            post_once(f"http://{host}:1")


def test_own_budgets(sink: Sink) -> None:
    """The time for an answer is what was asked for, however far away the deadline is."""
    sink.stall(True)
    connection = HttpConnection(sink.endpoint, (), connect_seconds=0.1, answer_seconds=0.1)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        post(connection, seconds=60)
    assert time.monotonic() - begun < 10


def test_full_backlog() -> None:
    """An address that takes no more connections costs the time to connect."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        connection = HttpConnection(f"http://127.0.0.1:{listener.getsockname()[1]}", (), connect_seconds=0.1)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            post(connection, seconds=60)
        assert time.monotonic() - begun < 10
        for other in others:
            other.close()
