"""One OTLP span to its row."""

from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import ids, semconv
from agent_otel.exporter import records
from agent_otel.exporter.canonical import Canonical, digest
from agent_otel.exporter.origin import Origin
from agent_otel.exporter.values import Reading, encode
from agent_otel.model import STEP_KINDS
from agent_otel.store.rows import ExecutionFacts, SpanRow

_INT2_MAX: Final = 2**15 - 1
#: Larger token counts stay in the attributes and get no column: sums over the column must never overflow.
_MAX_TOKENS: Final = 2**53
_NS_PER_US: Final = 1000
#: What a GenAI operation says about the kind of step, for spans of other instrumentations.
_STEP_OF_OPERATION: Final = {
    "execute_tool": "tool",
    "chat": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "embeddings": "llm",
}


def map_span(span: Span, raw: bytes, origin: Origin) -> tuple[SpanRow, ExecutionFacts | None]:
    """The row of a span and what it says of its execution. Raises ValueError with the reason."""
    _check_ids(span)
    reading = Reading()
    everything = reading.attributes(span.attributes)
    attributes, content = split_content(everything)
    events = [_event(event, reading) for event in span.events]
    links = [_link(link, reading) for link in span.links]
    name, message, trace_state = (reading.text(text) for text in (span.name, span.status.message, span.trace_state))
    kind, status_code = small(span.kind, reading), small(span.status.code, reading)
    parent = _parent(span, reading)
    canonical = Canonical(span, raw)
    row = SpanRow(
        trace_id=span.trace_id,
        span_id=signed(span.span_id),
        start_time=span.start_time_unix_nano // _NS_PER_US,
        end_time=span.end_time_unix_nano // _NS_PER_US,
        resource_id=origin.resource.resource_id,
        scope_id=origin.scope.scope_id,
        batch_id=0,
        start_ns=span.start_time_unix_nano % _NS_PER_US,
        end_ns=span.end_time_unix_nano % _NS_PER_US,
        kind=kind,
        status_code=status_code,
        digest=digest(origin.resource.digest, origin.scope.digest, canonical.encoded),
        name=name,
        attributes=encode(attributes),
        parent_span_id=parent,
        flags=span.flags or None,
        dropped_attributes_count=span.dropped_attributes_count or None,
        dropped_events_count=span.dropped_events_count or None,
        dropped_links_count=span.dropped_links_count or None,
        status_message=message or None,
        trace_state=trace_state or None,
        content=encode(content) if content else None,
        events=encode(events) if events else None,
        links=encode(links) if links else None,
        otlp=None if reading.lossless and canonical.complete else raw,
        **_promoted(attributes),
    )
    return row, records.of_span(row, everything)


def split_content(attributes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes without content, and the content."""
    content = {key: attributes[key] for key in semconv.CONTENT_ATTRIBUTES if key in attributes}
    if not content:
        return attributes, content
    return {key: value for key, value in attributes.items() if key not in content}, content


def signed(span_id: bytes) -> int:
    """A span id as PostgreSQL's int8."""
    return int.from_bytes(span_id, signed=True)


def _check_ids(span: Span) -> None:
    if len(span.trace_id) != 16 or not any(span.trace_id):
        raise ValueError(f"trace_id must be 16 bytes and not all zero, it is {span.trace_id.hex() or 'empty'}")
    if len(span.span_id) != 8 or not any(span.span_id):
        raise ValueError(f"span_id must be 8 bytes and not all zero, it is {span.span_id.hex() or 'empty'}")
    if len(span.parent_span_id) not in (0, 8):
        raise ValueError(f"parent_span_id must be 8 bytes or absent, it is {span.parent_span_id.hex()}")


def _parent(span: Span, reading: Reading) -> int | None:
    if not span.parent_span_id:
        return None
    parent = signed(span.parent_span_id)
    if parent == 0:
        reading.lossless = False  # all zero means none, but is not the same bytes
    return parent or None


def small(number: int, reading: Reading) -> int:
    """An enum as int2: OTLP may carry any int32, and unknown values are kept."""
    if -_INT2_MAX <= number <= _INT2_MAX:
        return number
    reading.lossless = False
    return _INT2_MAX


def _promoted(attributes: dict[str, Any]) -> dict[str, Any]:
    execution = attributes.get(semconv.EXECUTION_ID)
    execution_id = ids.parse_uuid(execution) if isinstance(execution, str) else None
    operation = _text(attributes.get(semconv.GEN_AI_OPERATION_NAME))
    cost = attributes.get(semconv.COST_USD)
    return {
        "execution_id": execution_id.bytes if execution_id else None,
        "input_tokens": _integer(attributes.get(semconv.GEN_AI_USAGE_INPUT_TOKENS)),
        "output_tokens": _integer(attributes.get(semconv.GEN_AI_USAGE_OUTPUT_TOKENS)),
        "total_tokens": _integer(attributes.get(semconv.TOTAL_TOKENS)),
        "cost_usd": float(cost) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None,
        "step_kind": step_kind(attributes.get(semconv.STEP_KIND), operation),
        "operation": operation,
        "agent_name": _text(attributes.get(semconv.GEN_AI_AGENT_NAME)),
        "tool_name": _text(attributes.get(semconv.GEN_AI_TOOL_NAME)),
        "model": _text(attributes.get(semconv.GEN_AI_RESPONSE_MODEL) or attributes.get(semconv.GEN_AI_REQUEST_MODEL)),
        "session_id": _text(attributes.get(semconv.SESSION_ID)),
        "error_type": _text(attributes.get(semconv.ERROR_TYPE)),
    }


def step_kind(stated: object, operation: str | None) -> str | None:
    """The kind of step a span is: as stated, else by its operation; None for what is no step."""
    if isinstance(stated, str) and stated in STEP_KINDS:
        return stated
    return _STEP_OF_OPERATION.get(operation or "")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS else None


def _event(event: Span.Event, reading: Reading) -> dict[str, Any]:
    result: dict[str, Any] = {
        "time_unix_nano": event.time_unix_nano,
        "name": reading.text(event.name),
        "attributes": reading.attributes(event.attributes),
    }
    if event.dropped_attributes_count:
        result["dropped_attributes_count"] = event.dropped_attributes_count
    return result


def _link(link: Span.Link, reading: Reading) -> dict[str, Any]:
    result: dict[str, Any] = {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "attributes": reading.attributes(link.attributes),
    }
    if link.trace_state:
        result["trace_state"] = reading.text(link.trace_state)
    if link.dropped_attributes_count:
        result["dropped_attributes_count"] = link.dropped_attributes_count
    if link.flags:
        result["flags"] = link.flags
    return result
