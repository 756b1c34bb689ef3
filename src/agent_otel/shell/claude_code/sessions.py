"""The events of a session itself, in the names of OpenTelemetry's session conventions."""

from __future__ import annotations

import time

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.shell import facts
from agent_otel.shell.claude_code import sweep
from agent_otel.shell.claude_code.beginning import HARNESS
from agent_otel.shell.claude_code.owner import owner
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session


def started(session: Session, payload: Payload) -> None:
    """SessionStart: also when a session is resumed, or its conversation was made shorter."""
    sweep.started(session, payload)
    if payload.agent_type:
        session.note("agent.json", {"agent_type": payload.agent_type})
    _say(session, payload, s.EVENT_SESSION_START, payload.text("source") or "startup")
    _tidy(session, payload)


def ended(session: Session, payload: Payload) -> None:
    """SessionEnd: a process of the session ends; the session may be resumed."""
    sweep.ended(session, payload)
    _say(session, payload, s.EVENT_SESSION_END, payload.text("reason") or "other")


def _tidy(session: Session, payload: Payload) -> None:
    """Remove what is past its time, once a day: where nobody flushes and no stack runs, no other would."""
    day = time.strftime("%Y-%m-%d", time.gmtime(payload.received / 1e9))
    if session.executions.close(session.day_key(day)):
        session.executions.clean_up()


def _say(session: Session, payload: Payload, event: str, why: str) -> None:
    if not session.is_first(event, why, owner(), payload.text("prompt_id")):
        return
    attributes = {
        s.EVENT_ID: identity.spelled(identity.new_uuid()),
        s.HARNESS: HARNESS,
        s.SESSION_ID: session.session_id,
        **({s.PROJECT: session.settings.project} if session.settings.project else {}),
        **facts.metadata({"source" if event == s.EVENT_SESSION_START else "reason": why}),
    }
    records = Records(session.settings)
    sentence = f"session {event.rpartition('.')[2]}: {why}"
    records.event(event, payload.received, sentence, {}, attributes, trace_id=0, span_id=0, flags=0)
    session.send(records.records)
