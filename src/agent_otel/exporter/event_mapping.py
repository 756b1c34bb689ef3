"""One OTLP log record to its row."""

from collections import Counter
from typing import Any, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from agent_otel import ids, semconv
from agent_otel.exporter import claude_code, records
from agent_otel.exporter.canonical import Canonical, digest_after
from agent_otel.exporter.limits import Limits
from agent_otel.exporter.origin import Origin
from agent_otel.exporter.span_mapping import signed, small
from agent_otel.exporter.values import Reading, encode
from agent_otel.store.rows import EventRow, ExecutionFacts

_NS_PER_US: Final = 1000
_UUID_BYTES: Final = 16


def map_event(
    raw: bytes, origin: Origin, limits: Limits, capped: Counter[str]
) -> tuple[EventRow, ExecutionFacts | None]:
    """The row of a log record and what it says of its execution; `capped` counts what the limits cut.

    Raises DecodeError when the bytes are no log record, ValueError with the reason when it can have no row.
    """
    record = LogRecord.FromString(raw)
    reading = Reading(limits, capped)
    trace_id = _id(record.trace_id, 16, "trace_id", reading)
    span_id = _id(record.span_id, 8, "span_id", reading)
    everything = reading.attributes(record.attributes)
    attributes, content = _split_content(everything)
    body = encode(reading.value(record.body)) if record.HasField("body") else None
    event_name, severity_text = reading.label(record.event_name), reading.label(record.severity_text)
    severity = small(record.severity_number, reading)
    occurred, observed = record.time_unix_nano, record.observed_time_unix_nano
    canonical = Canonical(record, raw)
    identity = _identity(record, canonical, origin)
    stated_id = _uuid(everything.get(semconv.EVENT_ID))
    time = occurred or observed
    row = EventRow(
        event_id=stated_id or identity[:_UUID_BYTES],
        time=time // _NS_PER_US,
        resource_id=origin.resource.resource_id,
        scope_id=origin.scope.scope_id,
        batch_id=0,
        time_ns=time % _NS_PER_US,
        severity_number=severity,
        digest=identity,
        event_name=event_name,
        attributes=encode(reading.limited(attributes)),
        execution_id=(origin.is_claude_code and claude_code.execution_id(everything))
        or _uuid(everything.get(semconv.EXECUTION_ID)),
        trace_id=trace_id,
        span_id=signed(span_id) if span_id else None,
        event_time=occurred // _NS_PER_US if occurred else None,
        event_time_ns=occurred % _NS_PER_US if occurred else None,
        observed_time=observed // _NS_PER_US if observed else None,
        observed_time_ns=observed % _NS_PER_US if observed else None,
        flags=record.flags or None,
        dropped_attributes_count=record.dropped_attributes_count or None,
        severity_text=severity_text or None,
        body=body,
        content=encode(content) if content else None,
        otlp=None if reading.lossless and canonical.complete else raw,
    )
    return row, (claude_code if origin.is_claude_code else records).of_event(row, everything)


def _identity(record: LogRecord, canonical: Canonical, origin: Origin) -> bytes:
    """The record's digest without its observed time: a replay through another hop may be observed anew."""
    if not record.observed_time_unix_nano:
        return digest_after(origin.prefix, canonical.encoded)
    observed = record.observed_time_unix_nano
    record.observed_time_unix_nano = 0
    encoded = record.SerializeToString(deterministic=True)
    record.observed_time_unix_nano = observed
    return digest_after(origin.prefix, encoded)


def _split_content(attributes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes without content, and the content."""
    content = {key: attributes[key] for key in semconv.CONTENT_ATTRIBUTES if key in attributes}
    if not content:
        return attributes, content
    return {key: value for key, value in attributes.items() if key not in content}, content


def _id(value: bytes, length: int, name: str, reading: Reading) -> bytes | None:
    if len(value) not in (0, length):
        raise ValueError(f"{name} must be {length} bytes or absent, it is {value.hex()}")
    if value and not any(value):
        reading.lossless = False  # all zero means none, but is not the same bytes
        return None
    return value or None


def _uuid(value: Any) -> bytes | None:
    parsed = ids.parse_uuid(value) if isinstance(value, str) else None
    return parsed.bytes if parsed else None
