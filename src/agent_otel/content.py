"""Prompts, answers, instructions and tools in the forms that the GenAI semantic conventions give them."""

from __future__ import annotations

from _collections_abc import Mapping

from agent_otel import redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import json_text, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from agent_otel.attribute_value import Value


def prompt_facts(prompt: object) -> dict[str, Value]:
    """Length and hash of a prompt, which stay whatever the capture mode lets pass of it."""
    whole = as_text(prompt)
    return {s.PROMPT_LENGTH: len(whole), s.PROMPT_SHA256: redaction.sha256(whole)}


def output_facts(output: object) -> dict[str, Value]:
    """An agent's answer, its length and its hash."""
    whole = as_text(output)
    return {
        s.GEN_AI_OUTPUT_MESSAGES: messages("assistant", whole, finish_reason="stop"),
        s.OUTPUT_SIZE: len(whole),
        s.OUTPUT_SHA256: redaction.sha256(whole),
    }


def messages(role: str, content: object, finish_reason: str | None = None) -> str:
    """GenAI messages as JSON text: `content` becomes one text part, a list of messages is taken as it is."""
    if isinstance(content, list) and content and all(isinstance(m, Mapping) and "role" in m for m in content):
        return json_text(content)
    message: dict[str, Any] = {"role": role, "parts": [_text_part(as_text(content))]}
    if finish_reason is not None:
        message["finish_reason"] = finish_reason
    return json_text([message])


def as_text(content: object) -> str:
    """A text as it is, anything else as JSON."""
    return text(content) if isinstance(content, str) else json_text(content)


def _text_part(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def instructions(given: object) -> str:
    """System instructions as JSON text: one text part."""
    return json_text([_text_part(as_text(given))])


def tool_definitions(tools: Iterable[object]) -> str:
    """The tools available as JSON text; a name becomes a function of that name."""
    return json_text([_tool(tool) for tool in tools])


def _tool(tool: object) -> object:
    return tool if isinstance(tool, Mapping) else {"type": "function", "name": str(tool)}
