"""One attribute of a span, event or link, read from the bytes of its KeyValue message.

Most attributes are a key and a text or number in the encoding that every protobuf library writes. `simple` takes those
apart by comparing bytes, in a third of the time that message objects take; any other goes through them (`decoded`).
"""

from struct import Struct
from typing import Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from orjson import dumps

from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.values import FIRST_EXPONENT, Reading
from agent_otel.exporter.wire import WireEvent, WireSpan
from agent_otel.semconv import CONTENT_ATTRIBUTES

Value: TypeAlias = str | bool | int | float | list["Value"] | dict[str, "Value"] | None
#: The key as it was sent, the value, the member of a JSON object that they make, the canonical KeyValue message.
#: A plain tuple, because one is made for every attribute that was not seen before.
Attribute: TypeAlias = tuple[str, Value, bytes, bytes]

# Tags of KeyValue and AnyValue (opentelemetry-proto, common.proto): field number times 8 plus wire type.
_KEY: Final = 0x0A
_VALUE: Final = 0x12
_VALUE_TAG: Final = bytes([_VALUE])
_TEXT: Final = 0x0A
_BOOL: Final = 0x10
_INT: Final = 0x18
_DOUBLE: Final = 0x21

_MAX_SHORT: Final = 127
#: From here on, a byte of a varint says that another follows.
_CONTINUED: Final = 128
#: Bytes that the length of a value takes at most.
_MAX_LENGTH: Final = 5
#: Bytes of an int value; longer varints are negative, or no int64 at all.
_MAX_INT_SIZE: Final = 12
_double: Final = Struct("<d").unpack_from


class Name:
    """A key that was seen before: how its attributes begin, on the wire and in JSON."""

    __slots__ = ("content", "key", "length", "member", "remembered")

    def __init__(self, key: str, length: int) -> None:
        self.key = key
        #: Bytes that the key takes on the wire, with tag and length.
        self.length = length
        self.member = dumps(key) + b":"
        self.content = key in CONTENT_ATTRIBUTES
        #: How many of its values are remembered.
        self.remembered = 0


def name_of(head: bytes) -> Name | None:
    """The name in the first field of a KeyValue; None for what is no key, or one of its rarer spellings."""
    key = head[2:]
    if not key or head[0] != _KEY or head[1] != len(key) or len(key) > _MAX_SHORT or 0 in key:
        return None
    try:
        return Name(key.decode(), len(head))
    except UnicodeDecodeError:
        return None


def key_first(field: bytes) -> bytes | None:
    """The same attribute with its key before its value; None where it does not stand behind it.

    The Collector (0.160) writes the fields of a message in descending order.
    """
    if field[:1] != _VALUE_TAG:
        return None
    pos, size, shift = 1, 0, 0
    for byte in field[1 : 1 + _MAX_LENGTH]:
        size |= (byte & 0x7F) << shift
        pos, shift = pos + 1, shift + 7
        if byte < _CONTINUED:
            break
    end = pos + size
    if end + 2 > len(field) or field[end] != _KEY or field[end + 1] != len(field) - end - 2:
        return None
    return field[end:] + field[:end]


def simple(field: bytes, name: Name) -> Attribute | None:
    """An attribute with a text or number that JSON can hold, canonically encoded; None for any other."""
    start = name.length
    size = len(field) - start
    prefix = _TEXT_PREFIXES[size] if size < _PREFIXES else _text_prefix(size)
    value: Value
    if prefix and field.startswith(prefix, start):
        try:
            value = field[start + len(prefix) :].decode()
        except UnicodeDecodeError:
            return None
        if "\0" in value:
            return None
    else:
        value = _number(field, start, size)
        if value is None:
            return None
    return name.key, value, name.member + dumps(value), field


def unremembered(field: bytes, reading: Reading) -> Attribute:
    """Any attribute, in the cheaper way if it can be. Raises DecodeError when it is no KeyValue."""
    field = key_first(field) or field
    name = name_of(field[: field[1] + 2]) if len(field) > 1 else None
    short = name is not None and (name.content or len(field) <= reading.limits.value)
    return (simple(field, name) if name is not None and short else None) or decoded(field, reading)


def decoded(field: bytes, reading: Reading) -> Attribute:
    """Any attribute. Raises DecodeError when it is no KeyValue."""
    pair = _parsed(field)
    key = pair.key
    if not pair.HasField("value"):
        reading.lossless = False
    value = reading.value(pair.value)
    shown = value if key in CONTENT_ATTRIBUTES else reading.bounded(value)
    member = dumps(reading.label(key)) + b":" + dumps(shown)
    canonical = Canonical(pair, field)
    if not canonical.complete:
        reading.lossless = False
    return key, value, member, canonical.encoded


def _parsed(field: bytes) -> KeyValue:
    # As deep in a message as an event's attribute stands: what is accepted here must be readable as part of its span
    # again, and parsers stop at 100 levels.
    span = WireSpan(events=[WireEvent(attributes=[field]).SerializeToString()])
    return Span.FromString(span.SerializeToString()).events[0].attributes[0]


def _text_prefix(size: int) -> bytes:
    """How a text value begins that takes `size` bytes in all: tag and length of the value, tag and length of the text.

    The one canonical spelling; nothing where no text gives that size.
    """
    for width in range(1, 6):
        for outer in (width, width + 1):
            length = size - 2 - width - outer
            inner = bytes([_TEXT]) + _varint(length) if length >= 0 else b""
            prefix = bytes([_VALUE]) + _varint(len(inner) + length) + inner if inner else b""
            if len(prefix) == 2 + width + outer:
                return prefix
    return b""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > _MAX_SHORT:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _number(field: bytes, start: int, size: int) -> bool | int | float | None:
    if size < 4 or field[start] != _VALUE or field[start + 1] != size - 2:
        return None
    kind, last = field[start + 2], field[-1]
    if kind == _INT:
        # A varint that ends where it should and has no superfluous bytes.
        if last >= _CONTINUED or size > _MAX_INT_SIZE or (last == 0 and size > 4):
            return None
        value = last
        for byte in field[-2 : start + 2 : -1]:
            if byte < _CONTINUED:
                return None
            value = (value << 7) + byte - _CONTINUED
        return value
    if kind == _DOUBLE and size == 11:
        return _ordinary(_double(field, start + 3)[0], last)
    return bool(last) if kind == _BOOL and size == 4 and last < 2 else None


def _ordinary(number: float, last_byte: int) -> float | None:
    """A double that jsonb gives back as it is: finite, below 1e16, not -0."""
    return number if -FIRST_EXPONENT < number < FIRST_EXPONENT and (number or not last_byte) else None


#: Sizes of most text values, looked up instead of worked out.
_PREFIXES: Final = 1024
_TEXT_PREFIXES: Final = tuple(map(_text_prefix, range(_PREFIXES)))
