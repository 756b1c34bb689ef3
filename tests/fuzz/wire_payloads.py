"""Bytes on a TCP connection: spoilt HTTP/1.1 and HTTP/2, lies about lengths, and plain garbage."""

import random
import struct
from typing import Final

from tests.fuzz import golden
from tests.fuzz.mutation import mutated
from tests.fuzz.payload import NO_ANSWER, PROTOBUF, Payload

#: Whatever HTTP has for a request that is wrong; 501 and 505 are for framings and versions that nobody speaks.
_HTTP: Final = frozenset({NO_ANSWER, 200, 400, 403, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 505})
_EXPORT: Final = b"/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_END_STREAM, _END_HEADERS = 1, 4


def http_request(rng: random.Random) -> Payload:
    """A good HTTP/1.1 request with damage anywhere."""
    return Payload("wire-http", "http-wire", mutated(rng, _http(rng, _body(rng))), _HTTP)


def http_head(rng: random.Random) -> Payload:
    """Damage in the request line and the headers only."""
    head, _, body = _http(rng, _body(rng)).partition(b"\r\n\r\n")
    return Payload("wire-head", "http-wire", mutated(rng, head) + b"\r\n\r\n" + body, _HTTP)


def lying_length(rng: random.Random) -> Payload:
    """A Content-Length that is wrong, several of them, or one beside chunks."""
    body = _body(rng)
    lie = rng.choice(
        (
            *(
                f"Content-Length: {length}"
                for length in (len(body) - 1, len(body) + 5, 10**9, "abc", "1e3", "", "0x10")
            ),
            f"Content-Length: {len(body)}\r\nContent-Length: 3",
            f"Content-Length: {len(body)}\r\nTransfer-Encoding: chunked",
            "Content-Length: " + "9" * 50,
            "Content-Length: ٣",
        )
    )
    return Payload("wire-length", "http-wire", _head(lie.encode()) + body, _HTTP)


def broken_chunks(rng: random.Random) -> Payload:
    """Chunked framing with damage in it, or in the sizes, or without an end."""
    body = _body(rng)
    size = rng.choice(
        (b"%x" % len(body), b"-1", b"+5", b"0x5", b"f" * 17, b"", b"zz", b"%x;" % len(body) + b"e" * 2_000)
    )
    framed = (
        size + b"\r\n" + body + rng.choice((b"\r\n0\r\n\r\n", b"0\r\n\r\n", b"\r\n", b"\r\n0\r\n" + b"T: 1\r\n" * 40))
    )
    if rng.random() < 0.5:
        framed = mutated(rng, b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    return Payload("wire-chunks", "http-wire", _head(b"Transfer-Encoding: chunked") + framed, _HTTP)


def large_head(rng: random.Random) -> Payload:
    """More header than anyone needs."""
    line = b"X-%d: " % rng.randrange(10) + b"v" * rng.choice((100, 40_000)) + b"\r\n"
    head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n" + line * rng.choice((2, 500)) + b"\r\n"
    return Payload("wire-large-head", "http-wire", head, _HTTP)


def garbage(rng: random.Random) -> Payload:
    """Bytes of no protocol, or of another one, at either door."""
    body = rng.choice(
        (rng.randbytes(rng.randrange(1, 3_000)), b"\x16\x03\x01\x02\x00\x01" + rng.randbytes(500), b"\r\n" * 500)
    )
    return Payload("wire-garbage", rng.choice(("http-wire", "grpc-wire")), body, _HTTP)


def grpc_frames(rng: random.Random) -> Payload:
    """A good gRPC call with damage in its HTTP/2 frames, or frames that nobody sends."""
    call = _call(_body(rng))
    if rng.random() < 0.2:
        frames = [_frame(rng.randrange(256), rng.randrange(256), rng.randrange(5), rng.randbytes(rng.randrange(60)))]
        call = _PREFACE + _frame(_SETTINGS, 0, 0, b"") + b"".join(frames * rng.randrange(1, 50))
    else:
        call = _PREFACE + mutated(rng, call.removeprefix(_PREFACE))
    return Payload("wire-grpc", "grpc-wire", call, _HTTP)


def grpc_message(rng: random.Random) -> Payload:
    """A call whose message lies about its length, its compression, or does not end."""
    body = _body(rng)
    prefix = rng.choice(
        (
            struct.pack(">BI", 0, len(body) + rng.choice((-1, 1, 2**31))) if body else b"",
            struct.pack(">BI", rng.choice((1, 2, 255)), len(body)),
            b"",
            b"\0",
        )
    )
    return Payload("wire-grpc-message", "grpc-wire", _call(body, prefix), _HTTP)


def half_open(rng: random.Random) -> Payload:
    """A request that stops in the middle, on a connection that stays open."""
    door = rng.choice(("http-half", "grpc-half"))
    whole = _http(rng, _body(rng)) if door == "http-half" else _call(_body(rng))
    return Payload(door, door, whole[: rng.randrange(len(whole))], frozenset({NO_ANSWER}))


def unfinished_call() -> bytes:
    """A call whose message is announced with a thousand bytes, of which ten come."""
    return _call(b"x" * 10, struct.pack(">BI", 0, 1_000), ends=False)


def _body(rng: random.Random) -> bytes:
    data: bytes = golden.request(rng, 1).SerializeToString()
    return data


def _http(rng: random.Random, body: bytes) -> bytes:
    if rng.random() < 0.5:
        return _head(b"Content-Length: %d" % len(body)) + body
    return _head(b"Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


def _head(framing: bytes) -> bytes:
    lines = (b"POST /v1/traces HTTP/1.1", b"Host: localhost", b"Content-Type: " + PROTOBUF.encode(), framing)
    return b"\r\n".join((*lines, b"", b""))


def _call(body: bytes, prefix: bytes | None = None, *, ends: bool = True) -> bytes:
    names = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", _EXPORT), (b":authority", b"localhost"))
    more = ((b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"grpc-encoding", b"gzip"))
    # HPACK: literals without indexing, names and values as they are.
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in (*names, *more))
    message = (struct.pack(">BI", 0, len(body)) if prefix is None else prefix) + body
    pieces = [message[start : start + 16_000] for start in range(0, len(message), 16_000)]
    data = [_frame(_DATA, 0, 1, piece) for piece in pieces[:-1]] + [
        _frame(_DATA, _END_STREAM if ends else 0, 1, pieces[-1])
    ]
    start = _frame(_SETTINGS, 0, 0, b"") + _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**20))
    return _PREFACE + start + _frame(_HEADERS, _END_HEADERS, 1, block) + b"".join(data)


def _text(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
