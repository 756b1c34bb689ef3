"""One byte string for everything that means the same record: what digests are taken of.

Canonical means: protobuf's deterministic encoding, attributes sorted by key at every level (OTLP gives their order no
meaning, and jsonb does not keep it), an empty status left out.
"""

import hashlib
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

#: Bytes that an empty status takes on the wire: a tag and a length of zero.
_EMPTY_STATUS: Final = 2


class Canonical:
    """The canonical encoding of one message. Sorts the message in place."""

    __slots__ = ("complete", "encoded")

    def __init__(self, message: Span | LogRecord | Resource | InstrumentationScope | KeyValue, received: bytes) -> None:
        removed = _normalise(message)
        message.DiscardUnknownFields()
        self.encoded = message.SerializeToString(deterministic=True)
        #: Whether the fields that we know are all there is in the received bytes, however they are spelled.
        self.complete = True
        if len(self.encoded) + removed != len(received):
            again = type(message).FromString(received)
            _normalise(again)
            known, self.encoded = self.encoded, again.SerializeToString(deterministic=True)
            self.complete = len(self.encoded) == len(known)


def digest(*parts: bytes) -> bytes:
    """SHA-256 over the parts, each with its length before it."""
    return digest_after(framed(*parts[:-1]), parts[-1])


def framed(*parts: bytes) -> bytes:
    """The parts, each with its length before it: what `digest_after` takes."""
    return b"".join(len(part).to_bytes(8) + part for part in parts)


def digest_after(prefix: bytes, last: bytes) -> bytes:
    """The digest of the parts that make `prefix` and of one more."""
    sha = hashlib.sha256(prefix + len(last).to_bytes(8))
    sha.update(last)
    return sha.digest()


def short_id(digest: bytes) -> int:
    """The first 8 bytes as a signed integer: the id of a resource or scope."""
    return int.from_bytes(digest[:8], signed=True)


def _normalise(message: Any) -> int:
    """Sort a message's attributes; return how many bytes an empty status took that is now gone."""
    removed = 0
    if isinstance(message, KeyValue):
        _sort_value(message.value)
        return removed
    _sort(message.attributes)
    if isinstance(message, Span):
        for event in message.events:
            _sort(event.attributes)
        for link in message.links:
            _sort(link.attributes)
        if message.HasField("status") and not message.status.ByteSize():
            message.ClearField("status")
            removed = _EMPTY_STATUS
    elif isinstance(message, LogRecord) and message.HasField("body"):
        _sort_value(message.body)
    return removed


def _sort(pairs: Any) -> None:
    nested = False
    previous = ""
    ordered = True
    for pair in pairs:
        key = pair.key
        ordered = ordered and previous <= key
        previous = key
        nested = nested or pair.value.WhichOneof("value") in ("kvlist_value", "array_value")
    if not ordered:
        pairs.sort(key=_key)
    if nested:
        for pair in pairs:
            _sort_value(pair.value)


def _sort_value(value: AnyValue) -> None:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        _sort(value.kvlist_value.values)
    elif kind == "array_value":
        for member in value.array_value.values:
            _sort_value(member)


def _key(pair: KeyValue) -> str:
    return pair.key
