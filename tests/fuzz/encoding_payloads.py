"""Good requests under spoilt gzip, wrong headers, wrong paths and methods."""

import gzip
import random
import zlib
from functools import cache

from tests.fuzz import golden
from tests.fuzz.mutation import mutated
from tests.fuzz.payload import JSON, OK, PROTOBUF, REFUSED, TAKEN_OR_REFUSED, Payload, SpanId

_GZIP = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
_BOMB_MIB = 200


def spoilt_gzip(rng: random.Random) -> Payload:
    """Damage anywhere in a gzip: when another reader still gets the request out of it, it is taken."""
    request = golden.request(rng, rng.randrange(1, 4))
    plain = request.SerializeToString()
    body = mutated(rng, gzip.compress(plain, rng.choice((0, 1, 9)), mtime=0))
    intact = _inflated(body) == plain
    good = golden.ids(request) if intact else ()
    return Payload("gzip-spoilt", "http", body, OK if intact else TAKEN_OR_REFUSED, good, headers=_GZIP)


def cut_gzip(rng: random.Random) -> Payload:
    """A gzip that ends too early is never taken."""
    body = gzip.compress(golden.request(rng, 3).SerializeToString(), mtime=0)
    return Payload("gzip-cut", "http", body[: rng.randrange(1, len(body))], REFUSED, headers=_GZIP)


def members(rng: random.Random) -> Payload:
    """Several gzip members, empty ones too, are one body."""
    request = golden.request(rng, 3)
    plain = request.SerializeToString()
    middle = rng.randrange(len(plain))
    parts = [plain[:middle], *[b""] * rng.choice((0, 3, 50)), plain[middle:]]
    body = b"".join(gzip.compress(part, 1, mtime=0) for part in parts)
    return Payload("gzip-members", "http", body, OK, golden.ids(request), headers=_GZIP)


def too_many_members(rng: random.Random) -> Payload:
    """Members of nothing, more than any writer makes."""
    return Payload(
        "gzip-many-members", "http", gzip.compress(b"", mtime=0) * rng.choice((10_001, 20_000)), REFUSED, headers=_GZIP
    )


def bomb(rng: random.Random) -> Payload:
    """Much more inside than the limit on what is inflated, in protobuf or in JSON."""
    kind = rng.choice((PROTOBUF, JSON))
    return Payload(
        "gzip-bomb", "http", _bomb(rng.choice((b"\0", b"["))), REFUSED, headers={**_GZIP, "Content-Type": kind}
    )


@cache
def _bomb(filling: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(filling * 2**20) for _ in range(_BOMB_MIB)]) + packer.flush()


def wrong_headers(rng: random.Random) -> Payload:
    """A good request with one header, the path or the method wrong; nothing of it is stored."""
    body = golden.request(rng, 1).SerializeToString()
    headers, path, method, allowed = rng.choice(
        (
            ({"Content-Type": "text/plain"}, "/v1/traces", "POST", 415),
            ({"Content-Type": "application/x-protobuf2"}, "/v1/traces", "POST", 415),
            ({"Content-Type": "\xe9" * 100}, "/v1/traces", "POST", 415),
            ({}, "/v1/traces", "POST", 415),
            ({**_GZIP, "Content-Encoding": "br"}, "/v1/traces", "POST", 415),
            ({**_GZIP, "Content-Encoding": "gzip, gzip"}, "/v1/traces", "POST", 415),
            ({"Content-Type": PROTOBUF}, "/v1/metrics", "POST", 404),
            ({"Content-Type": PROTOBUF}, "/" + "%2e%2e/" * 50, "POST", 404),
            ({"Content-Type": PROTOBUF}, "/v1/traces", "PUT", 405),
            ({"Content-Type": PROTOBUF, "Host": "evil.example"}, "/v1/traces", "POST", 403),
            ({"Content-Type": JSON}, "/v1/traces", "POST", 400),
        )
    )
    return Payload("headers", "http", body, frozenset({allowed}), (), None, path, headers, method)


def good(rng: random.Random) -> Payload:
    """A good request, so that not everything that the exporter sees is hostile."""
    request = golden.request(rng, 5)
    ids: tuple[SpanId, ...] = golden.ids(request)
    return Payload(
        "good", rng.choice(("grpc", "http")), request.SerializeToString(), OK, ids, headers={"Content-Type": PROTOBUF}
    )


def _inflated(body: bytes) -> bytes | None:
    """What is in a gzip of one member and nothing behind it; Python's gzip module reads over zeros there."""
    reader = zlib.decompressobj(31)
    try:
        plain = reader.decompress(body)
    except zlib.error:
        return None
    return plain if reader.eof and not reader.unused_data else None
