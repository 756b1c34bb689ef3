"""What a caller says about a step, and the span name, kind and attributes that this becomes."""

from __future__ import annotations

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import json_text, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from agent_otel.attribute_value import Value
    from agent_otel.model import StepKind
    from agent_otel.open_execution import OpenExecution


class StepIntent:
    """The arguments of `agent_otel.step`; see there."""

    __slots__ = (
        *("action", "batch_size", "input", "kind", "metadata", "model", "name", "provider", "sequence", "step_id"),
        "tool_call_id",
    )

    def __init__(
        self,
        name: str,
        kind: StepKind = "tool",
        *,
        action: str | None = None,
        input: object = None,  # noqa: A002 - the public spelling
        model: str | None = None,
        provider: str | None = None,
        step_id: str | None = None,
        tool_call_id: str | None = None,
        sequence: int | None = None,
        batch_size: int | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.action = action
        self.input = input
        self.model = model
        self.provider = provider
        self.step_id = step_id
        self.tool_call_id = tool_call_id
        self.sequence = sequence
        self.batch_size = batch_size
        self.metadata = metadata

    @classmethod
    def of(cls, name: str, details: Mapping[str, Any]) -> StepIntent:
        """From what was said of a step by these names, among others."""
        return cls(name, **{key: details[key] for key in cls.__slots__ if key in details})


#: Span names of the kinds that have no GenAI operation.
_NAME_PREFIX: Final = {"decision": "decision", "milestone": "milestone", "error": "recover"}


def span_name(step: StepIntent) -> str:
    """``execute_tool X``, ``chat M``, ``decision X``, ``milestone X`` or ``recover X``."""
    if step.kind == "tool":
        return f"{s.OPERATION_EXECUTE_TOOL} {text(str(step.name))}"
    if step.kind == "llm":
        return f"{s.OPERATION_CHAT} {text(str(step.model or step.name))}"
    return f"{_NAME_PREFIX[step.kind]} {text(str(step.name))}"


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


def of_execution(execution: OpenExecution) -> dict[str, Value]:
    """What every step of an execution carries, as far as it is known."""
    known = {
        s.EXECUTION_ID: execution.execution_id,
        s.GEN_AI_AGENT_NAME: execution.agent_name,
        s.SESSION_ID: execution.session_id,
    }
    return {name: value for name, value in known.items() if value}


def output_attributes(step: StepIntent, output: object) -> dict[str, Value]:
    """What the step gave back: the model's message, or the tool's result."""
    if step.kind == "llm":
        return {s.GEN_AI_OUTPUT_MESSAGES: content.messages("assistant", output, finish_reason="stop")}
    return {s.GEN_AI_TOOL_CALL_RESULT: content.as_text(output)}


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
        return {s.GEN_AI_INPUT_MESSAGES: content.messages("user", step.input)}
    return {s.GEN_AI_TOOL_CALL_ARGUMENTS: content.as_text(step.input)}
