"""How many parts a record has, counted on its bytes before they are parsed.

A part of two bytes becomes an object of fifty or more: 16 MiB of empty attributes would take a gigabyte and a minute.
"""

from typing import Final

#: Most attributes, events, links and members of lists and maps in one record, counted at every level.
MAX_PARTS: Final = 2**20
#: A smaller record cannot have so many that it matters.
_SMALL: Final = 1024 * 1024

#: Per message, the fields that repeat or nest: by number, the message in them (opentelemetry-proto 1.x).
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "Span": {9: "KeyValue", 11: "Event", 13: "Link"},
    "Event": {3: "KeyValue"},
    "Link": {4: "KeyValue"},
    "LogRecord": {5: "AnyValue", 6: "KeyValue"},
    "Resource": {1: "KeyValue", 3: "EntityRef"},
    "EntityRef": {},
    "InstrumentationScope": {3: "KeyValue"},
    "KeyValue": {2: "AnyValue"},
    "AnyValue": {5: "ArrayValue", 6: "KeyValueList"},
    "ArrayValue": {1: "AnyValue"},
    "KeyValueList": {1: "KeyValue"},
}
#: Messages whose fields do not repeat: what is in them is no part of its own.
_SINGLE: Final = frozenset({"KeyValue", "AnyValue"})
_MAX_DEPTH: Final = 100
_MAX_VARINT: Final = 10
_LENGTH_DELIMITED: Final = 2
_FIXED_SIZES: Final = {1: 8, 5: 4}


def check(raw: bytes, message: str) -> None:
    """Raise ValueError when a record, encoded as `message`, has more than MAX_PARTS parts.

    Bytes that are no protobuf are left to the parser, which refuses them.
    """
    if len(raw) <= _SMALL:
        return
    try:
        _count(raw, message)
    except IndexError:
        return


def _count(raw: bytes, message: str) -> None:
    """Walk depth first; parsers go no deeper than 100 levels, so neither does this."""
    left = MAX_PARTS
    around = [(0, len(raw), message)]
    while around:
        pos, end, kind = around.pop()
        while pos < end:
            tag, pos = _varint(raw, pos)
            if tag & 7 != _LENGTH_DELIMITED:
                pos = _after(raw, pos, tag & 7)
                continue
            length, pos = _varint(raw, pos)
            inner = _FIELDS[kind].get(tag >> 3)
            if inner is None:
                pos += length
                continue
            if kind not in _SINGLE:
                left -= 1
                if left < 0:
                    raise ValueError(f"more than {MAX_PARTS} attributes, events, links and members of lists")
            if len(around) == _MAX_DEPTH:
                return
            around.append((pos + length, end, kind))
            end, kind = pos + length, inner


def _after(raw: bytes, pos: int, wire_type: int) -> int:
    """The position after a field that is not length-delimited."""
    if wire_type == 0:
        return _varint(raw, pos)[1]
    if wire_type not in _FIXED_SIZES:
        # Nothing in OTLP is a group; a parser would skip it, and what it holds would not be counted.
        raise ValueError(f"not OTLP: it has a field of wire type {wire_type}")
    return pos + _FIXED_SIZES[wire_type]


def _varint(raw: bytes, pos: int) -> tuple[int, int]:
    value = raw[pos]
    if value < 0x80:
        return value, pos + 1
    value &= 0x7F
    for index in range(1, _MAX_VARINT):
        byte = raw[pos + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, pos + index + 1
    raise IndexError("a protobuf varint has at most 10 bytes")
