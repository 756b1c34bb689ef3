"""What a caller says about a step, and the span name, kind and attributes that this becomes."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from opentelemetry.trace import SpanKind

from agent_otel import intent
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, text
from agent_otel.guard import warn_once
from agent_otel.model import STEP_KINDS, StepKind


class StepIntent(NamedTuple):
    """The arguments of `agent_otel.step`; see there."""

    name: str
    kind: StepKind = "tool"
    action: str | None = None
    input: object = None
    model: str | None = None
    provider: str | None = None
    step_id: str | None = None
    tool_call_id: str | None = None
    sequence: int | None = None
    batch_size: int | None = None
    metadata: Mapping[str, object] | None = None


#: Span names of the kinds that have no GenAI operation.
_NAME_PREFIX: Final = {"decision": "decision", "milestone": "milestone", "error": "recover"}


def checked(step: StepIntent) -> StepIntent:
    """The step with a kind that we know: an unknown one becomes a tool step, with a warning."""
    if step.kind in STEP_KINDS:
        return step
    warn_once(f"agent_otel: step kind {step.kind!r} is not one of {', '.join(sorted(STEP_KINDS))}; tool is used")
    return step._replace(kind="tool")


def span_name(step: StepIntent) -> str:
    """``execute_tool X``, ``chat M``, ``decision X``, ``milestone X`` or ``recover X``."""
    if step.kind == "tool":
        return f"{s.OPERATION_EXECUTE_TOOL} {text(str(step.name))}"
    if step.kind == "llm":
        return f"{s.OPERATION_CHAT} {text(str(step.model or step.name))}"
    return f"{_NAME_PREFIX[step.kind]} {text(str(step.name))}"


def span_kind(step: StepIntent) -> SpanKind:
    """CLIENT for a call of a model, else INTERNAL (GenAI semantic conventions)."""
    return SpanKind.CLIENT if step.kind == "llm" else SpanKind.INTERNAL


def attributes(step: StepIntent) -> dict[str, Value]:
    """What is known when the step begins; it counts as a success until something else is said."""
    found = _named(step)
    found[s.STEP_KIND] = step.kind
    found[s.STEP_SUCCESS] = True
    if step.action is not None:
        found[s.STEP_ACTION] = text(str(step.action))
    if step.step_id is not None:
        found[s.STEP_ID] = text(str(step.step_id))
    if step.tool_call_id is not None:
        found[s.GEN_AI_TOOL_CALL_ID] = text(str(step.tool_call_id))
    if step.sequence is not None:
        found[s.STEP_SEQUENCE] = int(step.sequence)
    if step.batch_size is not None:
        found[s.STEP_BATCH_SIZE] = int(step.batch_size)
    if step.metadata:
        found[s.METADATA] = json_text(step.metadata)
    if step.input is not None:
        found.update(_input(step))
    return found


def output_attributes(step: StepIntent, output: object) -> dict[str, Value]:
    """What the step gave back: the model's message, or the tool's result."""
    if step.kind == "llm":
        return {s.GEN_AI_OUTPUT_MESSAGES: intent.messages("assistant", output, finish_reason="stop")}
    return {s.GEN_AI_TOOL_CALL_RESULT: intent.content_text(output)}


def _named(step: StepIntent) -> dict[str, Value]:
    if step.kind == "tool":
        return {s.GEN_AI_OPERATION_NAME: s.OPERATION_EXECUTE_TOOL, s.GEN_AI_TOOL_NAME: text(str(step.name))}
    if step.kind != "llm":
        return {s.STEP_NAME: text(str(step.name))}
    model = text(str(step.model or step.name))
    found: dict[str, Value] = {s.GEN_AI_OPERATION_NAME: s.OPERATION_CHAT, s.GEN_AI_REQUEST_MODEL: model}
    if step.provider is not None:
        found[s.GEN_AI_PROVIDER_NAME] = text(str(step.provider))
    return found


def _input(step: StepIntent) -> dict[str, Value]:
    if step.kind == "llm":
        return {s.GEN_AI_INPUT_MESSAGES: intent.messages("user", step.input)}
    return {s.GEN_AI_TOOL_CALL_ARGUMENTS: intent.content_text(step.input)}
