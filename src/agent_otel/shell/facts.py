"""What the arguments of a call say, as attributes."""

from __future__ import annotations

import time

from agent_otel import content, plain_json
from agent_otel import semconv as s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from agent_otel.open_execution import OpenExecution
    from agent_otel.shell.arguments import Arguments


def stated(arguments: Arguments) -> dict[str, Any]:
    """The values whose options name their attribute."""
    values = arguments.values
    return {
        option.attribute: values[option.key]
        for option in arguments.options.values()
        if option.attribute and option.key in values
    }


def intent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Prompt, background, instructions and tools in the forms of the conventions."""
    found: dict[str, Any] = {}
    if "prompt" in values:
        found.update(content.prompt_facts(values["prompt"]))
        found[s.GEN_AI_INPUT_MESSAGES] = content.messages("user", values["prompt"])
    if "context" in values:
        found[s.CONTEXT] = values["context"]
    if "instructions" in values:
        found[s.GEN_AI_SYSTEM_INSTRUCTIONS] = content.instructions(values["instructions"])
    if "tool" in values:
        found[s.GEN_AI_TOOL_DEFINITIONS] = content.tool_definitions(values["tool"])
    return found


def identity_of(execution: OpenExecution) -> dict[str, Any]:
    """What every record of an execution carries, as far as it is known."""
    known = {
        s.GEN_AI_AGENT_NAME: execution.agent_name,
        s.EXECUTION_ID: execution.execution_id,
        s.CORRELATION_ID: execution.correlation_id,
        s.SESSION_ID: execution.session_id,
        s.PROJECT: execution.project,
    }
    return {name: value for name, value in known.items() if value}


def metadata(given: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as its attribute; nothing when there is none."""
    return {s.METADATA: plain_json.dumps(given)} if given else {}


def shown(time_ns: int) -> str:
    """A moment for people and answers: UTC to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // 1_000_000_000))
