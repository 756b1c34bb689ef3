"""The canonical encoding (see canonical.py) of a span, event or link whose parts are bytes (see wire.py)."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from agent_otel.exporter.values import Reading
from agent_otel.exporter.wire import WireSpan

#: Attributes, events and links.
Parts: TypeAlias = tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]

#: Bytes that an empty status takes on the wire: a tag and a length of zero.
_EMPTY_STATUS: Final = 2


def canonical(message: Any, received: bytes, parts: Parts, reading: Reading) -> bytes:
    """Encode `message` with `parts` in canonical encoding and order: its attributes, and a span's events and links.

    Changes the message. The reading is no longer lossless when it has fields that we do not know.
    """
    removed = _normalise(message, parts)
    message.DiscardUnknownFields()
    encoded: bytes = message.SerializeToString(deterministic=True)
    if len(encoded) + removed == len(received):
        return encoded
    again = type(message).FromString(received)
    _normalise(again, parts)
    whole: bytes = again.SerializeToString(deterministic=True)
    # The same length: only spelled otherwise, such as the empty parent id that a Collector gives every root.
    if len(whole) != len(encoded):
        reading.lossless = False
    return whole


def _normalise(message: Any, parts: Parts) -> int:
    """Put the parts in place; return how many bytes an empty status took that is now gone."""
    attributes, events, links = parts
    if attributes:
        container = message.attributes
        del container[:]
        container.extend(attributes)
    if events:
        _replace(message.events, events)
    if links:
        _replace(message.links, links)
    if type(message) is WireSpan and message.HasField("status") and not message.status.ByteSize():
        message.ClearField("status")
        return _EMPTY_STATUS
    return 0


def _replace(container: Any, fields: Sequence[bytes]) -> None:
    del container[:]
    container.extend(fields)
