"""POST over HTTP/1.1 on one kept connection, with deadlines. Standard library only.

`http.client` costs 28 ms of import on the command's hot path, `socket` 5; this is the little that an OTLP client needs
of HTTP: no redirects, no cookies, no proxies, no content coding of responses.
"""

from __future__ import annotations

import _socket
import time
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: Seconds to connect to one address (TLS included), and from the last byte sent to the last byte of the answer.
CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0
#: Bytes of a response that are read (OTLP: responses are at most 4 MiB; ours are a few hundred bytes).
MAX_RESPONSE: Final = 1024**2
_BLOCK: Final = 64 * 1024


class UnreachableError(OSError):
    """Nothing listens there."""


class NotHttpError(OSError):
    """Something answered that is not HTTP/1.1."""


class Response:
    """Status, headers by lower-case name, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class HttpConnection:
    """A connection to one base URL, made when needed and kept while the server keeps it. Not thread-safe.

    Raises ValueError when the URL's port is not a number.
    """

    def __init__(
        self,
        endpoint: str,
        headers: tuple[tuple[str, str], ...],
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        scheme, _, rest = endpoint.partition("://")
        authority, _, path = rest.partition("/")
        self._tls = scheme == "https"
        self._host, self._port = _host_and_port(authority, 443 if self._tls else 80)
        self._base = f"/{path}".rstrip("/")
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._head = f"Host: {authority}\r\nUser-Agent: agent-otel\r\nAccept-Encoding: identity\r\n{extra}"
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._socket: _socket.socket | None = None

    def post(self, path: str, content_type: str, body: bytes, deadline: float) -> Response:
        """Send and wait for the answer, until `deadline` of time.monotonic at most. Raises OSError."""
        head = (
            f"POST {self._base}{path} HTTP/1.1\r\n{self._head}"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return self._answer(head.encode("latin-1", "replace") + body, deadline)

    def get(self, path: str, deadline: float) -> Response:
        """Ask for a page, such as a server's health. Raises OSError."""
        return self._answer(f"GET {self._base}{path} HTTP/1.1\r\n{self._head}\r\n".encode("latin-1"), deadline)

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _answer(self, request: bytes, deadline: float) -> Response:
        kept = self._socket is not None
        try:
            return self._exchange(request, deadline)
        except (BrokenPipeError, ConnectionResetError, EOFError) as error:
            self.close()
            if not kept:  # a kept connection may have been closed by the server meanwhile; a new one was not
                raise OSError(f"the connection was closed before an answer: {error}") from error
        return self._exchange(request, deadline)

    def _exchange(self, request: bytes, deadline: float) -> Response:
        try:
            connection = self._socket or self._connect(deadline)
            self._socket = connection
            connection.settimeout(_remaining(deadline, self._answer_seconds))
            connection.sendall(request)
            response, reusable = _Answer(connection, min(deadline, time.monotonic() + self._answer_seconds)).read()
        except EOFError:
            self.close()
            raise ConnectionResetError("closed without an answer") from None
        except OSError:
            self.close()
            raise
        except (ValueError, IndexError) as error:
            self.close()
            raise NotHttpError(f"the answer is not HTTP/1.1: {error}") from error
        if not reusable:
            self.close()
        return response

    def _connect(self, deadline: float) -> _socket.socket:
        failure = OSError(f"{self._host} has no address")
        for address in _addresses(self._host, self._port, _remaining(deadline, self._connect_seconds)):
            try:
                return self._connect_to(address, deadline)
            except OSError as error:
                failure = error
        if isinstance(failure, ConnectionRefusedError):
            raise UnreachableError(f"nothing listens on {self._host}:{self._port}") from failure
        raise failure

    def _connect_to(self, address: Any, deadline: float) -> _socket.socket:
        family, kind, protocol, _, place = address
        plain = _socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_remaining(deadline, self._connect_seconds))
            plain.connect(place)
            plain.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            return self._encrypted(plain) if self._tls else plain
        except BaseException:
            plain.close()
            raise

    def _encrypted(self, plain: _socket.socket) -> _socket.socket:
        import socket  # 15 ms that only https pays
        import ssl

        timeout = plain.gettimeout()
        whole = socket.socket(fileno=plain.detach())
        whole.settimeout(timeout)
        return ssl.create_default_context().wrap_socket(whole, server_hostname=self._host)


class _Answer:
    """Reads one response from a socket."""

    def __init__(self, connection: _socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = b""

    def read(self) -> tuple[Response, bool]:
        """The response, and whether the connection can be used again."""
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if status == 100:
            return self.read()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        elif "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        elif status in (204, 304):
            body = b""
        else:
            return Response(status, headers, self._rest()), False
        return Response(status, headers, body), headers.get("connection", "").lower() != "close"

    def _receive(self) -> None:
        self._connection.settimeout(_remaining(self._deadline))
        block = self._connection.recv(_BLOCK)
        if not block:
            raise EOFError("connection closed")
        self._buffer += block
        if len(self._buffer) > MAX_RESPONSE:
            raise OSError(f"the response is over {MAX_RESPONSE} bytes")

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._receive()
            if not self._buffer.startswith(b"HTTP/1."[: len(self._buffer)]) and mark == b"\r\n\r\n":
                raise NotHttpError("the answer is not HTTP/1.1")
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        if size > MAX_RESPONSE:
            raise OSError(f"the response is over {MAX_RESPONSE} bytes")
        while len(self._buffer) < size:
            self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return body

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            body += self._exactly(size)
            self._exactly(2)
        self._until(b"\r\n")
        return body

    def _rest(self) -> bytes:
        try:
            while True:
                self._receive()
        except EOFError:
            return self._buffer


def _addresses(host: str, port: int, seconds: float) -> list[Any]:
    """As socket.getaddrinfo gives them. Numeric ones need no look-up; a name's takes `seconds` at most."""
    try:
        # As bytes, for which Python does not load its IDNA codec, and with it `re`.
        return _socket.getaddrinfo(host.encode(), port, 0, _socket.SOCK_STREAM, 0, _socket.AI_NUMERICHOST)
    except _socket.gaierror:
        return _looked_up(host, port, seconds)


def _looked_up(host: str, port: int, seconds: float) -> list[Any]:
    """By a thread, because the system's resolver knows no deadline; one that is late ends by itself, unheard."""
    found: list[Any] = []
    failures: list[OSError] = []
    done = allocate_lock()
    done.acquire()

    def look_up() -> None:
        try:
            found.extend(_socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(OSError(f"{host}: {error}"))
        done.release()

    start_new_thread(look_up, ())
    if not done.acquire(timeout=seconds):
        raise TimeoutError(f"the address of {host} was not found in time")
    if failures:
        raise failures[0]
    return found


def _remaining(deadline: float, most: float = float("inf")) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return min(left, most)


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    if port and not port.isdecimal():
        raise ValueError(f"the port of {authority!r} is not a number")
    return host, int(port) if port else default
