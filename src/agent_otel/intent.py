"""What a caller says about an execution before it runs, and the attributes that this becomes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent_otel import redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, attribute_value, json_text, text


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
        prompt = content_text(intent.prompt)
        attributes[s.PROMPT_LENGTH] = len(prompt)
        attributes[s.PROMPT_SHA256] = redaction.sha256(prompt)
    return attributes


def contents(intent: Intent) -> dict[str, Value]:
    """Prompt, background, instructions and tools: on the start event and the span, subject to the capture mode."""
    attributes: dict[str, Value] = {}
    if intent.prompt is not None:
        attributes[s.GEN_AI_INPUT_MESSAGES] = messages("user", intent.prompt)
    if intent.context is not None:
        attributes[s.CONTEXT] = content_text(intent.context)
    if intent.instructions is not None:
        attributes[s.GEN_AI_SYSTEM_INSTRUCTIONS] = json_text([_text_part(content_text(intent.instructions))])
    if intent.tools:
        attributes[s.GEN_AI_TOOL_DEFINITIONS] = json_text([_tool(tool) for tool in intent.tools])
    return attributes


def messages(role: str, content: object, finish_reason: str | None = None) -> str:
    """GenAI messages as JSON text: `content` becomes one text part, a list of messages is taken as it is."""
    if isinstance(content, list) and content and all(isinstance(m, Mapping) and "role" in m for m in content):
        return json_text(content)
    message: dict[str, Any] = {"role": role, "parts": [_text_part(content_text(content))]}
    if finish_reason is not None:
        message["finish_reason"] = finish_reason
    return json_text([message])


def content_text(content: object) -> str:
    """A text as it is, anything else as JSON."""
    return text(content) if isinstance(content, str) else json_text(content)


def _text_part(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def _tool(tool: object) -> object:
    return tool if isinstance(tool, Mapping) else {"type": "function", "name": str(tool)}
