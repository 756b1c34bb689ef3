"""A TCP proxy that resets a connection in the middle of a request or just before its answer."""

import select
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from agent_otel.local_stack.ports import LOOPBACK

REQUEST: Final = "request"
ANSWER: Final = "answer"
_CHUNK: Final = 65_536
_POLL_S: Final = 0.2
#: l_onoff, l_linger: close sends RST instead of FIN.
_RESET: Final = struct.pack("ii", 1, 0)


class ResettingProxy:
    """Listens on a free port and passes everything on to `target`, until it is armed. Use it with `with`.

    Armed for a request: the first half of what comes next from a client is passed on, then both sides are reset. Armed
    for an answer: what the server answers next is swallowed and both sides are reset, so that the client does not know
    whether its request was taken.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(_POLL_S)
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._armed: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.resets = 0

    def arm(self, direction: str) -> None:
        """Reset the next connection on which something passes in this direction."""
        with self._lock:
            self._armed = direction

    @property
    def armed(self) -> bool:
        """Whether the reset is still to come."""
        return self._armed is not None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            _reset(client)
            return
        threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Both directions in one thread: a close while another thread waits in recv would send nothing yet."""
        with client, server, suppress(OSError):
            while not self._stop.is_set():
                for source in select.select([client, server], [], [], _POLL_S)[0]:
                    direction, sink = (REQUEST, server) if source is client else (ANSWER, client)
                    chunk = source.recv(_CHUNK)
                    if not chunk:
                        return
                    if self._strikes(direction):
                        if direction == REQUEST:
                            sink.sendall(chunk[: len(chunk) // 2])
                        _reset(client)
                        _reset(server)
                        return
                    sink.sendall(chunk)

    def _strikes(self, direction: str) -> bool:
        with self._lock:
            strikes = self._armed == direction
            if strikes:
                self._armed = None
                self.resets += 1
            return strikes


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
