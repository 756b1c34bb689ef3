"""Identity: executions, correlation ids and steps to trace and span ids. Standard library only, no state.

The rules are those of docs/architecture.md, "Identity"; each has a known-answer test.
"""

import hashlib
import os
import uuid
from typing import Final

#: uuid5(DNS, "agent-otel"). It never changes: stored ids are derived from it.
NAMESPACE: Final = uuid.UUID("aa19654d-ae20-55b7-96aa-67f4c41ccca2")

_TRACE_DOMAIN: Final = b"aotel/trace/v1\0"
_SPAN_DOMAIN: Final = b"aotel/span/v1\0"
_STEP_DOMAIN: Final = b"aotel/step/v1\0"


def new_uuid() -> uuid.UUID:
    """Mint a random (version 4) UUID."""
    return uuid.uuid4()


def trace_id(correlation_id: str | uuid.UUID) -> int:
    """Turn a correlation id into a 128-bit trace id.

    A UUID of any version gives its own 16 bytes; any other string is hashed to one. Raises ValueError for the nil UUID
    and for an empty string: W3C Trace Context calls an all-zero trace id invalid.
    """
    parsed = correlation_id if isinstance(correlation_id, uuid.UUID) else parse_uuid(correlation_id)
    if parsed is not None:
        if parsed.int == 0:
            raise ValueError("correlation_id is the nil UUID, which no trace can have; give another or leave it out")
        return parsed.int
    if not correlation_id:
        raise ValueError("correlation_id is empty; give a UUID or any other text, or leave it out")
    return int.from_bytes(hashlib.sha256(_TRACE_DOMAIN + str(correlation_id).encode()).digest()[:16])


def correlation_uuid(trace: int) -> uuid.UUID:
    """The trace id as the UUID that SQL shows as correlation_id."""
    return uuid.UUID(int=trace)


def execution_span_id(execution_id: uuid.UUID) -> int:
    """The 64-bit span id of an execution: low half of a v4 or v7 UUID, else a SHA-256 prefix.

    The low half of other versions holds a host or clock id that many executions share.
    """
    if execution_id.version in (4, 7):
        return execution_id.int & 0xFFFF_FFFF_FFFF_FFFF
    return _span_hash(_SPAN_DOMAIN + execution_id.bytes)


def step_span_id(execution_id: uuid.UUID, step_id: str | None = None) -> int:
    """The 64-bit span id of a step: derived when the caller names the step, else random."""
    if step_id is None:
        return random_span_id()
    return _span_hash(_STEP_DOMAIN + str(execution_id).encode() + b"\0" + step_id.encode())


def random_span_id() -> int:
    """A random 64-bit span id; never zero."""
    return int.from_bytes(os.urandom(8)) or 1


def foreign_execution_id(trace_hex: str, span_hex: str) -> uuid.UUID:
    """The execution id of a span that carries none: stable, so that a replay meets its own row."""
    return uuid.uuid5(NAMESPACE, f"{trace_hex}:{span_hex}")


def event_id(execution_id: uuid.UUID, event_name: str) -> uuid.UUID:
    """The id of an event that happens once in an execution (start, completion): a retry meets its own."""
    return uuid.uuid5(execution_id, event_name)


def parse_uuid(text: str) -> uuid.UUID | None:
    """The UUID that `text` spells (dashes optional, any version), or None."""
    if len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _span_hash(data: bytes) -> int:
    digest = hashlib.sha256(data).digest()
    return int.from_bytes(digest[:8]) or int.from_bytes(digest[8:16])
