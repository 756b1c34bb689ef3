"""Where an item comes from: its resource and its instrumentation scope, each stored once."""

from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel import semconv
from agent_otel.exporter.canonical import Canonical, digest, short_id
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.values import Reading, encode
from agent_otel.store.rows import ResourceRow, ScopeRow


class Origin(NamedTuple):
    """The rows of an item's resource and scope, and the resource's attributes as they may be read."""

    resource: ResourceRow
    scope: ScopeRow


class Origins:
    """The origins of one request: each distinct one is decoded once."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes, bytes, bytes], Origin] = {}

    def of(self, item: RawItem) -> Origin:
        """The origin of an item. Raises DecodeError or ValueError when its bytes cannot be read."""
        key = (item.resource, item.resource_schema_url, item.scope, item.scope_schema_url)
        origin = self._known.get(key)
        if origin is None:
            origin = Origin(_resource(item), _scope(item))
            self._known[key] = origin
        return origin


def _resource(item: RawItem) -> ResourceRow:
    message = Resource.FromString(item.resource)
    reading = Reading()
    attributes = reading.attributes(message.attributes)
    schema_url = reading.text(item.resource_schema_url.decode())
    # Entity references have no columns; the exact bytes keep them.
    has_entities = bool(message.entity_refs)
    canonical = Canonical(message, item.resource)
    full_digest = digest(canonical.encoded, item.resource_schema_url)
    lossless = reading.lossless and canonical.complete and not has_entities
    return ResourceRow(
        short_id(full_digest),
        full_digest,
        _text(attributes.get(semconv.SERVICE_NAME)),
        _text(attributes.get(semconv.SERVICE_NAMESPACE)),
        schema_url,
        encode(attributes).decode(),
        message.dropped_attributes_count,
        None if lossless else item.resource,
    )


def _scope(item: RawItem) -> ScopeRow:
    message = InstrumentationScope.FromString(item.scope)
    reading = Reading()
    attributes = reading.attributes(message.attributes)
    name, version = reading.text(message.name), reading.text(message.version)
    schema_url = reading.text(item.scope_schema_url.decode())
    canonical = Canonical(message, item.scope)
    full_digest = digest(canonical.encoded, item.scope_schema_url)
    return ScopeRow(
        short_id(full_digest),
        full_digest,
        name,
        version,
        schema_url,
        encode(attributes).decode(),
        message.dropped_attributes_count,
        None if reading.lossless and canonical.complete else item.scope,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
