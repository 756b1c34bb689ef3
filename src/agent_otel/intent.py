"""What a caller says about an execution before it runs, and the attributes that this becomes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, attribute_value


class Intent(NamedTuple):
    """The arguments of `agent_otel.execution`; see there."""

    agent: str
    description: str | None = None
    prompt: object = None
    context: object = None
    instructions: str | None = None
    session_id: str | None = None
    correlation_id: str | uuid.UUID | None = None
    execution_id: str | uuid.UUID | None = None
    parent_execution_id: str | uuid.UUID | None = None
    traceparent: str | None = None
    model: str | None = None
    provider: str | None = None
    agent_version: str | None = None
    agent_description: str | None = None
    agent_instance_id: str | None = None
    conversation_id: str | None = None
    external_id: str | None = None
    priority: str | None = None
    triggered_by: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, object] | None = None
    project: str | None = None
    tools: Sequence[object] = ()
    durable: bool = False


#: Attributes that are the caller's text as it stands.
_PLAIN = (
    ("description", s.TASK_DESCRIPTION),
    ("model", s.GEN_AI_REQUEST_MODEL),
    ("provider", s.GEN_AI_PROVIDER_NAME),
    ("agent_version", s.GEN_AI_AGENT_VERSION),
    ("agent_description", s.GEN_AI_AGENT_DESCRIPTION),
    ("agent_instance_id", s.AGENT_INSTANCE_ID),
    ("conversation_id", s.GEN_AI_CONVERSATION_ID),
    ("external_id", s.EXTERNAL_ID),
    ("priority", s.PRIORITY),
    ("triggered_by", s.TRIGGERED_BY),
    ("user_id", s.USER_ID),
)


def facts(intent: Intent) -> dict[str, Value]:
    """What is not content: repeated by the start event, the end event and the span."""
    attributes: dict[str, Value] = {}
    for field, name in _PLAIN:
        value = getattr(intent, field)
        if value is not None:
            attributes[name] = attribute_value(value)
    if intent.prompt is not None:
        attributes.update(content.prompt_facts(intent.prompt))
    return attributes


def contents(intent: Intent) -> dict[str, Value]:
    """Prompt, background, instructions and tools: on the start event and the span, subject to the capture mode."""
    attributes: dict[str, Value] = {}
    if intent.prompt is not None:
        attributes[s.GEN_AI_INPUT_MESSAGES] = content.messages("user", intent.prompt)
    if intent.context is not None:
        attributes[s.CONTEXT] = content.as_text(intent.context)
    if intent.instructions is not None:
        attributes[s.GEN_AI_SYSTEM_INSTRUCTIONS] = content.instructions(intent.instructions)
    if intent.tools:
        attributes[s.GEN_AI_TOOL_DEFINITIONS] = content.tool_definitions(intent.tools)
    return attributes
