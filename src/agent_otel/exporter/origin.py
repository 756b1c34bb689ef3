"""Where an item comes from: its resource and its instrumentation scope, each stored once."""

from collections import Counter
from typing import Final, NamedTuple, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel import semconv
from agent_otel.exporter import claude_code, part_count
from agent_otel.exporter.canonical import Canonical, digest, framed, short_id
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.limits import MAX_TEXT, Limits
from agent_otel.exporter.values import Reading, encode
from agent_otel.store.rows import ResourceRow, ScopeRow

#: Programs send the same resource and scope with every request, so they are decoded once in the life of this process.
MAX_REMEMBERED: Final = 512
#: Larger ones are decoded once a request, so that a hostile client cannot make us hold them.
MAX_REMEMBERED_BYTES: Final = 8 * 1024


class Origin(NamedTuple):
    """The rows of an item's resource and scope."""

    resource: ResourceRow
    scope: ScopeRow
    #: What the digest of every record from here begins with.
    prefix: bytes
    #: Whether Claude Code's own telemetry comes from here.
    is_claude_code: bool


#: An item's resource, scope and schema URLs, as they were sent.
Frame: TypeAlias = tuple[bytes, bytes, bytes, bytes]

_remembered: Final[dict[tuple[Frame, Limits], Origin]] = {}


class Origins:
    """The origins of one request."""

    def __init__(self, limits: Limits, capped: Counter[str]) -> None:
        self._limits = limits
        self._capped = capped
        self._known: dict[Frame, Origin] = {}

    def of(self, item: RawItem) -> Origin:
        """The origin of an item. Raises DecodeError or ValueError when its bytes cannot be read."""
        frame = item[1:]
        origin = self._known.get(frame) or _remembered.get((frame, self._limits))
        if origin is None:
            origin = self._read(frame)
            _remember(frame, self._limits, origin)
        self._known[frame] = origin
        return origin

    def _read(self, frame: Frame) -> Origin:
        resource, scope, resource_schema_url, scope_schema_url = frame
        resource_row = _resource(resource, resource_schema_url, Reading(self._limits, self._capped))
        scope_row = _scope(scope, scope_schema_url, Reading(self._limits, self._capped))
        prefix = framed(resource_row.digest, scope_row.digest)
        return Origin(resource_row, scope_row, prefix, claude_code.is_scope(scope_row.name))


def _remember(frame: Frame, limits: Limits, origin: Origin) -> None:
    if sum(map(len, frame)) > MAX_REMEMBERED_BYTES:
        return
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    _remembered[frame, limits] = origin


def _resource(raw: bytes, url: bytes, reading: Reading) -> ResourceRow:
    part_count.check(raw, "Resource")
    message = Resource.FromString(raw)
    attributes = reading.attributes(message.attributes)
    schema_url = reading.text(url.decode())
    # Entity references have no columns; the exact bytes keep them.
    has_entities = bool(message.entity_refs)
    canonical = Canonical(message, raw)
    full_digest = digest(canonical.encoded, url)
    shown = encode(reading.limited(attributes)).decode()
    lossless = reading.lossless and canonical.complete and not has_entities
    return ResourceRow(
        short_id(full_digest),
        full_digest,
        _text(attributes.get(semconv.SERVICE_NAME)),
        _text(attributes.get(semconv.SERVICE_NAMESPACE)),
        schema_url,
        shown,
        message.dropped_attributes_count,
        None if lossless else raw,
    )


def _scope(raw: bytes, url: bytes, reading: Reading) -> ScopeRow:
    part_count.check(raw, "InstrumentationScope")
    message = InstrumentationScope.FromString(raw)
    attributes = reading.attributes(message.attributes)
    name, version = reading.label(message.name), reading.label(message.version)
    schema_url = reading.text(url.decode())
    canonical = Canonical(message, raw)
    full_digest = digest(canonical.encoded, url)
    shown = encode(reading.limited(attributes)).decode()
    return ScopeRow(
        short_id(full_digest),
        full_digest,
        name,
        version,
        schema_url,
        shown,
        message.dropped_attributes_count,
        None if reading.lossless and canonical.complete else raw,
    )


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None
