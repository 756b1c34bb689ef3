"""The receiving side of an HTTP connection: gathered without a thread at first, then read by one, always in time."""

import errno
import re
import socket
import time
from collections.abc import Callable
from typing import Final, NamedTuple

_RECEIVE: Final = 256 * 1024
_LINE: Final = 8 * 1024
#: So much of a request arrives before a thread is given to it, unless all of it is less: slow senders cost memory.
GATHERED: Final = 16 * 1024
#: What a sender may do while it holds a thread that others wait for: nothing for so long, then so many bytes a second.
_GRACE: Final = 2.0
_BYTES_A_SECOND: Final = 16 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\nContent-Length:[ \t]*([0-9]{1,20})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\nTransfer-Encoding:", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nExpect:", re.IGNORECASE)
_MOST_TRAILERS: Final = 32


class Patience(NamedTuple):
    """How long a request may take to arrive, in seconds from its first byte, and who is told when it took longer."""

    header: float
    body: float
    #: Whether other requests wait for a thread.
    others_wait: Callable[[], bool]
    #: Told when the headers are late.
    late: Callable[[], None]


class Reader:
    """The bytes that arrive on a connection, one request after the other."""

    def __init__(self, connection: socket.socket, patience: Patience) -> None:
        self._socket = connection
        self._patience = patience
        self._buffer = b""
        self._begun: float | None = None
        self._deadline = self._allowed = 0.0
        self._in_body = False
        self.closed = False
        self.bytes_read = 0

    def arrived(self) -> bool:
        """Take what has arrived, without waiting; whether a thread should go on, be it to say that it is late."""
        try:
            self._socket.settimeout(0)
            received = self._socket.recv(GATHERED)
        except BlockingIOError:
            return self.has_data()
        except OSError:
            received = b""
        self._take(received)
        return not received or self.has_data()

    def has_data(self) -> bool:
        """Whether enough of a request is here for a thread to work on it."""
        return len(self._buffer) >= GATHERED or self.overdue() or self._complete()

    def overdue(self) -> bool:
        """Whether a request has begun and should have arrived by now."""
        if self._begun is None:
            return False
        seconds = self._patience.body if _HEAD_END in self._buffer else self._patience.header
        return time.monotonic() >= self._begun + seconds

    @property
    def gone(self) -> bool:
        """Whether nothing of a request is here."""
        return not self._buffer

    def start(self) -> None:
        """Read a request's headers, from a thread."""
        self._socket.settimeout(self._patience.body)
        now = time.monotonic()
        self._in_body = False
        self._deadline = (self._begun or now) + self._patience.header
        self._allowed = now + _GRACE

    def start_body(self) -> None:
        """Read the request's body."""
        self._in_body = True
        self._deadline += self._patience.body - self._patience.header

    def finish(self) -> None:
        """The request is answered; what is here belongs to the next."""
        self._begun = time.monotonic() if self._buffer else None

    def read_some(self, size: int) -> bytes:
        """1 to `size` bytes; raises ConnectionResetError at the end, TimeoutError when it takes too long."""
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
        """Throw away what still comes, for so long and so much of it."""
        self._in_body = True
        now = time.monotonic()
        self._deadline, self._allowed = now + seconds, now + seconds / 10
        while size > 0:
            self._buffer = b""
            size -= self._receive(_RECEIVE)
            if not self._buffer:
                return

    def close(self) -> None:
        """Nothing more is read."""
        self.closed = True

    def _complete(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return False
        head = self._buffer[: end + len(_HEAD_END)]
        if _EXPECT.search(head):
            return True
        if _CHUNKED.search(head):
            return _chunks_settled(self._buffer, len(head))
        length = _LENGTH.search(head)
        return length is None or len(self._buffer) >= len(head) + int(length[1])

    def _receive(self, size: int) -> int:
        while True:
            now = time.monotonic()
            if now >= self._deadline or (now >= self._allowed and self._patience.others_wait()):
                if not self._in_body:
                    self._patience.late()
                raise TimeoutError("timed out")
            self._socket.settimeout(min(self._deadline, max(self._allowed, now + _GRACE / 4)) - now)
            try:
                received = self._socket.recv(size)
            except TimeoutError:
                continue
            return self._take(received)

    def _take(self, received: bytes) -> int:
        if self._begun is None and received:
            self._begun = time.monotonic()
        self._buffer += received
        self._allowed += len(received) / _BYTES_A_SECOND
        self.bytes_read += len(received)
        return len(received)


def _chunks_settled(data: bytes, pos: int) -> bool:
    """Whether a chunked body that begins at `pos` ends in `data`, or is wrong there."""
    while (end := data.find(b"\r\n", pos)) >= 0:
        try:
            size = int(data[pos:end].split(b";")[0], 16)
        except ValueError:
            return True
        if size <= 0:
            return size < 0 or b"\r\n\r\n" in data[end:] or data.count(b"\r\n", end) > _MOST_TRAILERS
        pos = end + 2 + size + 2
        if pos <= len(data) and data[pos - 2 : pos] != b"\r\n":
            return True
    return False
