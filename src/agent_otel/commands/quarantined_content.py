"""A refused request as text: OTLP/JSON as far as it can be read, a hex dump of what cannot."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel.exporter import quarantined
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.signals import Signal

#: Items shown of one request.
_ITEMS: Final = 20
_DUMPED_BYTES: Final = 4096
_DUMP_WIDTH: Final = 16
_IDS: Final = ("traceId", "spanId", "parentSpanId")


def render(signal: Signal, body: bytes) -> str:
    """A request for people; only ASCII, so that nothing in it steers the terminal."""
    if quarantined.is_json(body):
        return _json(body)
    items, problems = quarantined.decode(signal, body)
    if not items:
        return "\n".join([*problems, hex_dump(body)])
    shown = [part for item in items[:_ITEMS] for part in _item(signal, item)]
    if len(items) > _ITEMS:
        shown.append(f"… and {len(items) - _ITEMS:,} more; --raw FILE writes all of it")
    return "\n".join(shown)


def hex_dump(data: bytes) -> str:
    """Offset, bytes and the printable of them, 16 a line, at most 4 KiB."""
    starts = range(0, min(len(data), _DUMPED_BYTES), _DUMP_WIDTH)
    lines = [_dump_line(start, data[start : start + _DUMP_WIDTH]) for start in starts]
    if len(data) > _DUMPED_BYTES:
        lines.append(f"… and {len(data) - _DUMPED_BYTES:,} more bytes; --raw FILE writes all of it")
    return "\n".join(lines)


def _dump_line(start: int, data: bytes) -> str:
    printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{start:08x}  {data.hex(' '):<47}  {printable}"


def _json(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body.decode("utf-8-sig")), indent=2)
    except (ValueError, RecursionError):
        return hex_dump(body)


def _item(signal: Signal, item: RawItem) -> Iterator[str]:
    groups, scopes, items = signal.keys
    unread: list[tuple[str, bytes]] = []

    def read(what: str, kind: type[Message], data: bytes) -> Any:
        try:
            return _hex_ids(MessageToDict(kind.FromString(data)))
        except (DecodeError, ValueError):
            unread.append((what, data))
            return None

    scope_group = {"scope": read("scope", InstrumentationScope, item.scope)}
    scope_group[items] = [read(signal.noun, signal.message, item.raw)]
    group = {"resource": read("resource", Resource, item.resource), scopes: [scope_group]}
    for place, url in ((group, item.resource_schema_url), (scope_group, item.scope_schema_url)):
        if url:
            place["schemaUrl"] = url.decode(errors="replace")
    yield json.dumps({groups: [group]}, indent=2)
    for what, data in unread:
        yield f"the {what} cannot be decoded, its bytes:\n{hex_dump(data)}"


def _hex_ids(message: dict[str, Any]) -> dict[str, Any]:
    """OTLP/JSON spells trace and span ids in hex, where ProtoJSON has base64."""
    for place in (message, *message.get("links", [])):
        for name in _IDS:
            if name in place:
                place[name] = base64.b64decode(place[name]).hex()
    return message
