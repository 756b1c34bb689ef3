"""OTLP protobuf by hand, for what a span needs: attributes and the fields around them. Standard library only.

The OTel encoder builds a message object for each attribute: 45 µs a span, for which the agent's threads wait, because
they share the interpreter. Joining bytes, most of which were seen before, takes a quarter; the tests hold it against
that encoder. Wire format: https://protobuf.dev/programming-guides/encoding/; messages: opentelemetry-proto common.v1.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent_otel.attribute_value import printed, text

#: Attributes with short text values repeat from span to span; so many are remembered, then all forgotten.
MAX_REMEMBERED: Final = 8_192
MAX_REMEMBERED_CHARACTERS: Final = 64

_DOUBLE: Final = struct.Struct("<d")
_FIXED64: Final = struct.Struct("<BQ")
_FIXED32: Final = struct.Struct("<BI")
_INT64: Final = range(-(2**63), 2**63)
_BYTE: Final = [bytes((value,)) for value in range(0x80)]
_remembered: Final[dict[tuple[str, str], bytes]] = {}


def varint(value: int) -> bytes:
    """An unsigned integer."""
    if value < 0x80:
        return _BYTE[value]
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def prefixed(content: bytes) -> bytes:
    """A length and as many bytes."""
    return varint(len(content)) + content


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field; nothing when it is empty, as proto3 has it. Numbers up to 15, as in all of OTLP's."""
    return _BYTE[number << 3 | 2] + varint(len(content)) + content if content else b""


def text_field(number: int, value: str | None) -> bytes:
    """A string field."""
    return field(number, text(value).encode()) if value else b""


def count_field(number: int, value: int) -> bytes:
    """An unsigned integer or enum field."""
    return _BYTE[number << 3] + varint(value) if value else b""


def time_field(number: int, nanoseconds: int | None) -> bytes:
    """A fixed64 field."""
    return _FIXED64.pack(number << 3 | 1, nanoseconds) if nanoseconds else b""


def flags_field(number: int, value: int) -> bytes:
    """A fixed32 field."""
    return varint(number << 3 | 5) + _FIXED32.pack(0, value)[1:]


def messages(number: int, encoded: Iterable[bytes]) -> bytes:
    """A repeated message field, from messages that carry their length."""
    tag = _BYTE[number << 3 | 2]
    return b"".join([tag + one for one in encoded])


def attributes_field(number: int, attributes: Mapping[str, object]) -> bytes:
    """A repeated KeyValue field."""
    encoded = [b""]
    for key, value in attributes.items():
        known = _remembered.get((key, value)) if type(value) is str else None
        encoded.append(known or _key_value(key, value))
    return _BYTE[number << 3 | 2].join(encoded)


def _key_value(key: str, value: object) -> bytes:
    encoded = prefixed(text_field(1, str(key)) + b"\x12" + prefixed(_any_value(value)))
    if type(value) is str and len(value) <= MAX_REMEMBERED_CHARACTERS:
        if len(_remembered) >= MAX_REMEMBERED:
            _remembered.clear()
        _remembered[key, value] = encoded
    return encoded


def _any_value(value: object) -> bytes:
    """An AnyValue without its length; a member of its oneof stands even when it is empty or zero."""
    if isinstance(value, str):
        return b"\x0a" + prefixed(text(value).encode())
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF) if value in _INT64 else _any_value(str(value))
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, bytes):
        return b"\x3a" + prefixed(value)
    if isinstance(value, Mapping):
        return b"\x32" + prefixed(attributes_field(1, value))
    if isinstance(value, Sequence):
        return b"\x2a" + prefixed(messages(1, [prefixed(_any_value(member)) for member in value]))
    return b"" if value is None else _any_value(printed(value))
