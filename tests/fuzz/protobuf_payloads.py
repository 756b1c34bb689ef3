"""Spoilt protobuf: one item of a good request, or the request as a whole; over gRPC and HTTP."""

import random
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fuzz import golden
from tests.fuzz.mutation import mutated
from tests.fuzz.payload import OK, PROTOBUF, TAKEN_OR_REFUSED, Payload, SpanId

_HEADERS = {"Content-Type": PROTOBUF}


def spoilt_item(rng: random.Random) -> Payload:
    """A span of random damage among good ones: they are stored; it is, or it is in quarantine."""
    request = golden.request(rng, rng.randrange(1, 5))
    good = golden.ids(request)
    group = request.resource_spans[0]
    scope = group.scope_spans[0]
    raw = mutated(rng, golden.request(rng, 1).resource_spans[0].scope_spans[0].spans[0].SerializeToString())
    items = [span.SerializeToString() for span in scope.spans]
    items.insert(rng.randrange(len(items) + 1), raw)
    resource, schema_url = group.resource.SerializeToString(), group.schema_url.encode()
    body = _framed(resource, scope.scope.SerializeToString(), schema_url, items)
    alone = _framed(resource, scope.scope.SerializeToString(), schema_url, [raw])
    return Payload("protobuf-item", _door(rng), body, OK, good + _readable(raw), alone, headers=_HEADERS)


def spoilt_log_record(rng: random.Random) -> Payload:
    """Likewise for log records."""
    records = golden.logs(rng, 3).resource_logs[0].scope_logs[0].log_records
    items = [record.SerializeToString() for record in records]
    items[1] = mutated(rng, items[1])
    body, alone = _framed(b"", b"", b"", items), _framed(b"", b"", b"", [items[1]])
    return Payload("protobuf-log", _door(rng), body, OK, (), alone, "/v1/logs", _HEADERS)


def spoilt_request(rng: random.Random) -> Payload:
    """A request with damage anywhere: what protobuf itself still reads as it was is stored."""
    request = golden.request(rng, rng.randrange(1, 5))
    body = mutated(rng, request.SerializeToString())
    return Payload("protobuf-request", _door(rng), body, TAKEN_OR_REFUSED, _untouched(request, body), headers=_HEADERS)


def noise(rng: random.Random) -> Payload:
    """Bytes that nobody meant to be protobuf."""
    body = rng.randbytes(rng.choice((1, 10, 1_000, 20_000)))
    return Payload("protobuf-noise", _door(rng), body, TAKEN_OR_REFUSED, headers=_HEADERS)


def many_tiny(rng: random.Random) -> Payload:
    """Thousands of items of next to nothing, and thousands of empty groups."""
    item = rng.choice((b"", b"\x0a\x00", b"\x12\x08" + bytes(8)))
    body = rng.choice((_framed(b"", b"", b"", [item] * rng.choice((2_000, 30_000))), b"\x0a\x00" * 100_000))
    return Payload("protobuf-tiny", _door(rng), body, TAKEN_OR_REFUSED, headers=_HEADERS)


def _door(rng: random.Random) -> str:
    return rng.choice(("grpc", "http"))


def _framed(resource: bytes, scope: bytes, schema_url: bytes, items: list[bytes]) -> bytes:
    scope_group = (_field(1, scope) if scope else b"") + b"".join(_field(2, item) for item in items)
    group = (_field(1, resource) if resource else b"") + _field(2, scope_group)
    return _field(1, group + (_field(3, schema_url) if schema_url else b""))


def _field(number: int, value: bytes) -> bytes:
    length, size = bytearray(), len(value)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + value


def _readable(raw: bytes) -> tuple[SpanId, ...]:
    """The ids of a damaged span that is still a valid one, with a time that needs no partition of its own."""
    try:
        span = Span.FromString(raw)
    except DecodeError:
        return ()
    valid = len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.trace_id) and any(span.span_id)
    same_day = abs(span.start_time_unix_nano - golden.NOW_NS) <= 10**9
    return ((span.trace_id, span.span_id),) if valid and same_day and _plain(span) else ()


def _plain(span: Span) -> bool:
    """Whether nothing in it is beyond what a span may be: the rules for links and parents are the exporter's own."""
    links = all(len(link.trace_id) == 16 and len(link.span_id) == 8 for link in span.links)
    return links and len(span.parent_span_id) in (0, 8)


def _untouched(request: ExportTraceServiceRequest, body: bytes) -> tuple[SpanId, ...]:
    try:
        read: Any = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return ()
    before = {_identity(request.resource_spans[0], span) for span in request.resource_spans[0].scope_spans[0].spans}
    return tuple(
        (span.trace_id, span.span_id)
        for group in read.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
        if _identity(group, span) in before
    )


def _identity(group: Any, span: Span) -> tuple[bytes, bytes]:
    return group.resource.SerializeToString(), span.SerializeToString()
