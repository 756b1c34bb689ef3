"""The span helpers: execution, step, log_step, current_execution."""

import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Unpack

from opentelemetry import context as otel_context
from opentelemetry.trace import TraceFlags

from agent_otel import ids, measured_step
from agent_otel.attribute_value import texts
from agent_otel.client import Client
from agent_otel.errors import UnknownExecutionError
from agent_otel.execution_span import Execution, running_execution
from agent_otel.guard import Guard
from agent_otel.intent import Intent
from agent_otel.lineage import given_uuid
from agent_otel.measured_step import StepDetails
from agent_otel.model import StepKind
from agent_otel.open_execution import OpenExecution
from agent_otel.provider import get_client
from agent_otel.step_intent import StepIntent
from agent_otel.step_span import Step


def execution(
    agent: str,
    *,
    description: str | None = None,
    prompt: object = None,
    context: object = None,
    instructions: str | None = None,
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
    tools: Sequence[object] = (),
    durable: bool = False,
    user_request: str | None = None,
    reasoning: str | None = None,
    expected_outcome: str | None = None,
    criteria: Sequence[str] = (),
    risk: str | None = None,
    configuration: object = None,
    track_files: str | os.PathLike[str] | None = None,
) -> Execution:
    """One run of the agent named `agent`: ``with execution("reviewer") as run:``, ``async with``, or a decorator.

    Inside another execution it is that one's child, in its trace; with another `correlation_id` (a UUID is the trace
    id, other text is hashed to one) in a trace of its own, with a link. Decorated: each call is a new execution, which
    `current_execution()` gives. description: the task in a sentence; prompt, context, instructions, tools: content, see
    AGENT_OTEL_CAPTURE; traceparent: a W3C parent (``TRACEPARENT`` is read by itself); durable: have the start on the
    disk before the block runs; user_request … track_files: as `delegate` explains them. An exception that leaves the
    block makes it an error and is raised on; Ctrl-C and the like make it cancelled. Wrong values are ignored with one
    warning each. Processor time and largest memory are measured: of the whole process and its ended children.
    """
    criteria = texts(criteria) if criteria else criteria
    # The parameters are the fields, in their order: by name it would take three times as long.
    intent = Intent._make(locals().values())
    check_name("execution", agent)
    return Execution(intent)


def step(
    name: str,
    *,
    kind: StepKind = "tool",
    action: str | None = None,
    input: object = None,  # noqa: A002 - the public spelling
    model: str | None = None,
    provider: str | None = None,
    step_id: str | None = None,
    tool_call_id: str | None = None,
    sequence: int | None = None,
    batch_size: int | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Step:
    """One step of the current execution: ``with step("pytest", action="run the tests") as call:``, or a decorator.

    kind: tool (`name` is the tool), llm (`name` or `model` is the model), decision, milestone, or error (a recovery).
    action: what is done. input: tool arguments or the messages sent. step_id: your own id of the step, or
    tool_call_id: the harness's; both make the span id predictable. sequence: its place, from 1, when the time does not
    say it. batch_size: how many alike this one step stands for.

    An exception that leaves the block makes the step failed and is raised on; the execution does not fail by it.
    Outside any execution it is an ordinary span, with one warning.
    """
    check_name("step", name)
    return Step(
        StepIntent(
            name=name,
            kind=kind,
            action=action,
            input=input,
            model=model,
            provider=provider,
            step_id=step_id,
            tool_call_id=tool_call_id,
            sequence=sequence,
            batch_size=batch_size,
            metadata=metadata,
        )
    )


def log_step(
    execution_id: str | uuid.UUID,
    *,
    tool: str,
    correlation_id: str | uuid.UUID | None = None,
    agent: str | None = None,
    **details: Unpack[StepDetails],
) -> str | None:
    """Add a step that was measured elsewhere to an execution, which may be another process's, open or over.

    The execution is found among those open in this process, then by its file in the state folder, then by
    `correlation_id` (with `agent` for its name). Returns the step's span id; None, and a logged error that says what to
    do, when it cannot be placed. Details: see `agent_otel.measured_step.StepDetails`, among them action, latency_ms,
    success, tokens, observation.
    """
    with Guard("log_step"):
        client = get_client()
        return measured_step.send(client, _placed(client, execution_id, correlation_id, agent), tool, **details)
    return None


def current_execution() -> Execution | None:
    """The execution around the caller, or None."""
    return running_execution(otel_context.get_current())


def check_name(helper: str, name: object) -> None:
    """Refuse the one mistake that would replace the user's function: a decorator without its parentheses."""
    if callable(name):
        raise TypeError(f'agent_otel.{helper} needs a name: write @agent_otel.{helper}("name")')


def _placed(
    client: Client, execution_id: str | uuid.UUID, correlation_id: str | uuid.UUID | None, agent: str | None
) -> OpenExecution:
    given = given_uuid(execution_id, "execution_id")
    if given is None:
        raise UnknownExecutionError(f"execution_id={execution_id!r} is not a UUID; give the execution's own id")
    known = client.find(str(given))
    if known:
        return known
    if correlation_id is None:
        raise UnknownExecutionError(
            f"execution {given} is not open in this process or on this machine; give correlation_id=… as well"
        )
    return OpenExecution(
        execution_id=str(given),
        trace_id=ids.trace_id(correlation_id),
        span_id=ids.execution_span_id(given),
        trace_flags=int(TraceFlags(TraceFlags.SAMPLED)),
        agent_name=agent or "",
        started_at=0,
        correlation_id=str(correlation_id),
        session_id=client.settings.session_id or "",
    )
