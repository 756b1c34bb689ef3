"""What a span or an event says about an execution, as facts that merge in any order (see agent_otel.model)."""

import json
import math
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from agent_otel import ids, semconv
from agent_otel.exporter.limits import MAX_TEXT
from agent_otel.exporter.model_requests import by_hook
from agent_otel.exporter.values import MAX_DEPTH
from agent_otel.model import (
    FIELDS,
    STATED_USAGE,
    USAGE,
    FieldSet,
    Rank,
    assumed,
    earliest,
    facts_of,
    latest,
)
from agent_otel.store.rows import EventRow, ExecutionFacts, SpanRow

_ERROR: Final = 2
_MAX_NS: Final = 2**64 - 1
#: What a row of an execution holds of one record; the whole of it is in spans and execution_events.
_MAX_INT: Final = 2**53
MAX_OBJECT: Final = 64 * 1024

_SMALL: Final = FieldSet(field for field in FIELDS if not field.content)
_CONTENT: Final = FieldSet(field for field in FIELDS if field.content)
#: Content that an open record must not claim: only an end has a result.
_OPEN_CONTENT: Final = FieldSet(field for field in FIELDS if field.content and field.rule != "outcome")
#: Who it is about: all that events without facts of their own (heartbeats, exceptions, …) add.
_IDENTITY: Final = (
    *("correlation", "parent_execution_id", "agent_name", "session_id", "project", "agent_instance_id"),
    *("harness", "prompt_id"),
)
_IDENTITY_FIELDS: Final = FieldSet(
    field for field in FIELDS if not field.content and (field.name in _IDENTITY or field.rule == "outcome")
)
#: How it ended: an open record knows nothing of that but that it has not.
_OUTCOME: Final = frozenset(field.name for field in FIELDS if field.rule == "outcome")
_STATING: Final = frozenset({semconv.EVENT_STARTED, semconv.EVENT_PROGRESS, semconv.EVENT_COMPLETED})


def of_span(row: SpanRow, attributes: Mapping[str, Any]) -> ExecutionFacts | None:
    """What a span says of the execution that it is; None for a step or any other span."""
    if row.step_kind is not None or semconv.STEP_KIND in attributes:
        return None
    named = uuid.UUID(bytes=row.execution_id) if row.execution_id is not None else None
    if named is not None and _is_execution(row, named):
        execution_id = named
    elif named is None and row.operation == semconv.OPERATION_INVOKE_AGENT:
        execution_id = ids.foreign_execution_id(row.trace_id.hex(), row.span_id.to_bytes(8, signed=True).hex())
    else:
        return None
    values = _values(attributes)
    failed = row.status_code == _ERROR
    if values.get("status") not in semconv.TERMINAL:
        values["status"] = "error" if failed else "success"
    if failed:
        values.setdefault("error_type", "_OTHER")
        values.setdefault("error_message", row.status_message)
    start = row.start_time * 1000 + row.start_ns
    end = row.end_time * 1000 + row.end_ns
    rank = str(Rank(values["status"], end, True, row.digest, _inferred(attributes)))
    facts = facts_of(rank, _SMALL, values)
    facts["started"], facts["last_event"] = earliest(start), latest(end)
    facts["ended"] = [rank, end]
    _place(facts, rank, row.trace_id, row.span_id, row.resource_id)
    if "harness" in facts:
        _set_usage_aside(facts)
    return ExecutionFacts(execution_id, facts, facts_of(rank, _CONTENT, values))


def _is_execution(row: SpanRow, execution_id: uuid.UUID) -> bool:
    """Whether a span that names an execution is that execution: baggage puts the id on any span below it, too."""
    own_span_id = ids.execution_span_id(execution_id).to_bytes(8)
    return row.span_id.to_bytes(8, signed=True) == own_span_id or row.operation == semconv.OPERATION_INVOKE_AGENT


def of_event(row: EventRow, attributes: Mapping[str, Any]) -> ExecutionFacts | None:
    """What a log record says of the execution that it names; None when it names none."""
    if row.execution_id is None:
        return None
    values = _values(attributes)
    completed = row.event_name == semconv.EVENT_COMPLETED
    if not completed:
        values = {name: value for name, value in values.items() if name not in _OUTCOME} | {"status": "in_progress"}
    elif values.get("status") not in semconv.TERMINAL:
        # Not one of ours: with an error it was one.
        values["status"] = "error" if values.get("error_type") or values.get("error_message") else "success"
    time = row.time * 1000 + row.time_ns
    end = _time(attributes.get(semconv.EXECUTION_END_NS), time) if completed else time
    rank = str(Rank(values["status"], end, False, row.digest, _inferred(attributes)))
    stating = row.event_name in _STATING
    facts = facts_of(rank, _SMALL if stating else _IDENTITY_FIELDS, values)
    start = _time(attributes.get(semconv.EXECUTION_START_NS), 0)
    facts["started"] = earliest(start or time, stated=bool(start) or row.event_name == semconv.EVENT_STARTED)
    facts["last_event"] = latest(end)
    facts["ended"] = [rank, end if completed else None]
    if row.event_name == semconv.EVENT_HEARTBEAT:
        facts["heartbeat"] = ["", True]
    if stating and row.trace_id and row.span_id:
        _place(facts, rank, row.trace_id, row.span_id, row.resource_id)
    elif stating:
        _assume_place(facts, rank, attributes.get(semconv.CORRELATION_ID), row.resource_id)
    content = facts_of(rank, _CONTENT if completed else _OPEN_CONTENT, values) if stating else {}
    if "harness" not in facts:
        return ExecutionFacts(uuid.UUID(bytes=row.execution_id), facts, content)
    _set_usage_aside(facts)
    return ExecutionFacts(uuid.UUID(bytes=row.execution_id), facts, content, by_hook(row, attributes))


def _set_usage_aside(facts: dict[str, Any]) -> None:
    """Shown are the sums of its model requests; what the record says of usage stands only without any."""
    stated = {name: facts.pop(name) for name in USAGE if name in facts}
    if stated:
        facts[STATED_USAGE] = stated


def _inferred(attributes: Mapping[str, Any]) -> bool:
    return attributes.get(semconv.EXECUTION_INFERRED) is True


def _place(facts: dict[str, Any], rank: str, trace_id: bytes, span_id: int, resource_id: int) -> None:
    digits = trace_id.hex()  # spelled by hand: making a UUID object of it takes five times as long
    facts["trace_id"] = [rank, f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"]
    facts["span_id"] = [rank, span_id]
    facts["resource_id"] = [rank, resource_id]


def _assume_place(facts: dict[str, Any], rank: str, correlation: object, resource_id: int) -> None:
    """Where an execution without a span would stand: so it is found by its correlation id."""
    facts["resource_id"] = [rank, resource_id]
    if isinstance(correlation, str):
        with suppress(ValueError):
            facts["trace_id"] = [assumed(rank), str(ids.correlation_uuid(ids.trace_id(correlation)))]


def _time(stated: object, otherwise: int) -> int:
    return stated if isinstance(stated, int) and 0 < stated <= _MAX_NS else otherwise


def _values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """By field name, what the attributes say in the field's type; what is of another type stands as attribute only."""
    values = {}
    for attribute, stated in attributes.items():
        reader = _READERS.get(attribute)
        if reader is None:
            continue
        name, read = reader
        value = read(stated)
        if value is not None:
            values[name] = value
    if "status" in values:
        values["status"] = semconv.STATUS_ALIASES.get(values["status"], values["status"])
    return values


def _text(value: Any) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _uuid(value: Any) -> str | None:
    parsed = ids.parse_uuid(value) if isinstance(value, str) else None
    return str(parsed) if parsed else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INT else None


def _number(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _texts(value: Any) -> list[str] | None:
    return [member[:MAX_TEXT] for member in value if isinstance(member, str)] if isinstance(value, list) else None


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and len(value) > MAX_OBJECT:
        return None
    parsed = _parsed(value)
    if not isinstance(parsed, dict):
        return None
    storable: dict[str, Any] = _storable(parsed)
    return storable


def _json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _storable(value: Any, depth: int = 0) -> Any:
    """A decoded JSON value without what jsonb refuses: NUL, lone surrogates, NaN and infinities, endless nesting."""
    if isinstance(value, str):
        return value.replace("\0", "�").encode(errors="replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
        return None
    if isinstance(value, dict):
        return {_storable(key): _storable(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_storable(member, depth + 1) for member in value]
    return value


def message_text(value: Any) -> str | None:
    """The text of GenAI messages (a JSON string of messages or parts) when that is all they hold, else as given."""
    if value is None:
        return None
    parsed = _parsed_messages(value) if _may_be_list(value) else None
    texts = [_part_text(part) for entry in parsed for part in _parts(entry)] if isinstance(parsed, list) else []
    if texts and all(text is not None for text in texts):
        return str(_storable("\n".join(text for text in texts if text is not None)))
    return _json(value)


def _parsed_messages(value: Any) -> Any:
    """As `_parsed`, but sooner; numbers may lose digits, which texts have none of."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        # The standard library reads more: NaN, infinities, lone surrogates.
        return _parsed(value)


def _may_be_list(value: Any) -> bool:
    """Whether it is worth parsing: most content that is no list of messages is long."""
    return not isinstance(value, str) or value.lstrip(" \t\r\n").startswith("[")


def _parts(entry: Any) -> list[Any]:
    parts = entry.get("parts") if isinstance(entry, dict) else None
    return parts if isinstance(parts, list) else [entry]


def _part_text(part: Any) -> str | None:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("content"), str):
        return str(part["content"])
    return None


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


_OF_KIND: Final[dict[str, Callable[[Any], Any]]] = {
    "text": _text,
    "uuid": _uuid,
    "int": _integer,
    "float": _number,
    "list": _texts,
    "object": _object,
    "json": _json,
}
#: By attribute, the field it gives and how it is read.
_READERS: Final = {
    field.attribute: (field.name, message_text if field.content and field.kind == "text" else _OF_KIND[field.kind])
    for field in FIELDS
}
