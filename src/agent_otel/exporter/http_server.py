"""HTTP/1.1 on cheroot, with what it lacks for a port that strangers may reach.

Total deadlines (cheroot's are per read, so one byte every few seconds holds a thread for ever), connections that send
nothing or slowly hold no thread, a cap on connections, and an answer that arrives although the body was not read to its
end.
"""

import contextlib
import logging
import math
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from cheroot import makefile, server

from agent_otel.errors import RetryableError
from agent_otel.exporter import http_body
from agent_otel.exporter.config import Address, Config, is_ip
from agent_otel.exporter.http_reader import Patience, Reader
from agent_otel.exporter.listening import BACKLOG
from agent_otel.exporter.metrics import Metrics

logger: Final = logging.getLogger(__name__)

#: How long, and how much, is read and thrown away after an early answer, so that the sender gets to read it.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 256 * 1024 * 1024
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
        metrics: Metrics,
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
        self._server.watch.start()
        return Address(*self._server.bind_addr[:2])

    def stop(self, seconds: float) -> None:
        """Take no more connections and let requests under way finish, for at most `seconds`."""
        self._server.shutdown_timeout = math.ceil(seconds)
        self._server.stop()
        self._server.stopped.set()
        if self._thread.is_alive():
            self._thread.join(seconds)


class _HeaderReader(server.HeaderReader):
    """Header lines, of which the first must not continue another."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> Any:
        """The headers; raises ValueError when they are none."""
        untyped: Any = super()
        try:
            return untyped.__call__(rfile, hdict)
        except UnboundLocalError:
            # cheroot looks for the header that the line continues.
            raise ValueError("Illegal continuation line.") from None


class _Request(server.HTTPRequest):
    """A request of which cheroot reads the head only."""

    header_reader = _HeaderReader()

    def respond(self) -> None:
        """Answer; the body is for the gateway to read."""
        self.server.gateway(self).respond()

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer what is wrong with the head."""
        if status[:3] in ("413", "414"):
            self.server.metrics.hit("header_bytes")
        untyped: Any = super()
        untyped.simple_response(status, msg)


class _Connection(server.HTTPConnection):
    """A connection that counts itself, and that does not cut off an answer which came before the body's end."""

    RequestHandlerClass = _Request
    #: Set when an answer was sent although not all of the request was read.
    unread = False

    def __init__(self, owner: "_Server", connection: socket.socket, _makefile: object = None) -> None:
        def file(connection: socket.socket, mode: str, size: int) -> Any:
            return Reader(connection, owner.patience) if "r" in mode else makefile.MakeFile(connection, mode, size)

        super().__init__(owner, connection, file)
        self._counted = True
        owner.count(1)

    def communicate(self) -> Any:
        """Serve one request; whether the connection stays open."""
        self.rfile.start()
        untyped: Any = super()
        stays = untyped.communicate()
        self.rfile.finish()
        return stays

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
            self.server.forget(self)
        super().close()


class _Gateway(server.Gateway):
    """From cheroot's request to a handler's, and back."""

    def respond(self) -> None:
        """Answer the request whose headers have been read."""
        request, connection = self.req, self.req.conn
        connection.rfile.start_body()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.inheaders.items()}
        length, transfer = headers.get("content-length"), headers.get("transfer-encoding")
        self._late = False
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
            # Reading on would only hold a thread: nobody who is that slow waits for an answer.
            self._unread = False
            self._late = True
            raise RetryableError("the request's body did not arrive in time", "body_seconds") from None
        self._unread = False

    def _write(self, response: Response) -> None:
        request = self.req
        # cheroot would now try to read what is left of the body.
        request.rfile = None
        if self._unread or self._late:
            request.close_connection = True
            request.conn.unread = self._unread
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
        metrics: Metrics,
        listening: socket.socket | None,
    ) -> None:
        super().__init__(tuple(address), _Gateway, threads, threads, server_name="agent-otel")
        self._listening = listening
        self.handler = handler
        self.config = config
        self.metrics = metrics
        self.patience = Patience(
            config.header_seconds,
            config.body_seconds,
            lambda: self.requests.qsize > 0,
            lambda: metrics.hit("header_seconds"),
        )
        self.open = 0
        self.stopped = threading.Event()
        self.watch = threading.Thread(target=self._watch, name=f"http-watch-{address.port}", daemon=True)
        self._gathering: set[_Connection] = set()
        self._counting = threading.Lock()
        self.timeout = math.ceil(config.idle_seconds)
        self.keep_alive_conn_limit = config.connections
        self.max_request_header_size = config.header_bytes
        self.request_queue_size = BACKLOG
        self.expiration_interval = _TICK
        self.ConnectionClass = _Connection

    def count(self, change: int) -> None:
        with self._counting:
            self.open += change
            self.metrics.http_connections.set(self.open)

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002  # cheroot's names
        """Open the port, or take the one that is open already."""
        if self._listening is None:
            opened: socket.socket = super().bind(family, type, proto)
            return opened
        self.socket = self._listening
        self.bind_addr = self._listening.getsockname()[:2]
        return self._listening

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection to a worker once enough of a request has arrived; until then it waits with the others."""
        if conn.last_used is None and self.open > self.config.connections:
            self.metrics.hit("connections")
            logger.warning("connection refused", extra={"limit": self.config.connections})
            conn.close()
            return
        ready = conn.rfile.arrived()
        self._gathering.discard(conn)
        if not ready:
            self._gathering.add(conn)
            self.put_conn(conn)
        elif conn.rfile.gone:
            conn.close()
        else:
            super().process_conn(conn)

    def _watch(self) -> None:
        """Wake the connections on which a request is late: nothing more to read makes the server look at them."""
        while not self.stopped.wait(_TICK):
            for conn in self._gathering.copy():
                if conn.rfile.overdue():
                    with contextlib.suppress(OSError):
                        conn.socket.shutdown(socket.SHUT_RD)

    def forget(self, conn: _Connection) -> None:
        """A connection is closed."""
        self._gathering.discard(conn)
        self.count(-1)

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
