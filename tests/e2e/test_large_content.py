"""Large content from a client through Collector and exporter to PostgreSQL: no limit on the way drops any of it."""

import hashlib
import os
import random
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agent_otel.local_stack.stack import LocalStack
from tests.contract.doors import TRACES
from tests.contract.numbered import START_NS
from tests.fixtures.stack import post, rows, wait_for

_MIB = 2**20
_PROMPT = "gen_ai.input.messages"

Send = Callable[[LocalStack, bytes], None]


def over_http(stack: LocalStack, body: bytes) -> None:
    """To the Collector's HTTP port."""
    post(f"{stack.endpoint}/v1/traces", body)


def over_grpc(stack: LocalStack, body: bytes) -> None:
    """To the Collector's gRPC port."""
    target = stack.grpc_endpoint.removeprefix("http://")
    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as channel:
        channel.unary_unary(TRACES.rpc, bytes, bytes)(body, timeout=30)


every_way = pytest.mark.parametrize("send", [over_http, over_grpc], ids=["http", "grpc"])


def text(size: int) -> str:
    """Text that no compression makes small; `size` characters of one byte each."""
    return random.Random(size).randbytes(size // 2 + 1).hex()[:size]


def request(trace: uuid.UUID, *contents: str) -> bytes:
    """A request with a span for each content, which is its prompt."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number, content in enumerate(contents, 1):
        span = scope.spans.add(
            trace_id=trace.bytes, span_id=number.to_bytes(8), start_time_unix_nano=START_NS, name=f"span {number}"
        )
        span.attributes.add(key=_PROMPT).value.string_value = content
    body: bytes = message.SerializeToString()
    return body


def digests(stack: LocalStack, trace: uuid.UUID) -> list[tuple[Any, ...]]:
    """Number of a trace's spans and of their distinct prompts, and the prompts' digests, in order."""
    statement = (
        "SELECT span_id, encode(sha256(convert_to(content ->> 'gen_ai.input.messages', 'UTF8')), 'hex') FROM spans"
        " WHERE trace_id = %(trace)s ORDER BY span_id"
    )
    return rows(stack, statement, {"trace": trace})


def digest(content: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


@every_way
@pytest.mark.parametrize("size", [4 * 1024, 64 * 1024, _MIB, 4 * _MIB, 15 * _MIB], ids=["4K", "64K", "1M", "4M", "15M"])
def test_a_span_of_any_size_is_stored_whole(stack: LocalStack, send: Send, size: int) -> None:
    """Byte by byte what was sent."""
    trace, content = uuid.UUID(bytes=os.urandom(16)), text(size)
    send(stack, request(trace, content))
    wait_for(lambda: digests(stack, trace) == [(1, digest(content))], f"a span of {size} bytes")


@every_way
def test_a_full_batch_of_large_spans_is_stored_whole(stack: LocalStack, send: Send) -> None:
    """512 spans of 64 KB in one request, as a stock SDK sends them: 32 MiB."""
    trace = uuid.UUID(bytes=os.urandom(16))
    contents = [f"{number}:" + text(64 * 1024) for number in range(512)]
    send(stack, request(trace, *contents))
    expected = [(number, digest(content)) for number, content in enumerate(contents, 1)]
    wait_for(lambda: digests(stack, trace) == expected, "512 spans of 64 KB")


@every_way
def test_too_large_a_span_is_in_quarantine(stack: LocalStack, send: Send) -> None:
    """20 MiB in one span pass every hop; the span is kept in quarantine with all its bytes, its neighbour is stored."""
    trace, content = uuid.UUID(bytes=os.urandom(16)), text(20 * _MIB)
    send(stack, request(trace, "neighbour", content))
    wait_for(lambda: digests(stack, trace) == [(1, digest("neighbour"))], "the neighbour of a span of 20 MiB")
    kept = "SELECT reason FROM quarantine WHERE position(%(trace)s IN raw) > 0 AND length(raw) > %(size)s"
    parameters = {"trace": trace.bytes, "size": 20 * _MIB}
    # Large requests are committed in parts, so it may come a moment later.
    wait_for(lambda: len(rows(stack, kept, parameters)) == 1, "the span of 20 MiB in quarantine")
    assert "larger than" in rows(stack, kept, parameters)[0][0]
