"""A prompt: an execution of the main agent."""

from __future__ import annotations

from agent_otel import content, identity, plain_json, redaction
from agent_otel import semconv as s
from agent_otel.shell import facts, journal
from agent_otel.shell.claude_code import beginning
from agent_otel.shell.lineage import CORRELATED_WITH
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from agent_otel.open_execution import OpenExecution
    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session
    from agent_otel.shell.journal import Journal

#: What a session is told when a sub-agent in the background is done: a prompt that no user typed.
_NOTIFICATION: Final = "<task-notification>"
_MAX_DESCRIPTION: Final = 200


def submitted(session: Session, payload: Payload) -> None:
    """The execution of a prompt begins; or the user says more while it goes on (2.1.330: with the same prompt id)."""
    text = payload.text("prompt")
    if _is_told_more(session, payload, text):
        return
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


def _is_told_more(session: Session, payload: Payload, text: str) -> bool:
    """Whether the execution has another prompt already; then this one is added to it."""
    execution = session.executions.find(session.execution_id(payload.prompt_id))
    if execution is None:
        return False
    notes = journal.read(session.executions, execution.execution_id)
    digest = content.prompt_facts(text)[s.PROMPT_SHA256]
    if notes.attributes.get(s.PROMPT_SHA256, digest) == digest:
        return False
    if session.is_first("told more", payload.prompt_id, str(digest)):
        _add(session, payload, execution, _all_said(notes, text))
    return True


def _all_said(notes: Journal, text: str) -> dict[str, Any]:
    """The messages up to now; only the last one where the others were not kept."""
    before = notes.latest.get(s.GEN_AI_INPUT_MESSAGES) or notes.attributes.get(s.GEN_AI_INPUT_MESSAGES)
    messages = [*plain_json.loads(before or "[]"), *plain_json.loads(content.messages("user", text))]
    texts = [part["content"] for message in messages for part in message["parts"]]
    return {**content.prompt_facts("\n".join(texts)), s.GEN_AI_INPUT_MESSAGES: plain_json.dumps(messages)}


def _add(session: Session, payload: Payload, execution: OpenExecution, said: dict[str, Any]) -> None:
    records = Records(session.settings)
    event = records.event(
        s.EVENT_PROGRESS,
        payload.received,
        f"{execution.agent_name} was told more",
        facts.identity_of(execution),
        {s.EVENT_ID: identity.spelled(identity.new_uuid()), s.HARNESS: beginning.HARNESS, **said},
        trace_id=execution.trace_id,
        span_id=execution.span_id,
        flags=execution.trace_flags,
    )
    kept = dict(redaction.clean(said, session.settings.capture))
    session.executions.append(f"{execution.execution_id}.events", journal.progress_line(event, kept, {}))
    session.send(records.records)


def _between(text: str, before: str, after: str) -> str:
    return text.partition(before)[2].partition(after)[0].strip()
