"""delegate(): hand a task to another agent, and have on the disk why and what for before it begins."""

import os
import uuid
from collections.abc import Mapping, Sequence

from agent_otel.execution_span import Execution
from agent_otel.tracing import check_name, execution


def delegate(
    agent: str,
    *,
    prompt: object,
    user_request: str | None = None,
    reasoning: str | None = None,
    expected_outcome: str | None = None,
    criteria: Sequence[str] = (),
    risk: str | None = None,
    context: object = None,
    instructions: str | None = None,
    configuration: object = None,
    tools: Sequence[object] = (),
    track_files: str | os.PathLike[str] | None = None,
    description: str | None = None,
    session_id: str | None = None,
    correlation_id: str | uuid.UUID | None = None,
    execution_id: str | uuid.UUID | None = None,
    parent_execution_id: str | uuid.UUID | None = None,
    traceparent: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    agent_version: str | None = None,
    agent_description: str | None = None,
    agent_instance_id: str | None = None,
    conversation_id: str | None = None,
    external_id: str | None = None,
    priority: str | None = None,
    triggered_by: str | None = None,
    user_id: str | None = None,
    metadata: Mapping[str, object] | None = None,
    project: str | None = None,
) -> Execution:
    """Hand a task to the agent named `agent`: ``with delegate("reviewer", prompt="Go") as run:``, or as a decorator.

    It is an `execution` with a durable start: when the block runs, all of this is on the disk, whatever happens next.

    - prompt: exactly what is sent to the agent, a text or a list of messages (content); its length is measured.
    - user_request: what the user asked for, word for word (content).
    - reasoning: why this agent was chosen (content).
    - expected_outcome: what should come of it; a verdict compares it with what came.
    - criteria: how to tell that it succeeded, one text each; `Execution.criteria` adds more later.
    - risk: what may go wrong.
    - context: background handed over (content).
    - instructions: special instructions, the system prompt (content).
    - configuration: how the agent is set up: an object, kept as JSON, or any text.
    - tools: the tools available to it: names, or definitions as objects (content).
    - track_files: a folder; which of its files change meanwhile is found by git, or by time and size, and kept.
    - description: the task in a sentence, for lists.
    - session_id: default: the enclosing execution's, else AGENT_OTEL_SESSION_ID, else a new one.
    - correlation_id: the trace to belong to; default: the enclosing execution's.
    - execution_id: a UUID of your own, which makes a retry the same execution.
    - parent_execution_id: who delegates; default: the enclosing execution.
    - traceparent: a W3C parent; default: the current span, else ``TRACEPARENT``.
    - model, provider: the model asked for, and who runs it.
    - agent_version, agent_description, agent_instance_id: the agent's version, what it is, this run of it.
    - conversation_id, external_id: its ids in the harness and in another system.
    - priority: high, medium or low.
    - triggered_by, user_id: a user or the name of another agent; the person on whose behalf.
    - metadata: anything else, merged by key.
    - project: default: AGENT_OTEL_PROJECT, else the git repository's name.
    """
    arguments = locals()
    check_name("delegate", agent)
    return execution(**arguments, durable=True)
