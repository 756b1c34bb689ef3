"""OTLP/JSON by hand: log records, spans, and what encloses them. Standard library only.

Rules of the OTLP specification ("JSON Protobuf Encoding"): ids are lower-case hex, 64-bit integers are decimal strings,
bytes are base64, NaN and the infinities are the strings that proto3 JSON names. Everything here is JSON text; to join
finished pieces costs a third of encoding nested dicts.
"""

from __future__ import annotations

from agent_otel.plain_json import quoted as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

SEVERITY_INFO: Final = 9
SEVERITY_WARN: Final = 13
SEVERITY_ERROR: Final = 17
#: Kinds of a span and codes of its status.
KIND_INTERNAL: Final = 1
KIND_CLIENT: Final = 3
STATUS_UNSET: Final = 0
STATUS_OK: Final = 1
STATUS_ERROR: Final = 2
_SEVERITY_TEXT: Final = {SEVERITY_INFO: "INFO", SEVERITY_WARN: "WARN", SEVERITY_ERROR: "ERROR"}

#: Keys repeat from event to event; so many are remembered with what stands around them.
MAX_REMEMBERED: Final = 1_024
_keys: Final[dict[str, str]] = {}


class LogRecord:
    """One event. Times in nanoseconds since the epoch; `attributes` as made by `key_values`, comma-separated.

    Trace id 0: it has none, nor a span id.
    """

    __slots__ = ("attributes", "body", "event_name", "flags", "severity", "span_id", "time_ns", "trace_id")

    def __init__(
        self,
        event_name: str,
        time_ns: int,
        severity: int,
        body: str,
        attributes: str,
        trace_id: int,
        span_id: int,
        flags: int,
    ) -> None:
        self.event_name = event_name
        self.time_ns = time_ns
        self.severity = severity
        self.body = body
        self.attributes = attributes
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags


class Span:
    """One ended span. Times in nanoseconds since the epoch; parent 0 is none.

    `attributes`, also those of a link (trace id, span id, attributes), as made by `key_values`; `events` as made by
    `span_event`.
    """

    __slots__ = (
        *("attributes", "end_ns", "events", "flags", "kind", "links", "name", "parent_span_id", "span_id", "start_ns"),
        *("status_code", "status_message", "trace_id", "trace_state"),
    )

    def __init__(
        self,
        name: str,
        kind: int,
        trace_id: int,
        span_id: int,
        parent_span_id: int,
        start_ns: int,
        end_ns: int,
        attributes: str,
        *,
        events: Iterable[str] = (),
        links: Iterable[tuple[int, int, str]] = (),
        status_code: int = STATUS_UNSET,
        status_message: str = "",
        flags: int = 0,
        trace_state: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id = parent_span_id
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.attributes = attributes
        self.events = events
        self.links = links
        self.status_code = status_code
        self.status_message = status_message
        self.flags = flags
        self.trace_state = trace_state


def any_value(value: object) -> str:
    """An AnyValue. Unknown types become their str."""
    if isinstance(value, str):
        return f'{{"stringValue":{_quoted(value)}}}'
    if isinstance(value, bool):
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if isinstance(value, int):
        return f'{{"intValue":"{value}"}}'
    if isinstance(value, float):
        return f'{{"doubleValue":{_double(value)}}}'
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, dict):
        return _kvlist(value)
    if isinstance(value, (list, tuple)):
        return _array(value)
    return "{}" if value is None else _unusual(value)


def key_values(attributes: Mapping[str, object]) -> str:
    """Attributes as KeyValues, separated by commas."""
    return ",".join([f"{_keys.get(key) or _key(key)}{any_value(value)}}}" for key, value in attributes.items()])


def resource_logs_frame(
    resource: Mapping[str, object], resource_schema_url: str, scope: str, version: str, schema_url: str
) -> tuple[str, str]:
    """What stands before and after the log records in a ResourceLogs; it is the same for all events of a process."""
    return _frame(resource, resource_schema_url, scope, version, schema_url, '"scopeLogs"', '"logRecords"')


def resource_spans_frame(
    resource: Mapping[str, object], resource_schema_url: str, scope: str, version: str, schema_url: str
) -> tuple[str, str]:
    """What stands before and after the spans in a ResourceSpans."""
    return _frame(resource, resource_schema_url, scope, version, schema_url, '"scopeSpans"', '"spans"')


def log_record(record: LogRecord) -> str:
    """One LogRecord. The observed time is the event's own: the program that saw it also made the record."""
    ids = f',"traceId":"{record.trace_id:032x}","spanId":"{record.span_id:016x}"' if record.trace_id else ""
    return (
        f'{{"timeUnixNano":"{record.time_ns}","observedTimeUnixNano":"{record.time_ns}",'
        f'"severityNumber":{record.severity},"severityText":"{_SEVERITY_TEXT[record.severity]}",'
        f'"eventName":{_quoted(record.event_name)},"body":{any_value(record.body)},'
        f'"attributes":[{record.attributes}],"flags":{record.flags}{ids}}}'
    )


def span(ended: Span) -> str:
    """One Span."""
    parent = f'"parentSpanId":"{ended.parent_span_id:016x}",' if ended.parent_span_id else ""
    state = f'"traceState":{_quoted(ended.trace_state)},' if ended.trace_state else ""
    message = f',"message":{_quoted(ended.status_message)}' if ended.status_message else ""
    return (
        f'{{"traceId":"{ended.trace_id:032x}","spanId":"{ended.span_id:016x}",{parent}{state}"flags":{ended.flags},'
        f'"name":{_quoted(ended.name)},"kind":{ended.kind},'
        f'"startTimeUnixNano":"{ended.start_ns}","endTimeUnixNano":"{ended.end_ns}","attributes":[{ended.attributes}],'
        f'"events":[{",".join(ended.events)}],"links":[{",".join([_link(*link) for link in ended.links])}],'
        f'"status":{{"code":{ended.status_code}{message}}}}}'
    )


def span_event(name: str, time_ns: int, attributes: str) -> str:
    """One event of a span; `attributes` as made by `key_values`."""
    return f'{{"timeUnixNano":"{time_ns}","name":{_quoted(name)},"attributes":[{attributes}]}}'


def traces_request(resource_spans: Iterable[bytes]) -> bytes:
    """An ExportTraceServiceRequest of finished ResourceSpans."""
    return b'{"resourceSpans":[' + b",".join(resource_spans) + b"]}"


def logs_request(resource_logs: Iterable[bytes]) -> bytes:
    """An ExportLogsServiceRequest of finished ResourceLogs."""
    return b'{"resourceLogs":[' + b",".join(resource_logs) + b"]}"


def _frame(
    resource: Mapping[str, object],
    resource_schema_url: str,
    scope: str,
    version: str,
    schema_url: str,
    scopes: str,
    items: str,
) -> tuple[str, str]:
    before = (
        f'{{"resource":{{"attributes":[{key_values(resource)}]}},"schemaUrl":{_quoted(resource_schema_url)},'
        f'{scopes}:[{{"scope":{{"name":{_quoted(scope)},"version":{_quoted(version)}}},'
        f'"schemaUrl":{_quoted(schema_url)},{items}:['
    )
    return before, "]}]}"


def _link(trace_id: int, span_id: int, attributes: str) -> str:
    return f'{{"traceId":"{trace_id:032x}","spanId":"{span_id:016x}","attributes":[{attributes}]}}'


def _kvlist(value: Mapping[str, object]) -> str:
    return f'{{"kvlistValue":{{"values":[{key_values(value)}]}}}}'


def _array(value: Iterable[object]) -> str:
    return f'{{"arrayValue":{{"values":[{",".join(map(any_value, value))}]}}}}'


def _bytes(value: bytes) -> str:
    from binascii import b2a_base64  # which only bytes pay

    return f'{{"bytesValue":"{b2a_base64(value, newline=False).decode()}"}}'


def _unusual(value: object) -> str:
    from collections.abc import Mapping, Sequence  # 2 ms that only a mapping or sequence of another kind pays

    if isinstance(value, Mapping):
        return _kvlist(value)
    return _array(value) if isinstance(value, Sequence) else f'{{"stringValue":{_quoted(str(value))}}}'


def _key(key: str) -> str:
    if len(_keys) >= MAX_REMEMBERED:
        _keys.clear()
    found = _keys[key] = f'{{"key":{_quoted(str(key))},"value":'
    return found


def _double(value: float) -> str:
    if value != value:
        return '"NaN"'
    if value in (float("inf"), float("-inf")):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return repr(value)
