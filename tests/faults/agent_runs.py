"""Agent executions as OTLP requests: a trace of ten spans with about ten attributes each, and two lifecycle events."""

import os
import random
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from agent_otel import ids
from agent_otel import semconv as s

STEPS: Final = 9
SPANS: Final = STEPS + 1
_STEP_NS: Final = 1_000_000
_AGENT: Final = "load"


class AgentRun(NamedTuple):
    """One execution: its ids and the counters that must be found afterwards."""

    trace_id: bytes
    execution_id: uuid.UUID
    span_ids: tuple[bytes, ...]
    event_ids: tuple[uuid.UUID, uuid.UUID]
    start_ns: int
    input_tokens: int
    output_tokens: int


def new_run() -> AgentRun:
    """An execution that nobody has seen; it ended just now."""
    execution_id = uuid.uuid4()
    steps = (os.urandom(8) for _ in range(STEPS))
    return AgentRun(
        trace_id=os.urandom(16),
        execution_id=execution_id,
        span_ids=(ids.execution_span_id(execution_id).to_bytes(8), *steps),
        event_ids=(uuid.uuid4(), uuid.uuid4()),
        start_ns=time.time_ns() - SPANS * _STEP_NS,
        input_tokens=random.randrange(10_000),
        output_tokens=random.randrange(10_000),
    )


def spans_request(runs: Iterable[AgentRun], service: str) -> bytes:
    """An export request with the spans of the runs."""
    group = ScopeSpans(scope=_SCOPE, spans=[span for run in runs for span in _spans(run)])
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=_resource(service), scope_spans=[group])]
    )
    return bytes(request.SerializeToString())


def events_request(runs: Iterable[AgentRun], service: str) -> bytes:
    """An export request with the start and the end of the runs, as log records."""
    group = ScopeLogs(scope=_SCOPE, log_records=[record for run in runs for record in _events(run)])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource(service), scope_logs=[group])])
    return bytes(request.SerializeToString())


def _spans(run: AgentRun) -> Iterable[Any]:
    root, *steps = run.span_ids
    end_ns = run.start_ns + SPANS * _STEP_NS
    yield _span(run, root, b"", f"invoke_agent {_AGENT}", run.start_ns, end_ns, _outcome(run))
    for number, step in enumerate(steps):
        start_ns = run.start_ns + number * _STEP_NS
        yield _span(run, step, root, "execute_tool pytest", start_ns, start_ns + _STEP_NS, _step(run, number))


def _span(
    run: AgentRun, span_id: bytes, parent: bytes, name: str, start_ns: int, end_ns: int, attributes: Mapping[str, Any]
) -> Any:
    return Span(
        trace_id=run.trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=end_ns,
        attributes=_attributes(attributes),
    )


def _step(run: AgentRun, number: int) -> dict[str, Any]:
    return {
        s.EXECUTION_ID: str(run.execution_id),
        s.GEN_AI_OPERATION_NAME: s.OPERATION_EXECUTE_TOOL,
        s.GEN_AI_AGENT_NAME: _AGENT,
        s.GEN_AI_TOOL_NAME: "pytest",
        s.STEP_KIND: "tool",
        s.STEP_ACTION: "run the tests of one folder",
        s.STEP_OBSERVATION: "12 passed, 1 skipped",
        s.STEP_SUCCESS: True,
        s.STEP_SEQUENCE: number + 1,
        s.GEN_AI_TOOL_CALL_ARGUMENTS: '{"path": "tests/unit"}',
    }


def _outcome(run: AgentRun) -> dict[str, Any]:
    return {
        s.EXECUTION_ID: str(run.execution_id),
        s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT,
        s.GEN_AI_AGENT_NAME: _AGENT,
        s.EXECUTION_STATUS: "success",
        s.GEN_AI_USAGE_INPUT_TOKENS: run.input_tokens,
        s.GEN_AI_USAGE_OUTPUT_TOKENS: run.output_tokens,
        s.TASK_DESCRIPTION: "run the tests",
        s.QUALITY_SCORE: 0.5,
    }


def _events(run: AgentRun) -> Iterable[Any]:
    end_ns = run.start_ns + SPANS * _STEP_NS
    started, completed = run.event_ids
    begin = {s.EXECUTION_ID: str(run.execution_id), s.GEN_AI_AGENT_NAME: _AGENT, s.EXECUTION_START_NS: run.start_ns}
    yield _event(run, s.EVENT_STARTED, started, run.start_ns, begin)
    end = {**_outcome(run), s.EXECUTION_START_NS: run.start_ns, s.EXECUTION_END_NS: end_ns}
    yield _event(run, s.EVENT_COMPLETED, completed, end_ns, end)


def _event(run: AgentRun, name: str, event_id: uuid.UUID, time_ns: int, attributes: Mapping[str, Any]) -> Any:
    return LogRecord(
        trace_id=run.trace_id,
        span_id=run.span_ids[0],
        event_name=name,
        time_unix_nano=time_ns,
        attributes=_attributes({s.EVENT_ID: str(event_id), **attributes}),
    )


def _resource(service: str) -> Any:
    return Resource(attributes=_attributes({s.SERVICE_NAME: service}))


def _attributes(values: Mapping[str, Any]) -> list[Any]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: object) -> Any:
    fields: dict[type, str] = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    message: Any = AnyValue()
    setattr(message, fields[type(value)], value)
    return message


_SCOPE: Final = InstrumentationScope(name="load", version="1")
