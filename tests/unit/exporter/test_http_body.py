"""Bodies in pieces: chunked framing and gzip, however they are cut."""

import gzip
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.errors import MalformedRequestError, RequestTooLargeError
from agent_otel.exporter import http_body

_LIMIT = 2**23
_PIECE = 256 * 1024
#: Data as a pattern and how often it is repeated. Long runs make zlib return full pieces while it holds more inside.
_REPEATED = st.one_of(
    st.tuples(st.binary(max_size=2_000), st.just(1)),
    st.tuples(st.binary(min_size=1, max_size=2), st.integers(0, 2**20)),
    st.tuples(st.just(b"0"), st.integers(2 * _PIECE - 3, 2 * _PIECE + 3)),
)


class Sent(io.BytesIO):
    """A connection on which these bytes arrive."""

    def read_some(self, size: int) -> bytes:
        """The next bytes; at the end the sender is gone."""
        data = self.read(size)
        if not data:
            raise ConnectionResetError
        return data


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of a size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def inflated(pieces: Iterator[bytes], limit: int = _LIMIT) -> tuple[bytes, int]:
    """The content of gzip pieces, and how many bytes were announced."""
    grown: list[int] = []
    content = http_body.content(pieces, "gzip", None, limit, grown.append)
    return content, sum(grown)


@given(st.lists(_REPEATED, min_size=1, max_size=3), st.integers(1, 70_000))
def test_gzip_in_any_pieces_is_inflated(parts: list[tuple[bytes, int]], size: int) -> None:
    """Several members, cut anywhere, are their contents one after the other; every byte is announced."""
    packed = b"".join(gzip.compress(pattern * times, 1) for pattern, times in parts)
    whole = b"".join(pattern * times for pattern, times in parts)
    if len(packed) // size > 2_000:
        size = len(packed)
    assert inflated(cut(packed, size)) == (whole, len(whole))


@given(_REPEATED, st.data())
def test_damaged_gzip_is_malformed(part: tuple[bytes, int], draw: st.DataObject) -> None:
    """Cut short it is always noticed."""
    packed = gzip.compress(part[0] * part[1], 1)
    with pytest.raises(MalformedRequestError):
        inflated(iter([packed[: draw.draw(st.integers(1, len(packed) - 1))]]))


def test_inflating_stops_at_the_limit() -> None:
    """Not more than one piece beyond the limit is ever inflated, and nothing beyond it is announced."""
    grown: list[int] = []
    with pytest.raises(RequestTooLargeError):
        http_body.content(iter([gzip.compress(bytes(2**24))]), "GZIP", None, 2**20, grown.append)
    assert sum(grown) <= 2**20


def test_a_known_length_is_announced_at_once() -> None:
    """Before the first byte is read."""
    grown: list[int] = []

    def pieces() -> Iterator[bytes]:
        assert grown == [6]
        yield b"abc"
        yield b"def"

    assert http_body.content(pieces(), None, "6", _LIMIT, grown.append) == b"abcdef"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_chunks_are_joined(chunks: list[bytes]) -> None:
    """Whatever the chunks hold, line ends too."""
    framed = b"".join(f"{len(chunk):X}\r\n".encode() + chunk + b"\r\n" for chunk in chunks) + b"0\r\n\r\nnext request"
    source = Sent(framed)
    assert b"".join(http_body.pieces(source, None, " Chunked ", _LIMIT)) == b"".join(chunks)
    assert source.read() == b"next request"


@pytest.mark.parametrize("length", ["101", "9" * 30])
def test_lengths_beyond_the_limit_are_refused_unread(length: str) -> None:
    """An announced length is compared before anything is read, however long the number."""
    with pytest.raises(RequestTooLargeError):
        http_body.pieces(Sent(), length, None, 100)


def test_chunks_beyond_the_limit_are_refused_unread() -> None:
    """The sum of the chunks' sizes is compared before a chunk is read."""
    source = Sent(b"40\r\n" + bytes(0x40) + b"\r\n25\r\n" + bytes(0x25))
    pieces = http_body.pieces(source, None, "chunked", 100)
    assert len(next(pieces)) == 0x40
    with pytest.raises(RequestTooLargeError):
        next(pieces)
