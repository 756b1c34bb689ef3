"""Export requests with numbered items, and where these items are afterwards."""

import os
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contract.conftest import Exporter

START_NS = 1_790_000_000_000_000_000


def traces(trace_id: bytes, *names: str) -> Any:
    """A request with one span for each name; the n-th has span id n."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "contract"
    scope = group.scope_spans.add()
    scope.scope.name = "tests"
    for number, name in enumerate(names, 1):
        scope.spans.add(
            trace_id=trace_id,
            span_id=number.to_bytes(8),
            name=name,
            start_time_unix_nano=START_NS + number,
            end_time_unix_nano=START_NS + 1_000,
        )
    return request


def logs(trace_id: bytes, *names: str) -> Any:
    """A request with one event for each name."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number, name in enumerate(names, 1):
        scope.log_records.add(
            trace_id=trace_id, span_id=bytes(7) + b"1", event_name=name, time_unix_nano=START_NS + number
        )
    return request


def new_trace() -> bytes:
    """A trace id that no other test uses."""
    return os.urandom(16)


def stored_spans(exporter: Exporter, trace_id: bytes) -> list[str]:
    """Names of a trace's spans, sorted."""
    return _names(exporter, "SELECT name FROM spans WHERE trace_id = %s::uuid ORDER BY name", trace_id)


def stored_events(exporter: Exporter, trace_id: bytes) -> list[str]:
    """Names of a trace's events, sorted."""
    return _names(exporter, "SELECT event_name FROM execution_events WHERE trace_id = %s::uuid ORDER BY 1", trace_id)


def quarantined(exporter: Exporter, containing: bytes) -> list[tuple[str, str]]:
    """Signal and reason of the quarantine rows whose bytes contain these."""
    return [
        (signal, reason)
        for signal, reason, raw in exporter.query("SELECT signal, reason, raw FROM quarantine ORDER BY 1, 2")
        if containing in bytes(raw)
    ]


def _names(exporter: Exporter, statement: str, trace_id: bytes) -> list[str]:
    return [name for (name,) in exporter.query(statement, trace_id.hex())]
