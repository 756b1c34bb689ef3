"""Attributes that were seen before, by their bytes: what repeats in span after span is decoded once.

Bounded in entries and bytes. A key with many values (ids, token counts, durations) stops being remembered, so that it
does not push out what repeats; when the memory is full it is emptied, so that it follows what programs send now. Any
number of threads may read: single operations on a dict are atomic, and losing an entry costs only decoding it again.
"""

from typing import Final

from agent_otel.exporter.attribute import Attribute, Name, Value, decoded, key_first, name_of, simple
from agent_otel.exporter.values import Reading

#: Largest attribute that is remembered, in bytes; with what it decodes to, an entry takes about ten times as much.
MAX_SIZE: Final = 88
MAX_ENTRIES: Final = 32_768
MAX_NAMES: Final = 4_096
MAX_VALUES_OF_A_NAME: Final = 128


class AttributeMemo:
    """Reads attributes, and remembers the small ones."""

    def __init__(self) -> None:
        self._attributes: dict[bytes, Attribute] = {}
        self._names: dict[bytes, Name] = {}
        #: The attribute of these bytes, or None.
        self.known = self._attributes.get

    def read(self, field: bytes, reading: Reading) -> Attribute:
        """The attribute in a KeyValue message that is not `known`. Raises DecodeError when it is none."""
        size = len(field)
        name = self._names.get(field[: field[1] + 2]) if size > 1 else None
        if name is None:
            turned = key_first(field)
            if turned is not None:
                return self._turned(field, turned, reading)
            name = self._new_name(field)
            if name is None:
                return decoded(field, reading)
        # What may be longer than its limit is cut by the slower way.
        attribute = simple(field, name) if size <= reading.limits.value or name.content else None
        if attribute is None:
            return self._unusual(field, name, reading)
        if name.remembered < MAX_VALUES_OF_A_NAME and size <= MAX_SIZE:
            self._remember(field, attribute, name)
        return attribute

    def _turned(self, field: bytes, turned: bytes, reading: Reading) -> Attribute:
        attribute = self.known(turned) or self.read(turned, reading)
        if turned in self._attributes:
            self._make_room()
            self._attributes[field] = attribute
        return attribute

    def _unusual(self, field: bytes, name: Name, reading: Reading) -> Attribute:
        own = Reading(reading.limits, reading.capped)
        attribute = decoded(field, own)
        if not own.lossless:
            reading.lossless = False
        elif len(field) <= MAX_SIZE and name.remembered < MAX_VALUES_OF_A_NAME and _is_flat(attribute[1]):
            self._remember(field, attribute, name)
        return attribute

    def _new_name(self, field: bytes) -> Name | None:
        head = field[: field[1] + 2] if len(field) > 1 else b""
        new = name_of(head)
        if new is not None:
            self._make_room()
            self._names[head] = new
        return new

    def _remember(self, field: bytes, attribute: Attribute, name: Name) -> None:
        self._make_room()
        name.remembered += 1
        self._attributes[field] = attribute

    def _make_room(self) -> None:
        if len(self._attributes) >= MAX_ENTRIES or len(self._names) >= MAX_NAMES:
            self._attributes.clear()
            # With the names go their counts of remembered values.
            self._names.clear()


def _is_flat(value: Value) -> bool:
    """Whether no limit on depth, however low, would change what is remembered."""
    members = value if isinstance(value, list) else [value]
    return not any(isinstance(member, (list, dict)) for member in members)
