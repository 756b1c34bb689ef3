"""OTLP/JSON by hand: log records, and what encloses them. Standard library only.

Rules of the OTLP specification ("JSON Protobuf Encoding"): ids are lower-case hex, 64-bit integers are decimal strings,
bytes are base64, NaN and the infinities are the strings that proto3 JSON names. Everything here is JSON text; to join
finished pieces costs a third of encoding nested dicts.
"""

from __future__ import annotations

from binascii import b2a_base64

from agent_otel.plain_json import quoted as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

SEVERITY_INFO: Final = 9
SEVERITY_ERROR: Final = 17
_SEVERITY_TEXT: Final = {SEVERITY_INFO: "INFO", SEVERITY_ERROR: "ERROR"}

#: Keys repeat from event to event; so many are remembered with what stands around them.
MAX_REMEMBERED: Final = 1_024
_keys: Final[dict[str, str]] = {}


class LogRecord:
    """One event. Times in nanoseconds since the epoch; `attributes` as made by `key_values`, comma-separated."""

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
        return f'{{"bytesValue":"{b2a_base64(value, newline=False).decode()}"}}'
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
    before = (
        f'{{"resource":{{"attributes":[{key_values(resource)}]}},"schemaUrl":{_quoted(resource_schema_url)},'
        f'"scopeLogs":[{{"scope":{{"name":{_quoted(scope)},"version":{_quoted(version)}}},'
        f'"schemaUrl":{_quoted(schema_url)},"logRecords":['
    )
    return before, "]}]}"


def log_record(record: LogRecord) -> str:
    """One LogRecord. The observed time is the event's own: the program that saw it also made the record."""
    return (
        f'{{"timeUnixNano":"{record.time_ns}","observedTimeUnixNano":"{record.time_ns}",'
        f'"severityNumber":{record.severity},"severityText":"{_SEVERITY_TEXT[record.severity]}",'
        f'"eventName":{_quoted(record.event_name)},"body":{any_value(record.body)},'
        f'"attributes":[{record.attributes}],"flags":{record.flags},'
        f'"traceId":"{record.trace_id:032x}","spanId":"{record.span_id:016x}"}}'
    )


def logs_request(resource_logs: Iterable[bytes]) -> bytes:
    """An ExportLogsServiceRequest of finished ResourceLogs."""
    return b'{"resourceLogs":[' + b",".join(resource_logs) + b"]}"


def _kvlist(value: Mapping[str, object]) -> str:
    return f'{{"kvlistValue":{{"values":[{key_values(value)}]}}}}'


def _array(value: Iterable[object]) -> str:
    return f'{{"arrayValue":{{"values":[{",".join(map(any_value, value))}]}}}}'


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
