"""When a thread is given to a request: as soon as all of it is here, or enough, or it is wrong, or it is late."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.errors import AgentOtelError
from agent_otel.exporter import http_body
from agent_otel.exporter.http_reader import GATHERED, Patience, Reader

_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_SOON = Patience(20.0, 20.0, lambda: False, lambda: None)


@contextmanager
def connected(patience: Patience = _SOON) -> Iterator[tuple[socket.socket, Reader]]:
    """A sender's end, and a reader at the other."""
    sender, receiver = socket.socketpair()
    with sender, receiver:
        yield sender, Reader(receiver, patience)


def ready(data: bytes) -> bool:
    """Whether these bytes are enough for a thread."""
    with connected() as (sender, reader):
        if data:
            sender.sendall(data)
        return reader.arrived()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"POST / HT", False),
        (_HEAD, False),
        (_HEAD + b"\r\n", True),
        (_HEAD + b"Content-Length: 3\r\n\r\n", False),
        (_HEAD + b"Content-Length: 3\r\n\r\nab", False),
        (_HEAD + b"content-length:3\r\n\r\nabc", True),
        (_HEAD + b"Content-Length: 3\r\n\r\nabcPOST", True),
        (_HEAD + b"Content-Length: x\r\n\r\n", True),
        (_HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", True),
        (b"x" * GATHERED, True),
        (_CHUNKED, False),
        (_CHUNKED + b"3\r\nabc\r\n", False),
        (_CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", True),
        (_CHUNKED + b"3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n", True),
        (_CHUNKED + b"zz\r\n", True),
        (_CHUNKED + b"3\r\nabcdef", True),
        (_CHUNKED + b"-3\r\n", True),
    ],
)
def test_what_is_enough(data: bytes, expected: bool) -> None:
    """All of a request, or so much that somebody has to look at it."""
    assert ready(data) is expected


class _Prefix:
    """What has arrived of a body; reading beyond it is noticed."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read_some(self, size: int) -> bytes:
        """The next bytes."""
        if not self._left:
            raise EOFError
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def readline(self, size: int) -> bytes:
        """The next line."""
        end = self._left.find(b"\n", 0, size) + 1
        if not end and len(self._left) < size:
            raise EOFError
        return self.read_some(end or size)


@given(
    st.lists(st.sampled_from([b"3\r\nabc\r\n", b"a;b\r\n0123456789\r\n", b"0\r\n", b"\r\n", b"T: 1\r\n", b"zz", b"3"]))
)
def test_a_thread_is_never_given_to_chunks_that_it_would_wait_for(parts: list[bytes]) -> None:
    """Ready means that the body's own reader needs no further byte to take or to refuse it."""
    body = b"".join(parts)
    if not ready(_CHUNKED + body):
        return
    try:
        b"".join(http_body.pieces(_Prefix(body), None, "chunked", 10**6))
    except AgentOtelError:
        return


def test_the_end_of_a_connection_is_something_to_look_at() -> None:
    """With half a request before it or without."""
    for data in (b"", b"POST"):
        with connected() as (sender, reader):
            sender.sendall(data)
            sender.close()
            assert [reader.arrived(), reader.arrived()][-1]
            assert reader.gone is not bool(data)


def test_late_requests_are_due() -> None:
    """Headers by their own time, a body by its time; nothing is late before it has begun."""
    with connected(Patience(0.0, 20.0, lambda: False, lambda: None)) as (sender, reader):
        assert not reader.overdue()
        sender.sendall(b"POST")
        assert reader.arrived()
        assert reader.overdue()
        sender.sendall(_HEAD + b"Content-Length: 3\r\n\r\n")
        assert not reader.arrived()
    with connected(Patience(20.0, 0.0, lambda: False, lambda: None)) as (sender, reader):
        sender.sendall(_HEAD + b"Content-Length: 3\r\n\r\n")
        assert reader.arrived()


def test_a_sender_that_stops_is_cut_off_when_others_wait() -> None:
    """Its own time is not over yet; and it is said that the headers were late."""
    late: list[str] = []
    with connected(Patience(20.0, 20.0, lambda: True, lambda: late.append("header"))) as (sender, reader):
        sender.sendall(b"POST")
        reader.start()
        with pytest.raises(TimeoutError):
            reader.readline(100)
    assert late == ["header"]
