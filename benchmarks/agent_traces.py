"""What a busy agent platform sends: traces of one execution with nine steps, about 650 bytes and 10 attributes a span.

Operations and models repeat as they do in life; ids, token counts, costs and contents do not.
"""

import json
import random
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from agent_otel import semconv
from agent_otel.exporter.values import to_attributes

SPANS_PER_TRACE: Final = 10
_WORDS: Final = ["plan", "read", "file", "test", "fix", "review", "merge", "error", "the", "a", "in", "module", "and"]
_TOOLS: Final = ["Bash", "Read", "Edit", "Grep", "WebFetch"]
_AGENTS: Final = ["coder", "reviewer", "researcher", "planner"]
_MODELS: Final = ["model-large", "model-small"]
_MS: Final = 1_000_000


class Trace(NamedTuple):
    """The ids of a trace; they occur in its spans' attributes and contents as well."""

    trace_id: bytes
    execution_id: uuid.UUID

    @property
    def root(self) -> bytes:
        """Span id of the execution, 8 bytes."""
        return self.execution_id.bytes[8:]


def spans(trace: Trace, rng: random.Random, start_ns: int) -> list[Span]:
    """The spans of one trace, in the order in which they end: the execution last."""
    steps = [_step(trace, rng, number, start_ns + number * 400 * _MS) for number in range(1, SPANS_PER_TRACE)]
    return [*steps, _execution(trace, rng, start_ns)]


def request(spans: Sequence[Span]) -> ExportTraceServiceRequest:
    """An export request of one resource and one scope."""
    named = {"service.name": "agents", "service.version": "1.4.2", "host.name": "worker-7", "process.pid": 4211}
    scope = ScopeSpans(spans=spans)
    scope.scope.name, scope.scope.version = "agent-otel", "0.1.0"
    group = ResourceSpans(resource=Resource(attributes=to_attributes(named)), scope_spans=[scope])
    return ExportTraceServiceRequest(resource_spans=[group])


def _execution(trace: Trace, rng: random.Random, start_ns: int) -> Span:
    agent = rng.choice(_AGENTS)
    attributes = {
        semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_INVOKE_AGENT,
        semconv.GEN_AI_AGENT_NAME: agent,
        semconv.EXECUTION_ID: str(trace.execution_id),
        semconv.CORRELATION_ID: trace.trace_id.hex(),
        semconv.SESSION_ID: f"session-{rng.randrange(10_000)}",
        semconv.PROJECT: "shop",
        semconv.EXECUTION_STATUS: "success",
        semconv.TASK_DESCRIPTION: _text(rng, 60),
        semconv.GEN_AI_INPUT_MESSAGES: _message(trace, rng, 100),
        semconv.GEN_AI_OUTPUT_MESSAGES: _message(trace, rng, 80),
        semconv.QUALITY_SCORE: rng.random(),
        **_usage(rng),
    }
    return _span(trace, trace.root, f"invoke_agent {agent}", start_ns, 4_500 * _MS, attributes, rng)


def _step(trace: Trace, rng: random.Random, number: int, start_ns: int) -> Span:
    build = _llm_step if number % 2 else _tool_step
    name, attributes = build(trace, rng, number)
    span = _span(trace, rng.randbytes(8), name, start_ns, 350 * _MS, attributes, rng)
    span.parent_span_id = trace.root
    if rng.random() < 0.02:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="exit status 1"))
    return span


def _llm_step(trace: Trace, rng: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    model = rng.choice(_MODELS)
    return f"chat {model}", {
        semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_CHAT,
        semconv.GEN_AI_PROVIDER_NAME: "provider",
        semconv.GEN_AI_REQUEST_MODEL: model,
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ["tool_use"],
        semconv.STEP_KIND: "llm",
        semconv.STEP_SEQUENCE: number,
        semconv.GEN_AI_OUTPUT_MESSAGES: _message(trace, rng, 80),
        semconv.COST_USD: rng.random() / 10,
        **_usage(rng),
    }


def _tool_step(trace: Trace, rng: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    tool = rng.choice(_TOOLS)
    call = f"{trace.trace_id.hex()}-{number}"
    return f"execute_tool {tool}", {
        semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_EXECUTE_TOOL,
        semconv.GEN_AI_TOOL_NAME: tool,
        semconv.GEN_AI_TOOL_CALL_ID: call,
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: json.dumps({"path": f"src/{call}.py", "pattern": _text(rng, 10)}),
        semconv.GEN_AI_TOOL_CALL_RESULT: json.dumps({"output": f"{_text(rng, 20)} {call}"}),
        semconv.STEP_KIND: "tool",
        semconv.STEP_SEQUENCE: number,
        semconv.STEP_ACTION: f"run {tool}",
        semconv.STEP_OBSERVATION: _text(rng, 20),
        semconv.STEP_SUCCESS: True,
    }


def _span(
    trace: Trace,
    span_id: bytes,
    name: str,
    start_ns: int,
    duration_ns: int,
    attributes: dict[str, Any],
    rng: random.Random,
) -> Span:
    start_ns += rng.randrange(20 * _MS)
    return Span(
        trace_id=trace.trace_id,
        span_id=span_id,
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        flags=0x101,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ns + rng.randrange(20 * _MS),
        attributes=to_attributes(attributes),
    )


def _usage(rng: random.Random) -> dict[str, Any]:
    return {
        semconv.GEN_AI_USAGE_INPUT_TOKENS: rng.randrange(100, 90_000),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: rng.randrange(10, 4_000),
    }


def _message(trace: Trace, rng: random.Random, length: int) -> str:
    """GenAI messages with about 100 bytes more than `length` characters of text."""
    text = f"{_text(rng, length)} {trace.trace_id.hex()}"
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}]}])


def _text(rng: random.Random, length: int) -> str:
    words = ""
    while len(words) < length:
        words += rng.choice(_WORDS) + " "
    return words[:length]
