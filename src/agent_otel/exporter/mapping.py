"""OTLP items to rows. Pure: no input raises, what cannot become a row is quarantined with its bytes and the reason."""

from collections.abc import Callable, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.event_mapping import map_event
from agent_otel.exporter.limits import DEFAULT, Limits
from agent_otel.exporter.origin import Origin, Origins
from agent_otel.exporter.span_mapping import map_span
from agent_otel.store.rows import COLLISION, Batch, EventItem, QuarantineRow, SpanItem

#: A larger item is quarantined: it could not pass the hops behind us either.
MAX_ITEM_BYTES: Final = 16 * 1024 * 1024


def map_spans(items: Sequence[RawItem], limits: Limits = DEFAULT) -> Batch:
    """The batch that these spans make."""

    def add(batch: Batch, item: RawItem, origin: Origin) -> None:
        row, execution = map_span(item.raw, origin, limits, batch.capped)
        batch.spans.append(SpanItem(row, item, execution))

    return _map(items, "traces", limits, add)


def map_logs(items: Sequence[RawItem], limits: Limits = DEFAULT) -> Batch:
    """The batch that these log records make."""

    def add(batch: Batch, item: RawItem, origin: Origin) -> None:
        row, execution = map_event(item.raw, origin, limits, batch.capped)
        batch.events.append(EventItem(row, item, execution))

    return _map(items, "logs", limits, add)


def _map(items: Sequence[RawItem], signal: str, limits: Limits, add: Callable[[Batch, RawItem, Origin], None]) -> Batch:
    batch = Batch()
    origins = Origins(limits, batch.capped)
    origin, frame = None, None
    for item in items:
        try:
            if len(item.raw) > MAX_ITEM_BYTES:
                raise ValueError(f"larger than {MAX_ITEM_BYTES} bytes")
            if origin is None or item[1:] != frame:
                origin, frame = origins.of(item), item[1:]
                collides = batch.collides(origin.resource, origin.scope)
            if collides:
                raise ValueError(COLLISION)
            add(batch, item, origin)
            batch.resources[origin.resource.resource_id] = origin.resource
            batch.scopes[origin.scope.scope_id] = origin.scope
        except DecodeError as error:
            _refuse(batch, signal, item, f"not valid protobuf: {error}")
        except ValueError as error:
            _refuse(batch, signal, item, str(error))
    return batch


def _refuse(batch: Batch, signal: str, item: RawItem, reason: str) -> None:
    batch.quarantine.append(QuarantineRow(signal, reason, item.request()))
