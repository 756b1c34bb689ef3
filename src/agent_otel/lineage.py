"""Where an execution belongs: its trace, its parent span, its links.

Trace: traceparent > correlation id > the given parent execution's > the current span's > ``TRACEPARENT`` > new. Parent:
the same order, the first that lies in that trace; what lies in another trace becomes a link, never a silent change of
trace.
"""

import uuid
from typing import Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.client import Client
from agent_otel.guard import warn_once
from agent_otel.intent import Intent
from agent_otel.open_execution import OpenExecution
from agent_otel.propagation import context_of

DELEGATED_BY: Final = "delegated_by"
CORRELATED_WITH: Final = "correlated_with"


class Lineage(NamedTuple):
    """`context` holds the parent span; `new_trace_id` is None when that decides the trace."""

    context: Context
    links: list[Link]
    trace_id: int
    new_trace_id: int | None
    random_trace_id: bool
    correlation_id: str
    parent_execution_id: str | None


class _Candidate(NamedTuple):
    span: SpanContext
    link_type: str


def lineage(
    intent: Intent, enclosing: OpenExecution | None, enclosing_id: str | None, ambient: Context, client: Client
) -> Lineage:
    """Place an execution in the context `ambient`.

    `enclosing` is the execution around it in this process, `enclosing_id` the id of that, or of the one in the process
    that started this one.
    """
    correlated = _correlated(intent)
    given = given_uuid(intent.parent_execution_id, "parent_execution_id")
    candidates = _candidates(intent, given, enclosing_id, ambient, client)
    chosen, is_random = _trace(intent, correlated, candidates, client)
    parent = next((c for c in candidates if c.span.trace_id == chosen), None)
    return Lineage(
        context=_context(parent, ambient),
        links=[Link(c.span, {s.LINK_TYPE: c.link_type}) for c in candidates if c.span.trace_id != chosen],
        trace_id=chosen,
        new_trace_id=None if parent else chosen,
        random_trace_id=is_random,
        correlation_id=_correlation_id(intent if correlated else None, enclosing, chosen),
        parent_execution_id=str(given) if given else enclosing_id,
    )


def _correlation_id(asked: Intent | None, enclosing: OpenExecution | None, trace_id: int) -> str:
    """As given, else as the enclosing execution of the same trace has it, else the trace id."""
    if asked is not None:
        return str(asked.correlation_id)
    if enclosing is not None and enclosing.trace_id == trace_id:
        return enclosing.correlation_id
    return str(ids.correlation_uuid(trace_id))


def given_uuid(execution_id: str | uuid.UUID | None, argument: str) -> uuid.UUID | None:
    """The id that the caller gave; None, with a warning, for what is not a UUID."""
    if execution_id is None or isinstance(execution_id, uuid.UUID):
        return execution_id
    parsed = ids.parse_uuid(str(execution_id))
    if parsed is None:
        warn_once(f"agent_otel: {argument}={execution_id!r} is not a UUID and is ignored")
    return parsed


def ambient_context(root: Context) -> Context:
    """The current context; at the top of the program, `root`: the one that the environment names."""
    current = otel_context.get_current()
    if not root or trace.get_current_span(current).get_span_context().is_valid:
        return current
    return Context({**root, **current})


def _candidates(
    intent: Intent,
    given_parent: uuid.UUID | None,
    enclosing_id: str | None,
    ambient: Context,
    client: Client,
) -> list[_Candidate]:
    """Spans that could be the parent, the most explicit first."""
    found: list[_Candidate] = []
    if intent.traceparent:
        explicit = context_of({"traceparent": intent.traceparent})
        found.append(_Candidate(trace.get_current_span(explicit).get_span_context(), CORRELATED_WITH))
    if given_parent and str(given_parent) != enclosing_id:
        found.append(_Candidate(_parent_span(given_parent, intent, client), DELEGATED_BY))
    here = trace.get_current_span(ambient).get_span_context()
    found.append(_Candidate(here, DELEGATED_BY if enclosing_id else CORRELATED_WITH))
    return [candidate for candidate in found if candidate.span.is_valid]


def _parent_span(parent: uuid.UUID, intent: Intent, client: Client) -> SpanContext:
    """The parent execution's span: as known here, else derived from its id and the correlation id, else invalid."""
    known = client.find(str(parent))
    if known:
        return SpanContext(known.trace_id, known.span_id, is_remote=True, trace_flags=TraceFlags(known.trace_flags))
    correlated = _correlated(intent)
    if correlated is None:
        return trace.INVALID_SPAN_CONTEXT
    span_id = ids.execution_span_id(parent)
    return SpanContext(correlated[0], span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _correlated(intent: Intent) -> tuple[int, bool] | None:
    """The trace id that the correlation id asks for, and whether its last seven bytes are random.

    Those of a version 4 UUID are (its fixed bits lie before them); of any other we do not know.
    """
    if not intent.correlation_id:
        return None
    try:
        chosen = ids.trace_id(intent.correlation_id)
    except ValueError as error:
        warn_once(f"agent_otel: {error}; a new one is used")
        return None
    given = ids.parse_uuid(str(intent.correlation_id))
    return chosen, given is not None and given.version == 4


def _trace(
    intent: Intent, correlated: tuple[int, bool] | None, candidates: list[_Candidate], client: Client
) -> tuple[int, bool]:
    """The trace id, and whether it counts as random should it be new."""
    if correlated and not intent.traceparent:
        return correlated
    if candidates:
        return candidates[0].span.trace_id, False
    return correlated or (client.new_uuid().int, True)


def _context(parent: _Candidate | None, ambient: Context) -> Context:
    if parent is None:
        return trace.set_span_in_context(trace.INVALID_SPAN, ambient)
    if trace.get_current_span(ambient).get_span_context() == parent.span:
        return ambient
    return trace.set_span_in_context(NonRecordingSpan(parent.span), ambient)
