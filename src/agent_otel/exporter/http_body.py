"""The body of an HTTP request: framing (RFC 9112), then gzip, both within the limit and read piece by piece."""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from agent_otel.errors import MalformedRequestError, RequestTooLargeError, UnsupportedError

_PIECE: Final = 256 * 1024
_LINE: Final = 1024
_MOST_TRAILERS: Final = 32
#: Smaller pieces than these would cost more than what they carry: chunks of a byte, gzip members of nothing.
_MOST_CHUNKS: Final = 100_000
_MOST_MEMBERS: Final = 10_000
#: A zlib window of 32 KiB with gzip's header and checksum.
_GZIP: Final = 31
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class Source(Protocol):
    """Where a body is read from: a connection."""

    def read_some(self, size: int) -> bytes:
        """1 to `size` bytes, as soon as there are any; raises when the sender is gone or too slow."""

    def readline(self, size: int) -> bytes:
        """Up to and including the next line feed, at most `size` bytes."""


def pieces(source: Source, length: str | None, transfer: str | None, limit: int) -> Iterator[bytes]:
    """The body as it was sent, without its framing; `length` and `transfer` are the headers' values.

    Raises RequestTooLargeError above `limit`, before reading what is too much; MalformedRequestError for wrong framing.
    """
    if transfer is not None:
        if transfer.strip().lower() != "chunked" or length is not None:
            raise MalformedRequestError("only Transfer-Encoding: chunked is known, and never beside Content-Length")
        return _chunked(source, limit)
    if length is None:
        return iter(())
    if not length.isascii() or not length.isdigit():
        raise MalformedRequestError("Content-Length must be a number of bytes")
    return _exactly(source, _within(int(length[:20]), limit))


def content(
    encoded: Iterator[bytes], encoding: str | None, length: str | None, limit: int, grow: Callable[[int], None]
) -> bytes:
    """The body without its Content-Encoding; `grow` is told of every further byte before it is kept.

    Raises UnsupportedError for anything but gzip and identity, MalformedRequestError for what is not gzip,
    RequestTooLargeError above `limit`.
    """
    name = (encoding or "identity").strip().lower()
    if name not in ("identity", "gzip"):
        raise UnsupportedError("Content-Encoding must be gzip or identity")
    # Its value is its own buffer: no second copy, and pieces of a byte each take a byte each.
    body = io.BytesIO()
    if name == "identity" and length is not None:
        # Known beforehand: two large bodies must not both be given half the room that each needs.
        grow(int(length))
        body.writelines(encoded)
        return body.getvalue()
    size = 0
    for piece in _inflated(encoded) if name == "gzip" else encoded:
        size = _within(size + len(piece), limit, "inflated_body" if name == "gzip" else "body")
        grow(len(piece))
        body.write(piece)
    return body.getvalue()


def _within(size: int, limit: int, name: str = "body") -> int:
    if size > limit:
        raise RequestTooLargeError(f"the request is larger than {limit} bytes; split it", name)
    return size


def _counted(count: int, most: int, what: str) -> int:
    if count > most:
        raise RequestTooLargeError(f"the body comes in more than {most} {what}; use larger ones", "framing")
    return count


def _exactly(source: Source, size: int) -> Iterator[bytes]:
    while size:
        piece = source.read_some(min(size, _PIECE))
        size -= len(piece)
        yield piece


def _chunked(source: Source, limit: int) -> Iterator[bytes]:
    total = chunks = 0
    while size := _chunk_size(source.readline(_LINE)):
        total = _within(total + size, limit)
        chunks = _counted(chunks + 1, _MOST_CHUNKS, "chunks")
        yield from _exactly(source, size)
        if source.readline(2) != b"\r\n":
            raise MalformedRequestError("a chunk of the body does not end where it says")
    for _ in range(_MOST_TRAILERS):
        if source.readline(_LINE) == b"\r\n":
            return
    raise MalformedRequestError(f"more than {_MOST_TRAILERS} trailers")


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not line.endswith(b"\r\n") or not 0 < len(digits) <= 16 or not set(digits) <= _HEX:
        raise MalformedRequestError("a chunk of the body does not begin with its size")
    return int(digits, 16)


def _inflated(encoded: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate one or more gzip members, never more than a piece at a time."""
    member = None
    members = 0
    for data in encoded:
        while data:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
                members = _counted(members + 1, _MOST_MEMBERS, "gzip members")
            try:
                piece = member.decompress(data, _PIECE)
                # A full piece may leave output behind inside zlib although all input is taken.
                while len(piece) == _PIECE and not member.eof:
                    yield piece
                    piece = member.decompress(member.unconsumed_tail, _PIECE)
            except zlib.error as error:
                raise MalformedRequestError(f"the body is not gzip: {error}") from None
            yield piece
            data = member.unused_data if member.eof else member.unconsumed_tail
    if member is not None and not member.eof:
        raise MalformedRequestError("the body is not gzip: it ends too early")
