"""The start of an execution: its ids, its span, its start event."""

import uuid
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, TraceFlags

from agent_otel import ids, intent, step_intent
from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, text
from agent_otel.client import Client
from agent_otel.execution_events import ExecutionEvents
from agent_otel.intent import Intent
from agent_otel.lineage import CORRELATED_WITH, Lineage, ambient_context, given_uuid, lineage
from agent_otel.open_execution import OpenExecution
from agent_otel.propagation import baggage_value
from agent_otel.provider import get_client


class Started(NamedTuple):
    """A running execution. `facts` is what its end repeats."""

    client: Client
    record: OpenExecution
    span: Span
    events: ExecutionEvents
    facts: dict[str, Value]
    step_attributes: dict[str, Value]


def start(arguments: Intent, enclosing: OpenExecution | None) -> tuple[Started, Context]:
    """Start the execution and say so; returns the context in which its span is current, too.

    When this returns, the start event is in the spool; with `durable`, on the disk.
    """
    client = get_client()
    ambient = ambient_context(client.root_context)
    enclosing_id = enclosing.execution_id if enclosing else baggage_value(s.EXECUTION_ID, ambient)
    line = lineage(arguments, enclosing, enclosing_id, ambient, client)
    session = _session(arguments, client, enclosing, ambient)
    begun = client.clock()
    wanted = given_uuid(arguments.execution_id, "execution_id") or client.new_uuid()
    facts = intent.facts(arguments)
    facts[s.CAPTURE_MODE] = client.settings.capture
    content = intent.contents(arguments)
    identity = _identity(arguments, client, line, session, str(wanted))
    span = client.start_span(
        f"{s.OPERATION_INVOKE_AGENT} {identity[s.GEN_AI_AGENT_NAME]}",
        SpanKind.INTERNAL,
        line.context,
        {s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT, **identity, **facts, **content},
        begun,
        links=line.links,
        trace_id=line.new_trace_id,
        span_id=ids.execution_span_id(wanted),
        random_trace_id=line.random_trace_id,
    )
    execution_id = _settled_id(arguments, line, wanted, span)
    record = _record(execution_id, span.get_span_context(), line, identity, begun)
    events = ExecutionEvents(client, record, line.parent_execution_id, span)
    if client.enabled:
        _announce(events, arguments, record, facts, content)
        if arguments.execution_id:  # known outside already
            client.folder.add(record)
    started = Started(client, record, span, events, facts, step_intent.of_execution(record))
    return started, trace.set_span_in_context(span, line.context)


def _session(arguments: Intent, client: Client, enclosing: OpenExecution | None, ambient: Context) -> str:
    inherited = enclosing.session_id if enclosing else baggage_value(s.SESSION_ID, ambient)
    return text(str(arguments.session_id or client.settings.session_id or inherited or client.new_uuid()))


def _identity(arguments: Intent, client: Client, line: Lineage, session: str, execution_id: str) -> dict[str, Value]:
    identity: dict[str, Value] = {
        s.GEN_AI_AGENT_NAME: text(str(arguments.agent)),
        s.EXECUTION_ID: execution_id,
        s.CORRELATION_ID: text(line.correlation_id),
        s.SESSION_ID: session,
    }
    project = arguments.project or client.project
    if project:
        identity[s.PROJECT] = text(str(project))
    if line.parent_execution_id:
        identity[s.PARENT_EXECUTION_ID] = line.parent_execution_id
    return identity


def _settled_id(arguments: Intent, line: Lineage, wanted: uuid.UUID, span: Span) -> str:
    """The execution's id: the wanted one, or, where the provider chose the span's ids, the one that follows from them.

    A trace id that was asked for and not given becomes a link.
    """
    here = span.get_span_context()
    if not here.is_valid or (here.span_id == ids.execution_span_id(wanted) and here.trace_id == line.trace_id):
        return str(wanted)
    if arguments.correlation_id and here.trace_id != line.trace_id:
        there = SpanContext(line.trace_id, ids.execution_span_id(wanted), is_remote=True, trace_flags=TraceFlags(1))
        span.add_link(there, {s.LINK_TYPE: CORRELATED_WITH})
    if arguments.execution_id:
        return str(wanted)
    derived = str(ids.foreign_execution_id(f"{here.trace_id:032x}", f"{here.span_id:016x}"))
    span.set_attribute(s.EXECUTION_ID, derived)
    return derived


def _record(
    execution_id: str, here: SpanContext, line: Lineage, identity: dict[str, Value], begun: int
) -> OpenExecution:
    project = identity.get(s.PROJECT)
    return OpenExecution(
        execution_id=execution_id,
        trace_id=here.trace_id,
        span_id=here.span_id,
        trace_flags=int(here.trace_flags),
        agent_name=str(identity[s.GEN_AI_AGENT_NAME]),
        started_at=begun,
        correlation_id=line.correlation_id,
        session_id=str(identity[s.SESSION_ID]),
        project=None if project is None else str(project),
    )


def _announce(
    events: ExecutionEvents,
    arguments: Intent,
    record: OpenExecution,
    facts: dict[str, Value],
    content: dict[str, Value],
) -> None:
    attributes: dict[str, Value] = {
        s.EXECUTION_STATUS: "in_progress",
        s.EXECUTION_START_NS: record.started_at,
        **facts,
        **content,
    }
    if arguments.metadata:
        attributes[s.METADATA] = json_text(arguments.metadata)
    events.send(
        s.EVENT_STARTED,
        f"{record.agent_name} started",
        attributes,
        time_ns=record.started_at,
        event_id=ids.event_id(uuid.UUID(record.execution_id), s.EVENT_STARTED),
        durable=arguments.durable,
    )
