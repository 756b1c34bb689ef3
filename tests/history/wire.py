"""An execution as OTLP: log records for its lifecycle and for what is said about it, spans for itself and its steps."""

import functools
import uuid
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agent_otel import ids
from agent_otel import semconv as s
from tests.history import attributes as say
from tests.history.execution import Execution, Step
from tests.history.times import DAY

_INFO: Final = 9
_SEVERITY: Final = {"ERROR": 17, "WARNING": 13, "INFO": _INFO}
_FLAGS: Final = 0x101


class Item(NamedTuple):
    """A record and the day (since the Unix epoch, UTC) on which it is told: of a span, the day of its start."""

    day: int
    record: Span | LogRecord


class _Note(NamedTuple):
    """Something said about an execution: by a log record and, while the span is open, by an event of it."""

    name: str
    note_id: uuid.UUID
    at: int
    attributes: say.Attributes
    on_span: bool
    severity: int = _INFO


def items(execution: Execution) -> Iterator[Item]:
    """All records of an execution."""
    notes = list(_notes(execution))
    if execution.start_event:
        yield from _lifecycle(execution)
    for note in notes:
        # Who tells of it by its span only has no other way for what was said before the end.
        if not note.on_span or execution.start_event or execution.end_event:
            yield _event(execution, note)
    for step in execution.steps:
        yield from _step(execution, step)
    if execution.end_event:
        yield _end(execution)
    if execution.final_span:
        yield _item(_own_span(execution, [note for note in notes if note.on_span]), execution.started)


def _lifecycle(execution: Execution) -> Iterator[Item]:
    start = say.task(execution) | say.prompt(execution) | say.stated({s.SUCCESS_CRITERIA: execution.criteria_start})
    yield _once(execution, s.EVENT_STARTED, execution.started, start)
    for number, (at, stage, percent) in enumerate(execution.progress):
        told = {s.PROGRESS_STAGE: stage, s.PROGRESS_PERCENT: percent}
        told |= say.stated({s.SUCCESS_CRITERIA: execution.criteria_progress.get(number)})
        if execution.ended is None and number == len(execution.progress) - 1:
            told |= say.output(execution)
        yield _told(execution, s.EVENT_PROGRESS, f"progress {number}", at, told)
    for number, at in enumerate(execution.heartbeats):
        yield _told(execution, s.EVENT_HEARTBEAT, f"heartbeat {number}", at, {})


def _end(execution: Execution) -> Item:
    assert execution.ended is not None
    told = say.task(execution) | say.result(execution) | {s.EXECUTION_END_NS: execution.ended}
    if execution.placed:
        told[s.EXECUTION_START_NS] = execution.started
    if not execution.start_event and not execution.final_span:
        told |= say.prompt(execution)
    if not execution.final_span:
        told |= _verdict_of_the_end(execution)
    return _once(execution, s.EVENT_COMPLETED, execution.ended, told)


def _verdict_of_the_end(execution: Execution) -> say.Attributes:
    """The verdict that stands as attributes of the last record: of other senders, or of our client for Jaeger."""
    by_attributes = [verdict for verdict in execution.verdicts if verdict.how == "attributes"]
    by_client = [verdict for verdict in execution.verdicts if verdict.how == "client" and execution.final_span]
    last = max([*by_attributes, *by_client], key=lambda verdict: verdict.at, default=None)
    return say.stated(say.verdict_facts(last)) if last else {}


def _notes(execution: Execution) -> Iterator[_Note]:
    spans = execution.final_span
    for verdict in execution.verdicts:
        if verdict.how != "attributes":
            on_span = spans and verdict.how == "client"
            yield _Note(s.GEN_AI_EVALUATION_RESULT, verdict.note_id, verdict.at, say.verdict(verdict), on_span)
    for evaluation in execution.evaluations:
        on_span = spans and _within(execution, evaluation.at)
        told = say.evaluation(evaluation)
        yield _Note(s.GEN_AI_EVALUATION_RESULT, evaluation.note_id, evaluation.at, told, on_span)
    for issue in execution.issues:
        on_span = spans and _within(execution, issue.at)
        yield _Note(s.EVENT_ISSUE, issue.note_id, issue.at, say.issue(issue), on_span, _SEVERITY[issue.type])
    for learning in execution.learning:
        on_span = spans and _within(execution, learning.at)
        yield _Note(s.EVENT_LEARNING, learning.note_id, learning.at, say.learning(learning), on_span)
    for caught in execution.caught:
        told = say.caught(caught)
        yield _Note(s.EVENT_EXCEPTION, caught.note_id, caught.at, told, spans, _SEVERITY["ERROR"])


def _within(execution: Execution, at: int) -> bool:
    return execution.ended is not None and at < execution.ended


def _once(execution: Execution, name: str, at: int, told: say.Attributes) -> Item:
    """An event that happens once in an execution."""
    return _event(execution, _Note(name, ids.event_id(execution.execution_id, name), at, told, on_span=False))


def _told(execution: Execution, name: str, which: str, at: int, told: say.Attributes) -> Item:
    return _event(execution, _Note(name, uuid.uuid5(execution.execution_id, which), at, told, on_span=False))


def _event(execution: Execution, note: _Note) -> Item:
    told = {**say.identity(execution), **say.stated(note.attributes), s.EVENT_ID: str(note.note_id)}
    told[s.EXECUTION_ID] = str(execution.execution_id)
    record = LogRecord(
        time_unix_nano=note.at,
        observed_time_unix_nano=note.at,
        severity_number=note.severity,  # type: ignore[arg-type]  # an enum's number
        event_name=note.name,
        attributes=_key_values(told),
        trace_id=execution.trace_id if execution.placed else b"",
        span_id=execution.span_id if execution.placed else b"",
        flags=_FLAGS & 0xFF if execution.placed else 0,
    )
    return _item(record, note.at)


def _own_span(execution: Execution, notes: list[_Note]) -> Span:
    assert execution.ended is not None
    operation = {s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT}
    told = operation | say.identity(execution) | say.task(execution) | say.prompt(execution) | say.result(execution)
    span = Span(
        trace_id=execution.trace_id,
        span_id=execution.span_id,
        parent_span_id=execution.parent_span or b"",
        name=f"invoke_agent {execution.agent}" if execution.agent else "invoke_agent",
        kind=Span.SPAN_KIND_INTERNAL,
        flags=_FLAGS,
        start_time_unix_nano=execution.started,
        end_time_unix_nano=execution.ended,
        attributes=_key_values(told | _verdict_of_the_end(execution)),
        events=[
            Span.Event(
                time_unix_nano=note.at,
                name=note.name,
                attributes=_key_values({**say.stated(note.attributes), s.EVENT_ID: str(note.note_id)}),
            )
            for note in notes
        ],
    )
    if execution.link:
        trace_id, span_id = execution.link
        span.links.add(trace_id=trace_id, span_id=span_id, attributes=_key_values({s.LINK_TYPE: "delegated_by"}))
    if execution.status == "error" and execution.error_type:
        span.status.code, span.status.message = Status.STATUS_CODE_ERROR, execution.error_message or ""
    return span


def _step(execution: Execution, step: Step) -> Iterator[Item]:
    if step.between:
        between = Span(
            trace_id=execution.trace_id,
            span_id=step.between,
            parent_span_id=execution.span_id,
            name="agent loop",
            start_time_unix_nano=step.started,
            end_time_unix_nano=step.ended,
        )
        yield _item(between, step.started)
    span = Span(
        trace_id=execution.trace_id,
        span_id=step.span_id,
        parent_span_id=step.between or execution.span_id,
        name=f"chat {step.model}" if step.tool is None else f"execute_tool {step.tool}",
        kind=Span.SPAN_KIND_INTERNAL,
        flags=_FLAGS,
        start_time_unix_nano=step.started,
        end_time_unix_nano=step.ended,
        attributes=_key_values(say.step(execution, step)),
    )
    if not step.success:
        span.status.code, span.status.message = Status.STATUS_CODE_ERROR, step.error_message or ""
    yield _item(span, step.started)


def _item(record: Span | LogRecord, at: int) -> Item:
    return Item(at // DAY, record)


def _key_values(attributes: say.Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, list):
        texts = AnyValue()
        texts.array_value.values.extend(map(_value, value))
        return texts
    return _number(type(value).__name__, value)


@functools.lru_cache(maxsize=1024)
def _number(kind: str, value: Any) -> AnyValue:
    """Messages are copied into their parents, so one may serve for many. `kind` tells True from 1 and 1.0."""
    if kind == "bool":
        return AnyValue(bool_value=value)
    return AnyValue(int_value=value) if kind == "int" else AnyValue(double_value=value)
