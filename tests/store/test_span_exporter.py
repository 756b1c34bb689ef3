"""PostgresSpanExporter under the SDK's own processor."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from agent_otel.exporter.span_exporter import PostgresSpanExporter
from agent_otel.store.connection import connect


def test_spans_of_the_sdk_are_committed_once(database_url: str) -> None:
    """Spans of a stock provider are rows when export returns; exporting them again changes nothing."""
    exporter = PostgresSpanExporter(database_url)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("parent", attributes={"a": 1}), tracer.start_as_current_span("child") as child:
        child.add_event("e", {"b": [1.5, 2.5]})
    assert exporter.export([child]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # the SDK's span is readable
    with connect(database_url, application="test") as connection:
        rows = connection.execute("SELECT name, parent_span_id IS NULL FROM spans ORDER BY name").fetchall()
    assert rows == [("child", False), ("parent", True)]
    provider.shutdown()


def test_without_a_database_export_fails_and_does_not_raise(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK hears FAILURE, the log says why once, without the password."""
    exporter = PostgresSpanExporter("postgresql://u:s3cret@127.0.0.1:1/none")
    with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("s") as span:
        pass
    for _ in range(2):
        assert exporter.export([span]) is SpanExportResult.FAILURE  # type: ignore[list-item]  # as above
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "s3cret" not in caplog.text
