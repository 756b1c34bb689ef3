"""Claude Code's own telemetry: what its log records and spans say of executions that its hooks tell us of.

Those records are stored like any other, but are neither executions nor steps of ours: the hooks' records are. A log
record belongs to the execution of its prompt, or of the sub-agent that it names. `api_request` tells of one model
request; the span of that request says which sub-agent made it, which the log records of older versions do not.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from agent_otel import identity, semconv
from agent_otel.exporter.model_requests import UNNAMED, by_telemetry, id_text, owned_by
from agent_otel.store.rows import EventRow, ExecutionFacts, ModelRequest, SpanRow

#: How the names of its instrumentation scopes begin; one has the spans, another the log records.
_SCOPE: Final = "com.anthropic.claude_code"
_PROMPT_ID: Final = "prompt.id"
_AGENT_ID: Final = "agent_id"
_REQUEST_ID: Final = "request_id"
_EVENT_NAME: Final = "event.name"
_API_REQUEST: Final = "api_request"
#: The same where it stands as the record's own name or body.
_API_REQUEST_NAMES: Final = ("claude_code.api_request", b'"claude_code.api_request"')
_LLM_REQUEST: Final = "claude_code.llm_request"


def is_scope(name: str) -> bool:
    """Whether an instrumentation scope of that name is Claude Code's."""
    return name.startswith(_SCOPE)


def execution_id(attributes: Mapping[str, Any]) -> bytes | None:
    """The execution that a log record belongs to: of its sub-agent, else of its prompt; None when it names neither."""
    owner = _execution(attributes, _AGENT_ID) or _execution(attributes, _PROMPT_ID)
    return owner.bytes if owner else None


def of_event(row: EventRow, attributes: Mapping[str, Any]) -> ExecutionFacts | None:
    """What a log record says of a model request; None for any other. It never states facts of an execution."""
    if not _is_api_request(row, attributes) or row.execution_id is None:
        return None
    session_id, told = id_text(attributes.get(semconv.SESSION_ID)), by_telemetry(attributes, row)
    if session_id is None or told is None:
        return None
    owners = owned_by(agent=_execution(attributes, _AGENT_ID), prompt=_execution(attributes, _PROMPT_ID))
    request_id = id_text(attributes.get(_REQUEST_ID)) or f"{UNNAMED}{row.event_id.hex()}"
    request = ModelRequest(session_id, request_id, told | owners)
    return ExecutionFacts(uuid.UUID(bytes=row.execution_id), {}, {}, (request,))


def of_span(row: SpanRow, attributes: Mapping[str, Any]) -> ExecutionFacts | None:
    """Which sub-agent made a model request, where the span says so; None for any other span."""
    agent = _execution(attributes, _AGENT_ID) if row.name == _LLM_REQUEST else None
    session_id = id_text(attributes.get(semconv.SESSION_ID))
    request_id = id_text(attributes.get(_REQUEST_ID))
    if agent is None or session_id is None or request_id is None:
        return None
    return ExecutionFacts(agent, {}, {}, (ModelRequest(session_id, request_id, owned_by(agent=agent)),))


def _is_api_request(row: EventRow, attributes: Mapping[str, Any]) -> bool:
    return (
        attributes.get(_EVENT_NAME) == _API_REQUEST
        or row.event_name in _API_REQUEST_NAMES
        or row.body in _API_REQUEST_NAMES
    )


def _execution(attributes: Mapping[str, Any], key: str) -> uuid.UUID | None:
    """The execution of a prompt or of a sub-agent, by the id in that attribute."""
    session_id, own_id = attributes.get(semconv.SESSION_ID), attributes.get(key)
    if not (isinstance(session_id, str) and isinstance(own_id, str) and session_id and own_id):
        return None
    return uuid.UUID(int=identity.named_uuid(identity.NAMESPACE, f"{session_id}/{own_id}"))
