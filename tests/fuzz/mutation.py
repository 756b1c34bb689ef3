"""Damage to bytes, as transport errors, wrong encoders and attackers do it."""

import random
import struct
from collections.abc import Callable
from typing import Final

#: Where programs break: limits of integers, length prefixes that lie, text that is not UTF-8, brackets, quotes.
_TOKENS: Final = (
    *(b"\x00", b"\xff", b"\x80", b"\x7f", b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\x80" * 11),
    *(b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\\u0000", b"\\ud800", b"'; DROP TABLE spans; --"),
    *(b"[" * 200, b"{" * 200, b'"', b"\\", b"null", b"NaN", b"1e400", b"-0", b"9" * 400, b"\x0a\x00" * 50, b"%s%n"),
)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """The data with one to four damages, mostly one; never the same bytes."""
    result = data
    while result == data:
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            result = rng.choice(_DAMAGES)(rng, result)
    return result


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(rng: random.Random, data: bytes) -> bytes:
    start, token = _place(rng, data), rng.choice(_TOKENS)
    return data[:start] + token + data[start + len(token) :]


def _insert(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    return data[:start] + rng.choice((rng.choice(_TOKENS), rng.randbytes(rng.randrange(1, 20)))) + data[start:]


def _remove(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    return data[:start] + data[start + rng.randrange(1, 30) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    piece = data[start : start + rng.randrange(1, 60)]
    return data[:start] + piece * rng.choice((2, 3, 50)) + data[start:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def _swap(rng: random.Random, data: bytes) -> bytes:
    one, two, three = sorted(_place(rng, data) for _ in range(3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def _number(rng: random.Random, data: bytes) -> bytes:
    start = _place(rng, data)
    number = struct.pack("<Q", rng.choice((0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)))
    return data[:start] + number + data[start + 8 :]


def _place(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


_DAMAGES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    *(_flip, _flip, _overwrite, _insert, _remove, _repeat, _cut, _swap, _number),
)
