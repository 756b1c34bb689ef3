"""OTLP items to rows. Pure: no input raises, what cannot become a row is quarantined with its bytes and the reason."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError

from agent_otel.exporter import part_count
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.event_mapping import map_event
from agent_otel.exporter.limits import DEFAULT, Limits
from agent_otel.exporter.origin import Origin, Origins
from agent_otel.exporter.span_mapping import map_span
from agent_otel.store.quarantining import Packing
from agent_otel.store.rows import COLLISION, Batch, EventItem, SpanItem

#: Adds an item from that origin to the batch, or raises what is wrong with it.
Add: TypeAlias = Callable[[Batch, RawItem, Origin], None]

#: A larger item is quarantined: it could not pass the hops behind us either.
MAX_ITEM_BYTES: Final = 16 * 1024 * 1024
#: Larger items are mapped one at a time, over all threads: each takes several times its size for a moment, and under
#: one interpreter lock two at once would not be done sooner.
LARGE_ITEM: Final = 1024 * 1024
_large: Final = threading.Lock()


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


def _map(items: Sequence[RawItem], signal: str, limits: Limits, add: Add) -> Batch:
    batch = Batch()
    origins = Origins(limits, batch.capped)
    packing = Packing()
    # Items come in groups of one origin, which is looked up and noted once a group.
    frame, origin, noted = None, None, None
    for item in items:
        try:
            if origin is None or item[1:] != frame:
                frame, origin = item[1:], origins.of(item)
            if origin is not noted and batch.collides(origin.resource, origin.scope):
                raise ValueError(COLLISION)
            if len(item.raw) <= LARGE_ITEM:
                add(batch, item, origin)
            else:
                _add_large(batch, item, origin, signal, add)
            if origin is not noted:
                batch.resources[origin.resource.resource_id] = origin.resource
                batch.scopes[origin.scope.scope_id] = origin.scope
                noted = origin
        except DecodeError as error:
            batch.quarantine.append(packing.row(signal, f"not valid protobuf: {error}", item))
        except ValueError as error:
            batch.quarantine.append(packing.row(signal, str(error), item))
    return batch


def _add_large(batch: Batch, item: RawItem, origin: Origin, signal: str, add: Add) -> None:
    if len(item.raw) > MAX_ITEM_BYTES:
        raise ValueError(f"larger than {MAX_ITEM_BYTES} bytes")
    part_count.check(item.raw, "Span" if signal == "traces" else "LogRecord")
    with _large:
        add(batch, item, origin)
