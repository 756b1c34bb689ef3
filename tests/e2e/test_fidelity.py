"""What was sent is what PostgreSQL and Jaeger hold, field by field, through the real Collector."""

import uuid

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.reader import Reader
from tests.fixtures import random_spans
from tests.fixtures.stack import jaeger_trace, post, rows, wait_for

SEED, RESOURCES, SPANS = 20_261_120, 3, 1_000

Parts = tuple[bytes, bytes, bytes]


def canonical(message: Span | Resource | InstrumentationScope) -> bytes:
    """What two records share that differ in nothing but the order of attributes and an empty status."""
    encoded = message.SerializeToString()
    return Canonical(type(message).FromString(encoded), encoded).encoded


#: Other tests of the session put spans into quarantine on purpose.
_REFUSED = "SELECT count(*) FROM quarantine"


def test_a_thousand_random_spans_are_the_same_in_postgresql_and_jaeger(stack: LocalStack) -> None:
    """Every kind of value, events, links and three resources, to the nanosecond, attribute order aside."""
    sent: dict[uuid.UUID, Parts] = {}
    refused = rows(stack, _REFUSED)
    for request in random_spans.requests(SEED, RESOURCES, SPANS):
        post(f"{stack.endpoint}/v1/traces", request.SerializeToString())
        for group in request.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    parts = (canonical(span), canonical(group.resource), canonical(scope.scope))
                    sent[uuid.UUID(bytes=span.trace_id)] = parts
    assert len(sent) == SPANS
    count = "SELECT count(*) FROM spans WHERE trace_id = ANY (%(ids)s)"
    wait_for(lambda: rows(stack, count, {"ids": list(sent)}) == [(SPANS,)], "every span in PostgreSQL")
    assert from_postgresql(stack, list(sent)) == sent
    assert rows(stack, _REFUSED) == refused
    wait_for(lambda: all(jaeger_trace(stack, trace).resource_spans for trace in sent), "every span in Jaeger")
    assert {trace: from_jaeger(stack, trace) for trace in sent} == sent


def from_postgresql(stack: LocalStack, traces: list[uuid.UUID]) -> dict[uuid.UUID, Parts]:
    """The one span of each trace, its resource and its scope, rebuilt from the rows."""
    found = {}
    with Reader(stack.database_url) as reader:
        for trace in traces:
            (row,) = reader.spans(trace)
            resource, scope = reader.resource(row["resource_id"]), reader.scope(row["scope_id"])
            rebuilt = rebuild.span(row), rebuild.resource(resource), rebuild.scope(scope)
            found[trace] = (canonical(rebuilt[0]), canonical(rebuilt[1]), canonical(rebuilt[2]))
    return found


def from_jaeger(stack: LocalStack, trace: uuid.UUID) -> Parts:
    """The one span of a trace, its resource and its scope, as Jaeger gives them."""
    (group,) = jaeger_trace(stack, trace).resource_spans
    (scope,) = group.scope_spans
    (span,) = scope.spans
    return canonical(span), canonical(group.resource), canonical(scope.scope)
