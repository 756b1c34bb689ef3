"""One OTLP span to its row."""

from collections import Counter
from typing import Any, Final

from agent_otel.exporter import attribute_list, claude_code, records, span_parts
from agent_otel.exporter.canonical import digest_after
from agent_otel.exporter.limits import Limits
from agent_otel.exporter.origin import Origin
from agent_otel.exporter.promoted import promoted
from agent_otel.exporter.values import Reading
from agent_otel.exporter.wire import WireSpan
from agent_otel.exporter.wire_canonical import canonical
from agent_otel.store.rows import ExecutionFacts, SpanRow

_INT2_MAX: Final = 2**15 - 1
_NS_PER_US: Final = 1000
_row: Final = SpanRow._make
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
#: Bytes of a wrong id that its message shows.
_SHOWN: Final = 32


def map_span(raw: bytes, origin: Origin, limits: Limits, capped: Counter[str]) -> tuple[SpanRow, ExecutionFacts | None]:
    """The row of a span and what it says of its execution; `capped` counts what the limits cut.

    Raises DecodeError when the bytes are no span, ValueError with the reason when it can have no row.
    """
    span = WireSpan.FromString(raw)
    trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
    _check_ids(trace_id, span_id, parent_id)
    reading = Reading(limits, capped)
    attributes = attribute_list.read(span.attributes, reading)
    # Most spans have none of these, which is asked here, as a call would cost more.
    events = span_parts.events(span.events, reading) if span.events else span_parts.NONE
    links = span_parts.links(span.links, reading) if span.links else span_parts.NONE
    start_time, start_ns = divmod(span.start_time_unix_nano, _NS_PER_US)
    end_time, end_ns = divmod(span.end_time_unix_nano, _NS_PER_US)
    code, message = _status(span, reading) if span.HasField("status") else (0, None)
    kind, name, trace_state = span.kind, span.name, span.trace_state
    columns = promoted(attributes.columns())
    execution_id, tokens_in, tokens_out, tokens, cost, step, operation, agent, tool, model, session, error = columns
    if origin.is_claude_code:
        step = None
    shape = attributes.shape
    parts = (attributes.canonical, events.canonical, links.canonical)
    # In the order of the table, without a call that takes 37 names: it alone would be a tenth of all that is done here.
    row = _row(
        (
            trace_id,
            int.from_bytes(span_id, signed=True),
            start_time,
            end_time,
            origin.resource.resource_id,
            origin.scope.scope_id,
            0,
            start_ns,
            end_ns,
            kind if 0 <= kind <= _INT2_MAX else small(kind, reading),
            code,
            digest_after(origin.prefix, canonical(span, raw, parts, reading)),
            reading.label(name),
            attributes.json(shape.attributes),
            execution_id,
            _parent(parent_id, reading) if parent_id else None,
            span.flags or None,
            span.dropped_attributes_count or None,
            span.dropped_events_count or None,
            span.dropped_links_count or None,
            tokens_in,
            tokens_out,
            tokens,
            cost,
            message,
            reading.label(trace_state) if trace_state else None,
            step,
            operation,
            agent,
            tool,
            model,
            session,
            error,
            attributes.json(shape.content) if shape.content else None,
            events.json,
            links.json,
            # Last: by now it is known whether all the other columns say all that the span said.
            None if reading.lossless else raw,
        )
    )
    if step:
        return row, None  # as most are, which is known without looking at all the attributes again
    return row, (claude_code if origin.is_claude_code else records).of_span(row, attributes.values())


def signed(span_id: bytes) -> int:
    """A span id as PostgreSQL's int8."""
    return int.from_bytes(span_id, signed=True)


def small(number: int, reading: Reading) -> int:
    """An enum as int2: OTLP may carry any int32, and unknown values are kept."""
    if -_INT2_MAX <= number <= _INT2_MAX:
        return number
    reading.lossless = False
    return _INT2_MAX


def _check_ids(trace_id: bytes, span_id: bytes, parent_id: bytes) -> None:
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        raise ValueError(f"trace_id must be 16 bytes and not all zero, it is {_hex(trace_id)}")
    if len(span_id) != 8 or span_id == _NO_SPAN:
        raise ValueError(f"span_id must be 8 bytes and not all zero, it is {_hex(span_id)}")
    if parent_id and len(parent_id) != 8:
        raise ValueError(f"parent_span_id must be 8 bytes or absent, it is {_hex(parent_id)}")


def _hex(wrong_id: bytes) -> str:
    """A wrong id for a message: it may be megabytes long."""
    shown = wrong_id[:_SHOWN].hex()
    return f"{shown}… ({len(wrong_id)} bytes)" if len(wrong_id) > _SHOWN else shown or "empty"


def _status(span: Any, reading: Reading) -> tuple[int, str | None]:
    return small(span.status.code, reading), reading.label(span.status.message) or None


def _parent(parent_id: bytes, reading: Reading) -> int | None:
    parent = signed(parent_id)
    if parent == 0:
        reading.lossless = False  # all zero means none, but is not the same bytes
    return parent or None
