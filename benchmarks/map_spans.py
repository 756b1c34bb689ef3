"""What one span costs on its way from OTLP bytes to COPY bytes, in one thread, without a database.

Requests of 512 spans: 10-span traces (an execution, LLM calls with unique content, tool calls) with about 10
attributes, of which some repeat (names, models, providers) and some never do (token counts, ids, texts). Every round
has new ones. The yardstick, in the same rounds: parsing the same spans into message objects, sorting their attributes
and encoding them again, which is all that a digest alone takes without our way of reading.
"""

import gc
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.envelope import RawItem, decode
from agent_otel.exporter.mapping import map_spans
from agent_otel.store.copy_format import pack_spans

SPANS_PER_REQUEST: Final = 512
ROUNDS: Final = 9
REQUESTS_PER_ROUND: Final = 8
#: Mapping and packing, with all that a row needs, as a multiple of the yardstick.
TARGET: Final = 3.0

_START: Final = 1_763_636_363_123_456_789
_WORDS: Final = ("plan", "the", "answer", "read", "file", "list", "tests", "fail", "because", "import", "missing")
_TOOLS: Final = ("bash", "read_file", "edit_file", "grep", "web_search", "run_tests", "list_files")
_MODELS: Final = ("claude-opus-4-1", "claude-sonnet-4-5", "gpt-5")


class Load:
    """Requests that never repeat, from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def request(self) -> bytes:
        """One export request of 512 spans."""
        spans: list[Span] = []
        while len(spans) < SPANS_PER_REQUEST:
            spans.extend(self._trace())
        resource = Resource(attributes=_pairs({"service.name": "agent", "host.name": "worker-7", "process.pid": 4711}))
        group = ScopeSpans(
            scope=InstrumentationScope(name="agent-otel", version="0.1"), spans=spans[:SPANS_PER_REQUEST]
        )
        grouped = ResourceSpans(resource=resource, scope_spans=[group])
        return ExportTraceServiceRequest(resource_spans=[grouped]).SerializeToString()

    def _trace(self) -> list[Span]:
        rng = self._rng
        execution_id, trace_id = uuid.UUID(int=rng.getrandbits(128), version=4), rng.randbytes(16)
        root = self._span(trace_id, execution_id.bytes[8:], b"", "invoke_agent reviewer", self._execution(execution_id))
        steps = [
            self._span(
                trace_id, rng.randbytes(8), root.span_id, *(self._call() if rng.random() < 0.5 else self._tool())
            )
            for _ in range(9)
        ]
        # The SDK sends the root last, because it ends last.
        return [*steps, root]

    def _span(self, trace_id: bytes, span_id: bytes, parent: bytes, name: str, attributes: dict[str, Any]) -> Span:
        start = _START + self._rng.randrange(10**13)
        return Span(
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=parent,
            name=name,
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start,
            end_time_unix_nano=start + self._rng.randrange(10**10),
            flags=0x101,
            attributes=_pairs(attributes),
        )

    def _execution(self, execution_id: uuid.UUID) -> dict[str, Any]:
        rng = self._rng
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "reviewer",
            "aotel.execution.id": str(execution_id),
            "session.id": f"session-{rng.randrange(50)}",
            "aotel.project": "shop",
            "aotel.task.description": self._text(60),
            "aotel.execution.status": "success",
            "aotel.quality.score": rng.random(),
            "gen_ai.usage.input_tokens": rng.randrange(100_000),
            "gen_ai.usage.output_tokens": rng.randrange(10_000),
            "gen_ai.input.messages": self._text(200),
            "aotel.metadata": f'{{"ticket": {rng.randrange(10**6)}, "branch": "main"}}',
        }

    def _call(self) -> tuple[str, dict[str, Any]]:
        rng = self._rng
        model = rng.choice(_MODELS)
        return f"chat {model}", {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.response.id": f"msg_{rng.getrandbits(96):024x}",
            "gen_ai.response.finish_reasons": [rng.choice(("stop", "tool_calls"))],
            "gen_ai.usage.input_tokens": rng.randrange(100_000),
            "gen_ai.usage.output_tokens": rng.randrange(5_000),
            "server.address": "api.example.com",
            "latency_ms": rng.random() * 10_000,
            "gen_ai.output.messages": self._text(200),
        }

    def _tool(self) -> tuple[str, dict[str, Any]]:
        rng = self._rng
        tool = rng.choice(_TOOLS)
        return f"execute_tool {tool}", {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.id": f"toolu_{rng.getrandbits(96):024x}",
            "aotel.step.success": rng.random() < 0.9,
            "aotel.step.action": self._text(30),
            "duration_ns": rng.randrange(10**10),
            "exit_code": rng.choice((0, 0, 0, 1, 2)),
            "session.id": f"session-{rng.randrange(50)}",
            "thread.id": 139_872_000_000_000 + rng.randrange(8),
            "code.function": rng.choice(_WORDS),
        }

    def _text(self, length: int) -> str:
        words = " ".join(self._rng.choice(_WORDS) for _ in range(length // 4))
        return f"{self._rng.getrandbits(40):x} {words}"[:length]


def _pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(_value, value)))
    return AnyValue(string_value=value)


def measure(requests: Sequence[list[RawItem]]) -> tuple[float, float, float]:
    """µs a span for mapping, for packing, and for the yardstick."""
    spans = sum(map(len, requests))
    batches, mapping = _timed(lambda: [map_spans(items) for items in requests])
    rows = [[item.row for item in batch.spans] for batch in batches]
    assert sum(map(len, rows)) == spans
    _, packing = _timed(lambda: [b"".join(pack_spans(part, 7)) for part in rows])
    _, yardstick = _timed(lambda: [_sorted_again(item.raw) for items in requests for item in items])
    return mapping / spans * 1e6, packing / spans * 1e6, yardstick / spans * 1e6


def _sorted_again(raw: bytes) -> bytes:
    return Canonical(Span.FromString(raw), raw).encoded


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    gc.collect()
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def main() -> int:
    """Return 1 when mapping and packing together cost more than the target."""
    load = Load(seed=20261121)
    rounds = []
    for _ in range(ROUNDS + 1):
        bodies = [load.request() for _ in range(REQUESTS_PER_ROUND)]
        rounds.append(measure([decode(body) for body in bodies]))
    rounds = rounds[1:]  # the first fills the memory
    print(f"{len(bodies[0]) / SPANS_PER_REQUEST:.0f} bytes a span")
    for what, figures in zip(("map", "pack", "yardstick"), zip(*rounds, strict=True), strict=True):
        print(f"{what}: {statistics.median(figures):.1f} µs a span ({min(figures):.1f} to {max(figures):.1f})")
    ratio = statistics.median((mapping + packing) / yardstick for mapping, packing, yardstick in rounds)
    print(f"map and pack: {ratio:.2f} x the yardstick, target {TARGET}")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
