"""The attributes of one span, event or link: read, limited, sorted, as JSON and in canonical encoding."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent_otel.exporter.attribute import Attribute, unremembered
from agent_otel.exporter.attribute_memo import AttributeMemo
from agent_otel.exporter.promoted import SOURCES
from agent_otel.exporter.shape import Pick, Shapes
from agent_otel.exporter.values import KNOWN, Reading

_MEMO: Final = AttributeMemo()
_SHAPES: Final = Shapes(SOURCES)


class AttributeList:
    """Attributes by column. Made once a span, so it holds what it was given and works out the rest when asked."""

    __slots__ = ("_keys", "_members", "_values", "canonical", "shape")

    def __init__(self, attributes: Sequence[Attribute], canonical: Sequence[bytes] | None, reading: Reading) -> None:
        self._keys, self._values, self._members, fields = zip(*attributes, strict=True) if attributes else _NOTHING
        #: What follows from their keys.
        self.shape = shape = _SHAPES.of(self._keys)
        if not shape.unique:
            reading.lossless = False
        #: The KeyValue messages in canonical encoding and order.
        self.canonical = canonical or (shape.order(fields) if shape.order else fields)

    def json(self, pick: Pick) -> bytes:
        """Those that `pick`, one of the shape's, takes as a JSON object."""
        # Joined twice, because a single member, which may be megabytes of content, is not copied by the inner one.
        return b"".join((b"{", b",".join(pick(self._members)), b"}"))

    def columns(self) -> tuple[Any, ...]:
        """The values of `promoted.SOURCES`, None where there is none."""
        return self.shape.columns((*self._values, None))

    def values(self) -> dict[str, Any]:
        """Values by key; of a repeated key the last one stands. Texts are not cut."""
        return dict(zip(self._keys, self._values, strict=True))


_NOTHING: Final[tuple[tuple[Any, ...], ...]] = ((), (), (), ())


def read(fields: Sequence[bytes], reading: Reading) -> AttributeList:
    """Read a list of KeyValue messages. Raises DecodeError when one of them is none."""
    if len(fields) > reading.limits.attributes:
        return _limited(fields, reading)
    known, decode = _MEMO.known, _MEMO.read
    # Copied first: going through protobuf's own container takes longer.
    return AttributeList([known(field) or decode(field, reading) for field in fields[:]], None, reading)


def _limited(fields: Iterable[bytes], reading: Reading) -> AttributeList:
    """Read a list that may have more attributes than may stand; one at a time, since there may be a million."""
    standing: dict[str, Attribute] = {}
    canonical = []
    room, cut = reading.limits.attributes, False
    for field in fields:
        attribute = _MEMO.known(field) or unremembered(field, reading)
        key = attribute[0]
        canonical.append(attribute[3])
        if key in standing:
            reading.lossless = False
        elif key not in KNOWN:
            if not room:
                cut = True
                continue
            room -= 1
        standing[key] = attribute
    canonical.sort(key=_key_bytes)
    if cut:
        reading.cap("attributes")
    return AttributeList(list(standing.values()), canonical, reading)


def _key_bytes(field: bytes) -> bytes:
    """The key in a canonical KeyValue; bytes of UTF-8 sort as its characters do."""
    if field[:1] != b"\n":
        return b""
    start, length, shift = 1, 0, 0
    while True:
        byte = field[start]
        length |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return field[start : start + length]
