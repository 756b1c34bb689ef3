"""HTTP/1.1 on cheroot, with what it lacks for a port that strangers may reach.

Total deadlines (cheroot's are per read, so one byte every few seconds holds a thread for ever), connections that send
nothing hold no thread, a cap on connections, and an answer that arrives although the body was not read to its end.
"""

import contextlib
import errno
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from cheroot import makefile, server

from agent_otel.errors import RetryableError
from agent_otel.exporter import http_body
from agent_otel.exporter.config import Address, Config, is_ip
from agent_otel.exporter.listening import BACKLOG
from agent_otel.exporter.metrics import Metrics

logger: Final = logging.getLogger(__name__)

_MAX_HEADERS: Final = 32 * 1024
_RECEIVE: Final = 256 * 1024
#: How long, and how much, is read and thrown away after an early answer, so that the sender gets to read it.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 256 * 1024 * 1024
_LINE: Final = 8 * 1024
#: How often idle connections are looked through; a stop waits for it.
_TICK: Final = 0.2


class Request(NamedTuple):
    """A request whose headers have arrived. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    #: The body as sent, piece by piece, at most as many bytes as given.
    pieces: Callable[[int], Iterator[bytes]]


class Response(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Response]


class HttpServer:
    """One listening address. `handler` must not raise, except what reading the body raises for a lost sender.

    `listening` is an open socket to use, which other processes may listen on as well.
    """

    def __init__(
        self,
        address: Address,
        handler: Handler,
        config: Config,
        threads: int,
        metrics: Metrics | None = None,
        listening: socket.socket | None = None,
    ) -> None:
        self._server = _Server(address, handler, config, threads, metrics, listening)
        self._thread = threading.Thread(target=self._server.serve, name=f"http-{address.port}", daemon=True)

    def start(self) -> Address:
        """Open the port and serve; returns where. Raises OSError when it cannot be opened."""
        self._server.prepare()
        # Another process may take the connection that woke us; accept must not wait for the next one.
        self._server.socket.setblocking(False)
        self._thread.start()
        return Address(*self._server.bind_addr[:2])

    def stop(self, seconds: float) -> None:
        """Take no more connections and let requests under way finish, for at most `seconds`."""
        self._server.shutdown_timeout = math.ceil(seconds)
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(seconds)


class _Reader:
    """The receiving side of a connection, with one deadline for everything until the next `start`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""
        self._deadline = 0.0
        self.closed = False
        self.bytes_read = 0

    def start(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def has_data(self) -> bool:
        return bool(self._buffer)

    def read_some(self, size: int) -> bytes:
        """1 to `size` bytes; raises ConnectionResetError at the end, TimeoutError at the deadline."""
        if not self._buffer and not self._receive(size):
            raise ConnectionResetError(errno.ECONNRESET, "the sender is gone")
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def readline(self, size: int) -> bytes:
        """Up to the next line feed, at most `size` bytes; less at the end."""
        while (end := self._buffer.find(b"\n", 0, size) + 1) == 0:
            if len(self._buffer) >= size or not self._receive(_LINE):
                end = size
                break
        taken, self._buffer = self._buffer[:end], self._buffer[end:]
        return taken

    def discard(self, seconds: float, size: int) -> None:
        """Throw away what still comes."""
        self.start(seconds)
        while size > 0:
            self._buffer = b""
            size -= self._receive(_RECEIVE)
            if not self._buffer:
                return

    def close(self) -> None:
        self.closed = True

    def _receive(self, size: int) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        received = self._socket.recv(size)
        self._buffer += received
        self.bytes_read += len(received)
        return len(received)


def _file(connection: socket.socket, mode: str, size: int) -> Any:
    return _Reader(connection) if "r" in mode else makefile.MakeFile(connection, mode, size)


class _Connection(server.HTTPConnection):
    """A connection that counts itself, and that does not cut off an answer which came before the body's end."""

    #: Set when an answer was sent although not all of the request was read.
    unread = False

    def __init__(self, owner: "_Server", connection: socket.socket, _makefile: object = None) -> None:
        super().__init__(owner, connection, _file)
        self._counted = True
        owner.count(1)

    def communicate(self) -> Any:
        """Serve one request; whether the connection stays open."""
        self.rfile.start(self.server.config.header_seconds)
        untyped: Any = super()
        return untyped.communicate()

    def close(self) -> None:
        """Close, once the sender had its chance to read the answer."""
        if self.unread:
            # Closing a socket with unread data resets it, and the sender would see that instead of the answer.
            self.unread = False
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self.rfile.discard(_LINGER_SECONDS, _LINGER_BYTES)
        if self._counted:
            self._counted = False
            self.server.count(-1)
        super().close()


class _Gateway(server.Gateway):
    """From cheroot's request to a handler's, and back."""

    def respond(self) -> None:
        """Answer the request whose headers have been read."""
        request, connection = self.req, self.req.conn
        connection.rfile.start(request.server.config.body_seconds)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.inheaders.items()}
        length, transfer = headers.get("content-length"), headers.get("transfer-encoding")
        self._unread = transfer is not None or (length or "0") != "0"

        def pieces(limit: int) -> Iterator[bytes]:
            return self._watched(http_body.pieces(connection.rfile, length, transfer, limit))

        response = request.server.handler(
            Request(request.method.decode("latin-1"), request.path.decode("latin-1"), headers, pieces)
        )
        self._write(response)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except TimeoutError:
            raise RetryableError("the request's body did not arrive in time") from None
        self._unread = False

    def _write(self, response: Response) -> None:
        request = self.req
        # cheroot would now try to read what is left of the body.
        request.rfile = None
        if self._unread:
            request.close_connection = request.conn.unread = True
        request.status = f"{response.status} {HTTPStatus(response.status).phrase}".encode()
        headers = (("Content-Type", response.content_type), ("Content-Length", str(len(response.body))))
        request.outheaders = [(name.encode(), value.encode()) for name, value in (*headers, *response.headers)]
        request.conn.socket.settimeout(request.server.config.body_seconds)
        request.ensure_headers_sent()
        if request.method != b"HEAD":
            request.write(response.body)


class _Server(server.HTTPServer):
    def __init__(
        self,
        address: Address,
        handler: Handler,
        config: Config,
        threads: int,
        metrics: Metrics | None,
        listening: socket.socket | None,
    ) -> None:
        super().__init__(tuple(address), _Gateway, threads, threads, server_name="agent-otel")
        self._metrics = metrics
        self._listening = listening
        self.handler = handler
        self.config = config
        self.open = 0
        self._counting = threading.Lock()
        self.timeout = math.ceil(config.idle_seconds)
        self.keep_alive_conn_limit = config.connections
        self.max_request_header_size = _MAX_HEADERS
        self.request_queue_size = BACKLOG
        self.expiration_interval = _TICK
        self.ConnectionClass = _Connection

    def count(self, change: int) -> None:
        with self._counting:
            self.open += change
            if self._metrics:
                self._metrics.http_connections.set(self.open)

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002  # cheroot's names
        """Open the port, or take the one that is open already."""
        if self._listening is None:
            opened: socket.socket = super().bind(family, type, proto)
            return opened
        self.socket = self._listening
        self.bind_addr = self._listening.getsockname()[:2]
        return self._listening

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection that has something to say to a worker; a new one waits until it has."""
        if conn.last_used is not None:
            super().process_conn(conn)
        elif self.open > self.config.connections:
            if self._metrics:
                self._metrics.http_connections_refused.inc()
            logger.warning("connection refused", extra={"limit": self.config.connections})
            conn.close()
        else:
            self.put_conn(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log what cheroot has to say."""
        logger.log(level, "HTTP server", extra={"detail": msg}, exc_info=traceback)


def host_allowed(header: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header names us: an IP address, or one of `names`.

    Any other name may be one that a web page had resolved to a loopback address (DNS rebinding).
    """
    host = (header or "").strip().lower()
    if host.startswith("["):
        return is_ip(host[1:].partition("]")[0])
    name = host.partition(":")[0]
    return is_ip(name) or name.removesuffix(".") in names
