"""An execution begins: that of a prompt, or of a sub-agent."""

from __future__ import annotations

from agent_otel import identity, redaction
from agent_otel import semconv as s
from agent_otel.open_execution import OpenExecution
from agent_otel.shell import facts, journal, started, trace_context
from agent_otel.shell.claude_code import regular_file, transcript
from agent_otel.shell.claude_code.owner import owner
from agent_otel.shell.claude_code.session import RUN
from agent_otel.shell.lineage import CORRELATED_WITH, Lineage
from agent_otel.shell.records import Records
from agent_otel.shell.trace_context import SAMPLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session

HARNESS: Final = "claude-code"
PROVIDER: Final = "anthropic"


def execution_of(session: Session, payload: Payload) -> OpenExecution:
    """The execution that an event is about; it begins here when its own beginning was not seen, or not yet."""
    found = session.executions.find(session.execution_id(payload.agent_id or payload.prompt_id))
    return found or opened(session, payload, place_of(session, payload))


def place_of(session: Session, payload: Payload) -> Lineage:
    """Where the execution stands: a prompt in a trace of its own, named by its id, or in that of the execution around
    the CLI; a sub-agent in the trace of the prompt that it serves.
    """
    if payload.agent_id:
        prompt = session.executions.find(session.execution_id(payload.prompt_id))
        if prompt is not None:
            place = Lineage(prompt.trace_id, prompt.correlation_id)
            place.flags = prompt.trace_flags
            return place
    named = payload.prompt_id
    if identity.parse(named) == 0:  # which no trace can have
        named = f"{session.session_id}/{named}"
    place = Lineage(identity.trace_id(named), named)
    if identity.version(identity.parse(named) or 0) != 4:
        place.flags = SAMPLED  # whether its last seven bytes are random is not known
    around, enclosing = trace_context.inherited(), trace_context.baggage().get(s.EXECUTION_ID)
    if around is not None and enclosing and identity.parse(enclosing):
        place.trace_id, place.correlation_id = around.trace_id, identity.spelled(around.trace_id)
        place.flags = around.flags | SAMPLED  # an audit trail has no holes
        if not payload.agent_id:
            place.parent_span_id, place.trace_state, place.parent_execution_id = (
                around.span_id,
                around.trace_state,
                enclosing,
            )
    elif around is not None and not payload.agent_id:
        place.links.append((around.trace_id, around.span_id, CORRELATED_WITH))
    return place


def opened(session: Session, payload: Payload, place: Lineage) -> OpenExecution:
    """Note the execution as one that goes on; told again, the one that was noted."""
    number = identity.parse(session.execution_id(payload.agent_id or payload.prompt_id)) or 0
    execution = OpenExecution(
        execution_id=identity.spelled(number),
        trace_id=place.trace_id,
        span_id=identity.execution_span_id(number),
        trace_flags=place.flags,
        agent_name=(payload.agent_type or "sub-agent") if payload.agent_id else session.agent_name,
        started_at=payload.received,
        correlation_id=place.correlation_id,
        session_id=session.session_id,
        project=session.settings.project,
    )
    if not session.executions.add(execution):
        return session.executions.find(execution.execution_id) or execution
    session.executions.append(
        f"{execution.execution_id}.events", journal.start_line(stated_of(session, payload), {}, place)
    )
    if not session.executions.is_closed(execution.execution_id):
        session.note(f"{execution.execution_id}{RUN}", run_of(payload))
    return execution


def begin(session: Session, payload: Payload, place: Lineage, own: Mapping[str, Any], metadata: dict[str, Any]) -> None:
    """Say once that the execution began, with what is known of it."""
    execution = opened(session, payload, place)
    capture = session.settings.capture
    attributes = dict(redaction.clean({**stated_of(session, payload), **own}, capture))
    if place.parent_execution_id:
        attributes[s.PARENT_EXECUTION_ID] = place.parent_execution_id
    if not session.executions.is_closed(execution.execution_id):
        line = journal.start_line(attributes, metadata, place)
        session.executions.append(f"{execution.execution_id}.events", line)
    if not session.is_first("began", execution.execution_id):
        return
    records = Records(session.settings)
    started.add(records, execution, {**attributes, **facts.metadata(metadata)}, started.event_id(execution))
    session.send(records.records)


def stated_of(session: Session, payload: Payload) -> dict[str, Any]:
    """What every execution of this harness states."""
    stated = {
        s.HARNESS: HARNESS,
        s.PROMPT_ID: payload.prompt_id,
        s.GEN_AI_CONVERSATION_ID: session.session_id,
        s.GEN_AI_PROVIDER_NAME: PROVIDER,
        s.CAPTURE_MODE: session.settings.capture,
    }
    return {**stated, s.AGENT_INSTANCE_ID: payload.agent_id} if payload.agent_id else stated


def run_of(payload: Payload) -> dict[str, Any]:
    """What whoever ends the execution has to know."""
    path = payload.transcript
    is_told = payload.event == "UserPromptSubmit" and not transcript.is_answered(path, payload.prompt_id)
    return {
        "session_id": payload.session_id,
        "prompt_id": payload.prompt_id,
        "agent_id": payload.agent_id,
        "agent_type": payload.agent_type,
        "transcript": path,
        "offset": regular_file.size(path) if is_told else None,
        "began": payload.received,
        "owner": owner(),
    }
