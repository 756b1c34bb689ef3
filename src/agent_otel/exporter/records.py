"""What a span or an event says about an execution, as facts that merge in any order (see agent_otel.model)."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from agent_otel import ids, semconv
from agent_otel.exporter import field_values, notes, parentage
from agent_otel.exporter.model_requests import by_hook
from agent_otel.model import (
    FIELDS,
    STATED_USAGE,
    USAGE,
    Facts,
    FieldSet,
    Rank,
    assumed,
    earliest,
    facts_of,
    first_told,
    latest,
    merge_facts,
)
from agent_otel.store.rows import EventRow, ExecutionFacts, SpanRow

_ERROR: Final = 2
_MAX_NS: Final = 2**64 - 1

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
_ONLY_IDENTITY: Final = FieldSet(field for field in FIELDS if field.name in _IDENTITY)
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
    values = field_values.read(attributes)
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
    facts |= parentage.of_span(row, rank)
    facts["started"], facts["last_event"] = earliest(start), latest(end)
    facts["ended"] = [rank, end]
    _place(facts, rank, row.trace_id, row.span_id, row.resource_id)
    _add_criteria(facts, rank, values, at_start=False)
    if "harness" in facts:
        _set_usage_aside(facts)
    told = notes.of_span(execution_id, attributes, row.events, end)
    for stated in told.facts:
        facts = merge_facts(facts, stated)
    return ExecutionFacts(execution_id, facts, facts_of(rank, _CONTENT, values), notes=told.notes)


def _is_execution(row: SpanRow, execution_id: uuid.UUID) -> bool:
    """Whether a span that names an execution is that execution: baggage puts the id on any span below it, too."""
    own_span_id = ids.execution_span_id(execution_id).to_bytes(8)
    return row.span_id.to_bytes(8, signed=True) == own_span_id or row.operation == semconv.OPERATION_INVOKE_AGENT


def of_event(row: EventRow, attributes: Mapping[str, Any]) -> ExecutionFacts | None:
    """What a log record says of the execution that it names; None when it names none."""
    if row.execution_id is None:
        return None
    execution_id = uuid.UUID(bytes=row.execution_id)
    if row.event_name not in notes.NAMES:
        return _of_own_event(row, execution_id, attributes)
    told = notes.of_record(row.event_name, attributes, _time_ns(row), uuid.UUID(bytes=row.event_id))
    if notes.is_sign_of_life(row.event_name, attributes):
        return _of_own_event(row, execution_id, attributes)._replace(notes=told.notes)
    return _said_about(row, execution_id, attributes, told)


def _of_own_event(row: EventRow, execution_id: uuid.UUID, attributes: Mapping[str, Any]) -> ExecutionFacts:
    completed, stating = row.event_name == semconv.EVENT_COMPLETED, row.event_name in _STATING
    values = _values_of_event(attributes, completed=completed)
    time = _time_ns(row)
    end = _time(attributes.get(semconv.EXECUTION_END_NS), time) if completed else time
    rank = str(Rank(values["status"], end, False, row.digest, _inferred(attributes)))
    facts = facts_of(rank, _SMALL if stating else _IDENTITY_FIELDS, values)
    start = _time(attributes.get(semconv.EXECUTION_START_NS), 0)
    facts["started"] = earliest(start or time, stated=bool(start) or row.event_name == semconv.EVENT_STARTED)
    facts["last_event"] = latest(end)
    facts["ended"] = [rank, end if completed else None]
    if row.event_name == semconv.EVENT_HEARTBEAT:
        facts["heartbeat"] = ["", True]
    if stating:
        _place_event(facts, rank, row, attributes)
        _add_criteria(facts, rank, values, at_start=row.event_name == semconv.EVENT_STARTED)
    told = notes.of_end(execution_id, attributes, end) if completed else notes.NOTHING
    for stated in told.facts:
        facts |= stated
    content = facts_of(rank, _CONTENT if completed else _OPEN_CONTENT, values) if stating else {}
    if "harness" not in facts:
        return ExecutionFacts(execution_id, facts, content, notes=told.notes)
    _set_usage_aside(facts)
    return ExecutionFacts(execution_id, facts, content, by_hook(row, attributes), told.notes)


def _values_of_event(attributes: Mapping[str, Any], *, completed: bool) -> dict[str, Any]:
    values = field_values.read(attributes)
    if not completed:
        return {name: value for name, value in values.items() if name not in _OUTCOME} | {"status": "in_progress"}
    if values.get("status") not in semconv.TERMINAL:
        # Not one of ours: with an error it was one.
        values["status"] = "error" if values.get("error_type") or values.get("error_message") else "success"
    return values


def _said_about(
    row: EventRow, execution_id: uuid.UUID, attributes: Mapping[str, Any], told: notes.Told
) -> ExecutionFacts:
    """What is said about an execution from outside: who it is, only where nothing else says so, and no sign of life."""
    time = _time_ns(row)
    rank = assumed(str(Rank("in_progress", time, False, row.digest)))
    facts = facts_of(rank, _ONLY_IDENTITY, field_values.read(attributes))
    facts["status"] = [rank, "in_progress"]
    start_rank, start = earliest(time, stated=False)
    facts["started"] = [assumed(start_rank), start]
    for stated in told.facts:
        facts |= stated
    return ExecutionFacts(execution_id, facts, {}, notes=told.notes)


def _add_criteria(facts: Facts, rank: str, values: Facts, *, at_start: bool) -> None:
    """Beside the union: which criteria were known at the start, and which the highest record knows."""
    criteria = values.get("success_criteria")
    known = list(dict.fromkeys(criteria or ()))
    if criteria is not None:
        facts["criteria"] = [rank, known]
    if at_start:  # none are a list as well: what is named later was added
        facts["criteria_at_start"] = [first_told(rank), known]


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


def _place_event(facts: Facts, rank: str, row: EventRow, attributes: Mapping[str, Any]) -> None:
    if row.trace_id and row.span_id:
        _place(facts, rank, row.trace_id, row.span_id, row.resource_id)
    else:
        _assume_place(facts, rank, attributes.get(semconv.CORRELATION_ID), row.resource_id)


def _assume_place(facts: dict[str, Any], rank: str, correlation: object, resource_id: int) -> None:
    """Where an execution without a span would stand: so it is found by its correlation id."""
    facts["resource_id"] = [rank, resource_id]
    if isinstance(correlation, str):
        with suppress(ValueError):
            facts["trace_id"] = [assumed(rank), str(ids.correlation_uuid(ids.trace_id(correlation)))]


def _time_ns(row: EventRow) -> int:
    return row.time * 1000 + row.time_ns


def _time(stated: object, otherwise: int) -> int:
    return stated if isinstance(stated, int) and 0 < stated <= _MAX_NS else otherwise
