"""The stock OpenTelemetry SDK, with its own processors and exporters, against our doors."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_otel.local_stack.process import wait_until
from agent_otel.store.migrations import migrate
from tests.contract.conftest import Exporter, running

_COUNT = 1_200
_SECONDS = 20


def _exporter(kind: str, exporter: Exporter) -> SpanExporter:
    if kind == "grpc":
        return GrpcSpanExporter(f"http://{exporter.addresses.grpc}", insecure=True, timeout=_SECONDS)
    compression = Compression.Gzip if kind == "http-gzip" else Compression.NoCompression
    return HttpSpanExporter(f"http://{exporter.addresses.http}/v1/traces", timeout=_SECONDS, compression=compression)


@pytest.mark.parametrize("kind", ["grpc", "http", "http-gzip"])
def test_every_span_of_the_stock_sdk_arrives(exporter: Exporter, kind: str) -> None:
    """BatchSpanProcessor with OTLPSpanExporter: every ended span is a row with its name, parent and nanoseconds."""
    copies = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": f"stock {kind}"}))
    provider.add_span_processor(BatchSpanProcessor(_exporter(kind, exporter), max_queue_size=2 * _COUNT))
    provider.add_span_processor(BatchSpanProcessor(copies, max_queue_size=2 * _COUNT))
    tracer = provider.get_tracer("tests", "1.0")
    with tracer.start_as_current_span("root") as root:
        trace = root.get_span_context().trace_id
        for number in range(_COUNT - 1):
            with tracer.start_as_current_span(f"step {number}", attributes={"number": number}):
                pass
    assert provider.force_flush(20_000)
    provider.shutdown()
    sent = {
        (span.name, span.context.span_id, span.parent and span.parent.span_id, span.start_time, span.end_time)
        for span in copies.get_finished_spans()
        if span.context
    }
    assert len(sent) == _COUNT
    assert _stored(exporter, trace) == sent


def _stored(exporter: Exporter, trace: int) -> set[tuple[str, int, int | None, int, int]]:
    rows = exporter.query(
        "SELECT name, span_id, parent_span_id, (extract(epoch FROM start_time) * 1000000)::int8 * 1000 + start_ns,"
        " (extract(epoch FROM end_time) * 1000000)::int8 * 1000 + end_ns FROM spans WHERE trace_id = %s::uuid",
        f"{trace:032x}",
    )
    return {
        (name, span % 2**64, None if parent is None else parent % 2**64, start, end)
        for name, span, parent, start, end in rows
    }


@pytest.mark.parametrize("kind", ["grpc", "http"])
def test_the_stock_exporter_comes_back_as_told(empty_database_url: str, kind: str) -> None:
    """Its export is refused while the schema is missing; told to come back, it does, and the spans are stored."""
    copies = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(copies))
    with provider.get_tracer("tests").start_as_current_span("late") as span:
        trace = span.get_span_context().trace_id
    provider.shutdown()
    with running(empty_database_url) as exporter, ThreadPoolExecutor() as threads:
        stock = _exporter(kind, exporter)
        result = threads.submit(stock.export, copies.get_finished_spans())
        assert wait_until(lambda: 'code="UNAVAILABLE"' in exporter.admin("/metrics")[1], _SECONDS)
        migrate(empty_database_url)
        assert result.result() is SpanExportResult.SUCCESS
        stock.shutdown()
        assert [name for name, *_ in _stored(exporter, trace)] == ["late"]
