"""Identity for programs that have the `uuid` module loaded; the rules themselves are in `agent_otel.identity`."""

import uuid

from agent_otel import identity


def new_uuid() -> uuid.UUID:
    """Mint a random (version 4) UUID."""
    return uuid.uuid4()


def trace_id(correlation_id: str | uuid.UUID) -> int:
    """Turn a correlation id into a 128-bit trace id; see `identity.trace_id`."""
    return identity.trace_id(str(correlation_id))


def correlation_uuid(trace: int) -> uuid.UUID:
    """The trace id as the UUID that SQL shows as correlation_id."""
    return uuid.UUID(int=trace)


def execution_span_id(execution_id: uuid.UUID) -> int:
    """The 64-bit span id of an execution; see `identity.execution_span_id`."""
    return identity.execution_span_id(execution_id.int)


def step_span_id(execution_id: uuid.UUID, step_id: str | None = None) -> int:
    """The 64-bit span id of a step; see `identity.step_span_id`."""
    return identity.step_span_id(str(execution_id), step_id)


def foreign_execution_id(trace_hex: str, span_hex: str) -> uuid.UUID:
    """The execution id of a span that carries none: stable, so that a replay meets its own row."""
    return uuid.UUID(int=identity.named_uuid(identity.NAMESPACE, f"{trace_hex}:{span_hex}"))


def event_id(execution_id: uuid.UUID, event_name: str) -> uuid.UUID:
    """The id of an event that happens once in an execution (start, completion): a retry meets its own."""
    return uuid.UUID(int=identity.named_uuid(execution_id.int, event_name))


def parse_uuid(text: str) -> uuid.UUID | None:
    """The UUID that `text` spells (dashes optional, any version), or None."""
    if len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
