"""What a caller says about an execution before it runs, and the attributes that this becomes."""

import os
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, attribute_value, texts


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
    user_request: object = None
    reasoning: object = None
    expected_outcome: object = None
    criteria: Sequence[str] = ()
    risk: object = None
    configuration: object = None
    track_files: str | os.PathLike[str] | None = None


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
#: Those that may be given as any object: a text as it stands, else JSON.
_TEXTS = (
    ("expected_outcome", s.EXPECTED_OUTCOME),
    ("risk", s.RISK),
    ("configuration", s.AGENT_CONFIGURATION),
)
_CONTENTS = (
    ("user_request", s.USER_REQUEST),
    ("reasoning", s.INTENT_REASONING),
    ("context", s.CONTEXT),
)


def facts(intent: Intent) -> dict[str, Value]:
    """What is not content: repeated by the start event, the end event and the span."""
    attributes: dict[str, Value] = {}
    for field, name in _PLAIN:
        value = getattr(intent, field)
        if value is not None:
            attributes[name] = attribute_value(value)
    attributes.update(_given(intent, _TEXTS))
    if intent.criteria:
        attributes[s.SUCCESS_CRITERIA] = texts(intent.criteria)
    if intent.prompt is not None:
        attributes.update(content.prompt_facts(intent.prompt))
    return attributes


def contents(intent: Intent) -> dict[str, Value]:
    """Request, prompt, background and the like: on the start event and the span, subject to the capture mode."""
    attributes = _given(intent, _CONTENTS)
    if intent.prompt is not None:
        attributes[s.GEN_AI_INPUT_MESSAGES] = content.messages("user", intent.prompt)
    if intent.instructions is not None:
        attributes[s.GEN_AI_SYSTEM_INSTRUCTIONS] = content.instructions(intent.instructions)
    if intent.tools:
        attributes[s.GEN_AI_TOOL_DEFINITIONS] = content.tool_definitions(intent.tools)
    return attributes


def _given(intent: Intent, fields: tuple[tuple[str, str], ...]) -> dict[str, Value]:
    return {name: content.as_text(value) for field, name in fields if (value := getattr(intent, field)) is not None}
