"""A prompt: an execution of the main agent."""

from __future__ import annotations

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.shell.claude_code import beginning
from agent_otel.shell.lineage import CORRELATED_WITH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session

#: What a session is told when a sub-agent in the background is done: a prompt that no user typed.
_NOTIFICATION: Final = "<task-notification>"
_MAX_DESCRIPTION: Final = 200


def submitted(session: Session, payload: Payload) -> None:
    """The execution of a prompt begins."""
    text = payload.text("prompt")
    place = beginning.place_of(session, payload)
    own: dict[str, Any] = {
        **content.prompt_facts(text),
        s.GEN_AI_INPUT_MESSAGES: content.messages("user", text),
        s.TRIGGERED_BY: "user",
    }
    if text.lstrip().startswith(_NOTIFICATION):
        own[s.TRIGGERED_BY] = "task-notification"
        agent = session.executions.find(session.execution_id(_between(text, "<task-id>", "</task-id>")))
        if agent is not None:
            place.links.append((agent.trace_id, agent.span_id, CORRELATED_WITH))
    if session.settings.capture == "full":
        own[s.TASK_DESCRIPTION] = summary(text)
    beginning.begin(session, payload, place, own, circumstances(payload))


def compacting(session: Session, payload: Payload) -> None:
    """``/compact`` is an execution of its own: no prompt is submitted. Otherwise it happens inside of one."""
    if session.executions.find(session.execution_id(payload.prompt_id)) is not None:
        return
    own = {s.TASK_DESCRIPTION: "/compact", s.TRIGGERED_BY: "user"}
    beginning.begin(session, payload, beginning.place_of(session, payload), own, circumstances(payload))


def circumstances(payload: Payload) -> dict[str, Any]:
    """What else the event says of how the agent runs."""
    effort = payload.mapping("effort").get("level")
    found = {"cwd": payload.cwd, "permission_mode": payload.text("permission_mode"), "effort": effort}
    return {name: value for name, value in found.items() if value}


def summary(text: str) -> str:
    """The first line that says something."""
    line = next(filter(None, map(str.strip, text.splitlines())), "")
    return line if len(line) <= _MAX_DESCRIPTION else f"{line[: _MAX_DESCRIPTION - 1]}…"


def _between(text: str, before: str, after: str) -> str:
    return text.partition(before)[2].partition(after)[0].strip()
