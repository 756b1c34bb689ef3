"""Events and links of a span: as members of a JSON list, and in canonical encoding."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from agent_otel.exporter import attribute_list
from agent_otel.exporter.values import Reading
from agent_otel.exporter.wire import WireEvent, WireLink
from agent_otel.exporter.wire_canonical import canonical


class Parts(NamedTuple):
    """The events or the links of one span."""

    #: A JSON list; None when there are none.
    json: bytes | None
    canonical: Sequence[bytes]


NONE: Final = Parts(None, ())


def events(fields: Sequence[bytes], reading: Reading) -> Parts:
    """Read a span's events, of which there are some. Raises DecodeError when one of them is none."""
    return _read(fields, _event, reading.limits.events, "events", reading)


def links(fields: Sequence[bytes], reading: Reading) -> Parts:
    """Read a span's links, of which there are some. Raises DecodeError when one of them is none."""
    return _read(fields, _link, reading.limits.links, "links", reading)


def _read(
    fields: Sequence[bytes],
    read: Callable[[bytes, Reading], tuple[dict[str, Any], bytes]],
    most: int,
    limit: str,
    reading: Reading,
) -> Parts:
    shown: list[dict[str, Any]] = []
    canonical = []
    for field in fields:
        part, encoded = read(field, reading)
        canonical.append(encoded)
        if len(shown) < most:
            shown.append(part)
    if len(canonical) > most:
        reading.cap(limit)
    return Parts(orjson.dumps(shown), canonical)


def _event(field: bytes, reading: Reading) -> tuple[dict[str, Any], bytes]:
    event = WireEvent.FromString(field)
    attributes = attribute_list.read(event.attributes, reading)
    shown = {
        "time_unix_nano": event.time_unix_nano,
        "name": reading.label(event.name),
        "attributes": orjson.Fragment(attributes.json(attributes.shape.members)),
    }
    if event.dropped_attributes_count:
        shown["dropped_attributes_count"] = event.dropped_attributes_count
    return shown, canonical(event, field, (attributes.canonical, (), ()), reading)


def _link(field: bytes, reading: Reading) -> tuple[dict[str, Any], bytes]:
    link = WireLink.FromString(field)
    attributes = attribute_list.read(link.attributes, reading)
    shown = {
        "trace_id": reading.label(link.trace_id.hex()),
        "span_id": reading.label(link.span_id.hex()),
        "attributes": orjson.Fragment(attributes.json(attributes.shape.members)),
    }
    if link.trace_state:
        shown["trace_state"] = reading.label(link.trace_state)
    if link.dropped_attributes_count:
        shown["dropped_attributes_count"] = link.dropped_attributes_count
    if link.flags:
        shown["flags"] = link.flags
    return shown, canonical(link, field, (attributes.canonical, (), ()), reading)
