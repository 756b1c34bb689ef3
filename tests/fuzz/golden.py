"""Good requests, to be spoilt: spans with every kind of value, ids of their own for every request."""

import random
import time
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.fuzz.payload import SpanId

#: Today: spoilt times must not use up the days that may be made, and if they do, not this one.
NOW_NS: Final = time.time_ns()
_KEYS: Final = ("gen_ai.prompt", "gen_ai.tool.name", "aotel.execution.id", "gen_ai.usage.input_tokens", "a", "b.c", "é")


def request(rng: random.Random, spans: int) -> ExportTraceServiceRequest:
    """A request with this many good spans of one trace."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url="https://example.com/schema")
    group.resource.attributes.add(key="service.name").value.string_value = f"fuzz-{rng.randrange(5)}"
    scope = group.scope_spans.add()
    scope.scope.name = "fuzz"
    trace_id = rng.randbytes(16)
    scope.spans.extend(_span(rng, trace_id) for _ in range(spans))
    return request


def logs(rng: random.Random, records: int) -> ExportLogsServiceRequest:
    """A request with this many good log records."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for _ in range(records):
        record = scope.log_records.add(
            trace_id=rng.randbytes(16), span_id=rng.randbytes(8), event_name="aotel.execution.progress"
        )
        record.time_unix_nano = NOW_NS + rng.randrange(10**9)
        record.attributes.extend(_attributes(rng))
        record.body.CopyFrom(_value(rng, 0))
    return request


def ids(request: ExportTraceServiceRequest) -> tuple[SpanId, ...]:
    """The ids of its spans."""
    return tuple((span.trace_id, span.span_id) for group in request.resource_spans for span in _spans(group))


def _spans(group: Any) -> list[Span]:
    return [span for scope in group.scope_spans for span in scope.spans]


def _span(rng: random.Random, trace_id: bytes) -> Span:
    start = NOW_NS + rng.randrange(10**9)
    span = Span(
        trace_id=trace_id,
        span_id=rng.randbytes(8),
        parent_span_id=rng.choice((b"", rng.randbytes(8))),
        name=rng.choice(("invoke_agent", "chat", "", "n" * 300)),
        kind=rng.choice((Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CLIENT)),
        start_time_unix_nano=start,
        end_time_unix_nano=start + rng.randrange(10**9),
        attributes=_attributes(rng),
    )
    if rng.random() < 0.3:
        span.events.add(name="exception", time_unix_nano=start, attributes=_attributes(rng))
    if rng.random() < 0.3:
        span.links.add(trace_id=rng.randbytes(16), span_id=rng.randbytes(8), attributes=_attributes(rng))
    if rng.random() < 0.3:
        span.status.CopyFrom(Status(code=rng.choice(Status.StatusCode.values()), message="message"))
    return span


def _attributes(rng: random.Random) -> list[KeyValue]:
    keys = rng.sample(_KEYS, rng.randrange(len(_KEYS)))
    return [KeyValue(key=key, value=_value(rng, 0)) for key in keys]


def _value(rng: random.Random, depth: int) -> AnyValue:
    kind = rng.randrange(6 if depth > 2 else 8)
    value = AnyValue()
    if kind == 6:
        value.array_value.values.extend(_value(rng, depth + 1) for _ in range(rng.randrange(4)))
    elif kind == 7:
        for number in range(rng.randrange(4)):
            value.kvlist_value.values.add(key=f"k{number}").value.CopyFrom(_value(rng, depth + 1))
    else:
        leaves: tuple[dict[str, Any], ...] = (
            *({"string_value": "text" * rng.randrange(40)}, {"bool_value": True}, {"int_value": rng.randrange(2**40)}),
            *({"double_value": rng.random()}, {"bytes_value": rng.randbytes(5)}, {}),
        )
        value = AnyValue(**leaves[kind])
    return value
