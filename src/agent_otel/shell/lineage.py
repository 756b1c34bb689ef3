"""Where an execution belongs when a shell starts it: the rules of `agent_otel.lineage`, without the SDK.

Trace: --traceparent > --correlation-id > that of --parent-execution-id > ``TRACEPARENT`` > new. Parent: the same order,
the first that lies in that trace; what lies in another trace becomes a link.
"""

from __future__ import annotations

import os

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.shell import trace_context
from agent_otel.shell.trace_context import RANDOM, SAMPLED, RemoteSpan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from agent_otel.open_execution import ExecutionFolder
    from agent_otel.shell.call import Call

DELEGATED_BY: Final = "delegated_by"
CORRELATED_WITH: Final = "correlated_with"


class Lineage:
    """`links`: trace id, span id, kind. Session and correlation id are those that the parent hands down."""

    __slots__ = (
        *("correlation_id", "flags", "links", "parent_execution_id", "parent_span_id", "session_id", "trace_id"),
        "trace_state",
    )

    def __init__(self, trace_id: int, correlation_id: str) -> None:
        self.trace_id = trace_id
        self.correlation_id = correlation_id
        self.flags = SAMPLED | RANDOM
        self.parent_span_id = 0
        self.parent_execution_id: str | None = None
        self.trace_state = ""
        self.session_id: str | None = None
        self.links: list[tuple[int, int, str]] = []


def lineage(call: Call, folder: ExecutionFolder) -> Lineage:
    """Place the execution that `call` starts."""
    values, members = call.values, trace_context.baggage()
    enclosing_id = members.get(s.EXECUTION_ID)
    given: str | None = values.get("parent_execution_id")
    known = folder.find(given) if given else None
    correlation: str | None = values.get("correlation_id")
    candidates = _candidates(call, given, enclosing_id, folder)
    place = _placed(correlation, candidates, has_traceparent=bool(candidates and values.get("traceparent")))
    if correlation is None and known is not None and known.trace_id == place.trace_id:
        place.correlation_id = known.correlation_id
    for span, kind in candidates:
        if span.trace_id != place.trace_id:
            place.links.append((span.trace_id, span.span_id, kind))
        elif not place.parent_span_id:
            place.parent_span_id, place.trace_state = span.span_id, span.trace_state
            place.flags = span.flags | SAMPLED  # an audit trail has no holes
    place.parent_execution_id = given or enclosing_id
    place.session_id = known.session_id if known else members.get(s.SESSION_ID)
    return place


def _placed(correlation: str | None, candidates: list[tuple[RemoteSpan, str]], *, has_traceparent: bool) -> Lineage:
    """The trace, with the flags that it has should it be new."""
    if correlation and not has_traceparent:
        place = Lineage(identity.trace_id(correlation), correlation)
        if identity.version(identity.parse(correlation) or 0) != 4:
            place.flags = SAMPLED  # whether its last seven bytes are random is not known
        return place
    trace_id = candidates[0][0].trace_id if candidates else identity.new_uuid()
    return Lineage(trace_id, correlation or identity.spelled(trace_id))


def _candidates(
    call: Call, given: str | None, enclosing_id: str | None, folder: ExecutionFolder
) -> list[tuple[RemoteSpan, str]]:
    """Spans that could be the parent, the most explicit first."""
    explicit: str | None = call.values.get("traceparent")
    inherited = os.environ.get("TRACEPARENT", "")
    found: list[tuple[RemoteSpan | None, str]] = []
    if explicit:
        found.append((_parsed(call, "--traceparent", explicit, ""), CORRELATED_WITH))
    if given and given != enclosing_id:
        found.append((_parent_span(call, given, folder), DELEGATED_BY))
    if inherited:
        kind = DELEGATED_BY if enclosing_id else CORRELATED_WITH
        state = os.environ.get("TRACESTATE", "")
        found.append((_parsed(call, "$TRACEPARENT", inherited, state), kind))
    return [(span, kind) for span, kind in found if span is not None]


def _parsed(call: Call, name: str, traceparent: str, trace_state: str) -> RemoteSpan | None:
    found = trace_context.parse(traceparent, trace_state)
    if found is None and name.startswith("--"):
        call.arguments.refuse(name, traceparent, f"{name} {traceparent[:80]!r}: expected 00-<32 hex>-<16 hex>-<2 hex>")
    elif found is None:
        call.problem(f"{name} {traceparent[:80]!r} is malformed and ignored")
    return found


def _parent_span(call: Call, parent: str, folder: ExecutionFolder) -> RemoteSpan | None:
    """The parent's span: as known here, else derived from its id and the correlation id, else unknown."""
    known = folder.find(parent)
    if known is not None:
        return RemoteSpan(known.trace_id, known.span_id, known.trace_flags)
    correlation, number = call.values.get("correlation_id"), identity.parse(parent)
    if correlation is None or number is None:
        return None
    return RemoteSpan(identity.trace_id(correlation), identity.execution_span_id(number), SAMPLED)
