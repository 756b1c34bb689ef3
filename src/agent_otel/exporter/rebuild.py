"""Rows back to OTLP: what was stored is what arrived, to the values and the nanoseconds."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agent_otel.exporter.values import to_attributes, to_value

_NS_PER_US: Final = 1000

#: One database row by column name; JSON columns decoded, times as µs since the Unix epoch, ids as bytes or int.
Columns = Mapping[str, Any]


def span(row: Columns) -> Span:
    """The span of a row of `spans`."""
    if row["otlp"] is not None:
        return Span.FromString(row["otlp"])
    result = Span(
        trace_id=row["trace_id"],
        span_id=_unsigned(row["span_id"]),
        trace_state=row["trace_state"] or "",
        parent_span_id=_unsigned(row["parent_span_id"]),
        flags=row["flags"] or 0,
        name=row["name"],
        kind=row["kind"],
        start_time_unix_nano=_nanoseconds(row, "start_time", "start_ns"),
        end_time_unix_nano=_nanoseconds(row, "end_time", "end_ns"),
        attributes=to_attributes({**row["attributes"], **(row["content"] or {})}),
        dropped_attributes_count=row["dropped_attributes_count"] or 0,
        events=[_event(event) for event in row["events"] or []],
        dropped_events_count=row["dropped_events_count"] or 0,
        links=[_link(link) for link in row["links"] or []],
        dropped_links_count=row["dropped_links_count"] or 0,
    )
    if row["status_code"] or row["status_message"]:
        result.status.CopyFrom(Status(code=row["status_code"], message=row["status_message"] or ""))
    return result


def log_record(row: Columns) -> LogRecord:
    """The log record of a row of `execution_events`."""
    if row["otlp"] is not None:
        return LogRecord.FromString(row["otlp"])
    result = LogRecord(
        time_unix_nano=_nanoseconds(row, "event_time", "event_time_ns"),
        observed_time_unix_nano=_nanoseconds(row, "observed_time", "observed_time_ns"),
        severity_number=row["severity_number"],
        severity_text=row["severity_text"] or "",
        attributes=to_attributes({**row["attributes"], **(row["content"] or {})}),
        dropped_attributes_count=row["dropped_attributes_count"] or 0,
        flags=row["flags"] or 0,
        trace_id=row["trace_id"] or b"",
        span_id=_unsigned(row["span_id"]),
        event_name=row["event_name"],
    )
    if row["has_body"]:
        result.body.CopyFrom(to_value(row["body"]))
    return result


def resource(row: Columns) -> Resource:
    """The resource of a row of `resources`."""
    if row["otlp"] is not None:
        return Resource.FromString(row["otlp"])
    return Resource(
        attributes=to_attributes(row["attributes"]), dropped_attributes_count=row["dropped_attributes_count"]
    )


def scope(row: Columns) -> InstrumentationScope:
    """The instrumentation scope of a row of `scopes`."""
    if row["otlp"] is not None:
        return InstrumentationScope.FromString(row["otlp"])
    return InstrumentationScope(
        name=row["name"],
        version=row["version"],
        attributes=to_attributes(row["attributes"]),
        dropped_attributes_count=row["dropped_attributes_count"],
    )


def _event(event: Mapping[str, Any]) -> Span.Event:
    return Span.Event(
        time_unix_nano=event["time_unix_nano"],
        name=event["name"],
        attributes=to_attributes(event["attributes"]),
        dropped_attributes_count=event.get("dropped_attributes_count", 0),
    )


def _link(link: Mapping[str, Any]) -> Span.Link:
    return Span.Link(
        trace_id=bytes.fromhex(link["trace_id"]),
        span_id=bytes.fromhex(link["span_id"]),
        trace_state=link.get("trace_state", ""),
        attributes=to_attributes(link["attributes"]),
        dropped_attributes_count=link.get("dropped_attributes_count", 0),
        flags=link.get("flags", 0),
    )


def _nanoseconds(row: Columns, microseconds: str, below: str) -> int:
    if row[microseconds] is None:
        return 0
    return int(row[microseconds]) * _NS_PER_US + int(row[below])


def _unsigned(span_id: int | None) -> bytes:
    return b"" if span_id is None else span_id.to_bytes(8, signed=True)
