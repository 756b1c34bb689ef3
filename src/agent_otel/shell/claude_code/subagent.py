"""A sub-agent: an execution that another one ordered by a call of the Agent tool.

SubagentStart does not say who ordered it. That is known from the tool's own return (``agentId``; of a sub-agent in the
foreground after its end), from the file beside its transcript (``toolUseId``; from its first own tool call on), and
where all calls that could have are one agent's, at once.
"""

from __future__ import annotations

import os

from agent_otel import content, identity, plain_json, redaction
from agent_otel import semconv as s
from agent_otel.shell.claude_code import agent_definition, beginning, prompt, regular_file
from agent_otel.shell.claude_code.session import PARENT
from agent_otel.shell.lineage import DELEGATED_BY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session
    from agent_otel.shell.journal import Journal
    from agent_otel.shell.lineage import Lineage

#: The tool was called Task before.
_TOOLS: Final = ("Agent", "Task")
_MAX_BYTES: Final = 1024**2


class Order:
    """Who ordered a sub-agent, with which call, and what: attributes of its execution."""

    __slots__ = ("attributes", "parent_execution_id", "tool_use_id")

    def __init__(self, parent_execution_id: str, tool_use_id: str = "", attributes: object = None) -> None:
        self.parent_execution_id = parent_execution_id
        self.tool_use_id = tool_use_id
        self.attributes: dict[str, Any] = attributes if isinstance(attributes, dict) else {}


def order(session: Session, payload: Payload) -> dict[str, Any]:
    """What a call of the Agent tool orders, to be kept with the call; nothing for other tools."""
    if payload.tool_name not in _TOOLS:
        return {}
    given = payload.mapping("tool_input")
    text, capture = str(given.get("prompt") or ""), session.settings.capture
    own: dict[str, Any] = {**content.prompt_facts(text), s.GEN_AI_INPUT_MESSAGES: content.messages("user", text)}
    description = str(given.get("description") or "")
    if description:
        own[s.TASK_DESCRIPTION] = description
    elif capture == "full":
        own[s.TASK_DESCRIPTION] = prompt.summary(text)
    return {"orders": str(given.get("subagent_type") or ""), "order": redaction.clean(own, capture)}


def ordered(session: Session, payload: Payload) -> None:
    """The Agent tool has returned, or put its agent into the background: now it is known which one it was."""
    agent_id = payload.mapping("tool_response").get("agentId")
    if payload.tool_name not in _TOOLS or not isinstance(agent_id, str):
        return
    child = session.execution_id(agent_id)
    if session.executions.is_closed(child):
        return
    parent = session.execution_id(payload.agent_id or payload.prompt_id)
    own = order(session, payload)["order"]
    session.note(f"{child}{PARENT}", {"parent": parent, "tool_use_id": payload.tool_use_id, "order": own})


def started(session: Session, payload: Payload) -> None:
    """The execution of a sub-agent begins."""
    place = beginning.place_of(session, payload)
    own = agent_definition.attributes(payload.agent_type, payload.cwd)
    found = order_of(session, payload.agent_id, payload.prompt_id, payload.agent_type, payload.transcript)
    if found is not None:
        own |= found.attributes
        own[s.TRIGGERED_BY] = _name(session, found)
        _put(place, found)
    beginning.begin(session, payload, place, own, prompt.circumstances(payload))


def settle(session: Session, run: Mapping[str, Any], notes: Journal) -> None:
    """At the end of a sub-agent: who ordered it, as far as it is known by now; else the prompt did."""
    found = order_of_run(session, run) or Order(session.execution_id(str(run.get("prompt_id"))))
    notes.attributes = {**notes.attributes, **found.attributes, s.TRIGGERED_BY: _name(session, found)}
    notes.attributes[s.PARENT_EXECUTION_ID] = found.parent_execution_id
    notes.parent_span_id = identity.execution_span_id(identity.parse(found.parent_execution_id) or 0)
    parent = session.executions.find(found.parent_execution_id)
    if found.tool_use_id and parent is not None:
        step = identity.step_span_id(found.parent_execution_id, found.tool_use_id)
        notes.links = [link for link in notes.links if link[2] != DELEGATED_BY]
        notes.links.append((parent.trace_id, step, DELEGATED_BY))


def order_of_run(session: Session, run: Mapping[str, Any]) -> Order | None:
    """Who ordered a sub-agent that goes on; None while that is open."""
    agent_id, prompt_id = str(run.get("agent_id")), str(run.get("prompt_id"))
    return order_of(session, agent_id, prompt_id, str(run.get("agent_type")), str(run.get("transcript")))


def order_of(session: Session, agent_id: str, prompt_id: str, agent_type: str, transcript: str) -> Order | None:
    """Who ordered the sub-agent; None while that is open."""
    noted = session.noted(f"{session.execution_id(agent_id)}{PARENT}")
    if noted:
        return Order(str(noted.get("parent")), str(noted.get("tool_use_id")), noted.get("order"))
    calls = [call for _, call in session.calls() if "orders" in call]
    beside = _beside_transcript(transcript, agent_id)
    if beside:
        for call in calls:
            if call.get("tool_use_id") == beside.get("toolUseId"):
                return _of_call(call)
        tool_use_id, depth = str(beside.get("toolUseId") or ""), beside.get("spawnDepth")
        above = beside.get("parentAgentId") or (_caller(transcript, agent_id, tool_use_id) if depth != 1 else None)
        if isinstance(above, str) or depth == 1:
            return Order(session.execution_id(above if isinstance(above, str) else prompt_id), tool_use_id)
    able = [call for call in calls if call["orders"] in (agent_type, "") and call.get("prompt_id") == prompt_id]
    if len(able) == 1:
        return _of_call(able[0])
    parents = {str(call.get("execution_id")) for call in able}
    return Order(parents.pop()) if len(parents) == 1 else None


def _of_call(call: Mapping[str, Any]) -> Order:
    return Order(str(call.get("execution_id")), str(call.get("tool_use_id")), call.get("order"))


def _put(place: Lineage, found: Order) -> None:
    place.parent_execution_id = found.parent_execution_id
    place.parent_span_id = identity.execution_span_id(identity.parse(found.parent_execution_id) or 0)


def _name(session: Session, found: Order) -> str:
    parent = session.executions.find(found.parent_execution_id)
    return parent.agent_name if parent is not None else session.agent_name


def _beside_transcript(transcript: str, agent_id: str) -> dict[str, Any]:
    """The file that the CLI writes beside a sub-agent's transcript."""
    path = path_of(transcript, agent_id).removesuffix(".jsonl")
    try:
        with regular_file.opened(f"{path}.meta.json") as file:
            found = plain_json.loads(file.read(_MAX_BYTES).decode(errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _caller(transcript: str, agent_id: str, tool_use_id: str) -> str | None:
    """Which sub-agent's transcript has the call that ordered another one: 2.1.197 does not say it beside that one's."""
    own = path_of(transcript, agent_id)
    try:
        names = os.listdir(os.path.dirname(own)) if tool_use_id else []
    except OSError:
        return None
    for name in names:
        path = f"{os.path.dirname(own)}/{name}"
        if name.endswith(".jsonl") and path != own and _has(path, tool_use_id):
            return name.removeprefix("agent-").removesuffix(".jsonl")
    return None


def _has(path: str, tool_use_id: str) -> bool:
    try:
        with regular_file.opened(path) as file:
            return any(tool_use_id.encode(errors="replace") in line for line in file)
    except OSError:
        return False


def path_of(transcript: str, agent_id: str) -> str:
    """The transcript of a sub-agent, from that of its session; an id that is no file name leads nowhere."""
    if not transcript.endswith(".jsonl") or not agent_id.isalnum():
        return os.devnull
    return f"{transcript.removesuffix('.jsonl')}/subagents/agent-{agent_id}.jsonl"
