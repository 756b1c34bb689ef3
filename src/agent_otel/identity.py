"""The rules of identity on numbers: UUIDs are 128 bits, trace ids 128, span ids 64. Standard library only, no state.

`agent_otel.ids` has them for `uuid.UUID` objects; importing that module costs half of a call of the command. The rules
are those of docs/architecture.md, "Identity"; each has a known-answer test.
"""

from __future__ import annotations

import os

from agent_otel.digest import sha1, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: uuid5(DNS, "agent-otel"), aa19654d-ae20-55b7-96aa-67f4c41ccca2. It never changes: stored ids are derived from it.
NAMESPACE: Final = 0xAA19654D_AE20_55B7_96AA_67F4C41CCCA2

_TRACE_DOMAIN: Final = b"aotel/trace/v1\0"
_SPAN_DOMAIN: Final = b"aotel/span/v1\0"
_STEP_DOMAIN: Final = b"aotel/step/v1\0"
_LOW: Final = 0xFFFF_FFFF_FFFF_FFFF
_LENGTHS: Final = (32, 36)


def new_uuid() -> int:
    """Mint a random (version 4) UUID."""
    return _marked(int.from_bytes(os.urandom(16)), 4)


def named_uuid(namespace: int, name: str) -> int:
    """The version 5 UUID of a name (RFC 9562, 5.5)."""
    digest = sha1(namespace.to_bytes(16) + _bytes(name), usedforsecurity=False).digest()
    return _marked(int.from_bytes(digest[:16]), 5)


def parse(text: str) -> int | None:
    """The UUID that `text` spells (dashes optional, any version), or None."""
    digits = text.replace("-", "")
    if len(text) not in _LENGTHS or not digits.isalnum():  # fromhex would pass over blanks
        return None
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return None
    return int.from_bytes(raw) if len(raw) == 16 else None


def spelled(uuid: int) -> str:
    """A UUID in the usual spelling."""
    digits = f"{uuid:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def version(uuid: int) -> int | None:
    """The version of a UUID; None where its variant has none (RFC 9562, 4.1)."""
    return uuid >> 76 & 0xF if uuid >> 62 & 3 == 2 else None


def trace_id(correlation_id: str) -> int:
    """Turn a correlation id into a 128-bit trace id.

    A UUID of any version gives its own 16 bytes; any other string is hashed to one. Raises ValueError for the nil UUID
    and for an empty string: W3C Trace Context calls an all-zero trace id invalid.
    """
    parsed = parse(correlation_id)
    if parsed == 0:
        raise ValueError("correlation_id is the nil UUID, which no trace can have; give another or leave it out")
    if not correlation_id:
        raise ValueError("correlation_id is empty; give a UUID or any other text, or leave it out")
    return int.from_bytes(sha256(_TRACE_DOMAIN + _bytes(correlation_id)).digest()[:16]) if parsed is None else parsed


def execution_span_id(execution: int) -> int:
    """The 64-bit span id of an execution: low half of a v4 or v7 UUID, else a SHA-256 prefix.

    The low half of other versions holds a host or clock id that many executions share.
    """
    return execution & _LOW if version(execution) in (4, 7) else _span_hash(_SPAN_DOMAIN + execution.to_bytes(16))


def step_span_id(execution_id: str, step_id: str | None = None) -> int:
    """The 64-bit span id of a step: derived when the caller names the step, else random."""
    if step_id is None:
        return random_span_id()
    return _span_hash(_STEP_DOMAIN + execution_id.encode() + b"\0" + _bytes(step_id))


def random_span_id() -> int:
    """A random 64-bit span id; never zero."""
    return int.from_bytes(os.urandom(8)) or 1


def _marked(bits: int, kind: int) -> int:
    """128 bits with the version and the variant of RFC 9562 in their places."""
    return bits & ~(0xF << 76) & ~(3 << 62) | kind << 76 | 2 << 62


def _bytes(text: str) -> bytes:
    """UTF-8; lone surrogates as `attribute_value.text` spells them."""
    return text.encode(errors="backslashreplace")


def _span_hash(data: bytes) -> int:
    digest = sha256(data).digest()
    return int.from_bytes(digest[:8]) or int.from_bytes(digest[8:16])
