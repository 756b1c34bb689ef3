"""A step that was measured elsewhere and is told afterwards: a span whose start is its end minus the latency."""

import uuid
from collections.abc import Mapping
from typing import Final, TypedDict, Unpack

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from agent_otel import failure, ids, redaction, step_intent
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, text
from agent_otel.client import Client
from agent_otel.guard import warn_once
from agent_otel.model import StepKind
from agent_otel.open_execution import OpenExecution
from agent_otel.step_intent import StepIntent
from agent_otel.usage import cost_attributes, in_range, token_attributes

#: A latency above this is a mistake of the caller.
MAX_LATENCY_MS: Final = 365 * 24 * 3_600_000
_NS_PER_MS: Final = 1_000_000


class StepDetails(TypedDict, total=False):
    """What may be said of a step that is over, besides its tool. Every key may be left out."""

    kind: StepKind  #: tool (default), llm, decision, milestone or error
    action: str | None  #: what was done
    latency_ms: float | None  #: how long it took; the step's start is computed from it and marked as estimated
    success: bool  #: default True
    error: str | BaseException | None  #: why it failed
    observation: str | None  #: the outcome in a sentence
    tokens: int | None  #: when only the sum is known
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    input: object  #: tool arguments, or the messages sent to the model
    output: object  #: tool result, or the model's answer; kept only on success
    model: str | None  #: for kind llm, when `tool` is not the model's name
    provider: str | None  #: for kind llm
    step_id: str | None  #: your own id: the same step told twice is one span
    tool_call_id: str | None  #: the harness's tool_use_id
    sequence: int | None  #: place in the execution, from 1
    batch_size: int | None  #: how many alike this one span stands for
    metadata: Mapping[str, object] | None


def send(client: Client, execution: OpenExecution, tool: str, **details: Unpack[StepDetails]) -> str:
    """Make the step's span under the execution's; return its span id as hex."""
    step = checked(StepIntent.of(tool, details))
    capture = client.settings.capture
    ended = client.clock()
    attributes: dict[str, Value] = {
        **step_intent.of_execution(execution),
        **step_intent.attributes(step),
        **_usage(details),
    }
    started = _start(details.get("latency_ms"), ended, attributes)
    success, error = details.get("success", True), details.get("error")
    if not success and error is None:
        error = ""
    attributes.update(outcome_attributes(step.kind, success, error, details.get("observation")))
    if success and details.get("output") is not None:
        attributes.update(step_intent.output_attributes(step, details.get("output")))
    span = client.start_span(
        step_intent.span_name(step),
        span_kind(step),
        _inside(execution),
        attributes,
        started,
        span_id=named_span_id(execution.execution_id, step),
    )
    if not success:
        span.set_status(StatusCode.ERROR, redaction.error_text(failure.error_message(error or ""), capture))
    span.end(ended)
    return f"{span.get_span_context().span_id:016x}"


def checked(step: StepIntent) -> StepIntent:
    """The step with a kind that we know: an unknown one becomes a tool step, with a warning."""
    if step.kind not in s.STEP_KINDS:
        warn_once(f"agent_otel: step kind {step.kind!r} is not one of {', '.join(sorted(s.STEP_KINDS))}; tool is used")
        step.kind = "tool"
    return step


def span_kind(step: StepIntent) -> SpanKind:
    """CLIENT for a call of a model, else INTERNAL (GenAI semantic conventions)."""
    return SpanKind.CLIENT if step.kind == "llm" else SpanKind.INTERNAL


def outcome_attributes(
    kind: StepKind, success: bool, error: str | BaseException | None, observation: str | None
) -> dict[str, Value]:
    """How a step ended, where it differs from how it began: as a success."""
    attributes: dict[str, Value] = {}
    if not success:
        attributes[s.STEP_SUCCESS] = False
    if error is not None:
        otherwise = s.ERROR_TYPE_TOOL if kind == "tool" else s.ERROR_TYPE_OTHER
        attributes[s.ERROR_TYPE] = failure.error_type(error, otherwise)
        attributes[s.ERROR_MESSAGE] = failure.error_message(error)
    if observation is not None:
        attributes[s.STEP_OBSERVATION] = text(str(observation))
    return attributes


def named_span_id(execution_id: str, step: StepIntent) -> int | None:
    """The span id that the step's own id, or its tool call's, leads to; None: a random one."""
    name = step.step_id or step.tool_call_id
    return ids.step_span_id(uuid.UUID(execution_id), str(name)) if name else None


def _usage(details: StepDetails) -> dict[str, Value]:
    usage = token_attributes(
        input=details.get("input_tokens"), output=details.get("output_tokens"), total=details.get("tokens")
    )
    cost = details.get("cost_usd")
    return usage if cost is None else {**usage, **cost_attributes(cost)}


def _start(latency_ms: float | None, ended: int, attributes: dict[str, Value]) -> int:
    latency = None if latency_ms is None else in_range("latency_ms", latency_ms, 0, MAX_LATENCY_MS)
    if latency is None:
        return ended
    attributes[s.STEP_START_ESTIMATED] = True
    return ended - round(latency * _NS_PER_MS)


def _inside(execution: OpenExecution) -> Context:
    flags = TraceFlags(execution.trace_flags)
    parent = SpanContext(execution.trace_id, execution.span_id, is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), Context())
