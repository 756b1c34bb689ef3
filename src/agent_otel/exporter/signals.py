"""The signals that are received: what each is called at every door, and what becomes of its items."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.limits import Limits
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.store.rows import Batch

#: The prefix of every OTLP service's name.
COLLECTOR: Final = "/opentelemetry.proto.collector."


class Signal(NamedTuple):
    """One OTLP signal."""

    #: As in metrics, log lines and the quarantine.
    name: str
    #: The gRPC method that takes it.
    rpc: str
    #: The HTTP path that takes it.
    path: str
    #: OTLP/JSON keys of its lists: by resource, by scope, the items.
    keys: tuple[str, str, str]
    #: The message that an item is.
    message: type[Message]
    #: What an item is called in a sentence.
    noun: str
    to_batch: Callable[[Sequence[RawItem], Limits], Batch]
    #: The response that says how many items were rejected, and why.
    partial: Callable[[int, str], Message]
    #: The response when all were stored.
    success: Callable[[], Message]


def _rejected_spans(count: int, message: str) -> ExportTraceServiceResponse:
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=count, error_message=message)
    )


def _rejected_logs(count: int, message: str) -> ExportLogsServiceResponse:
    return ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=count, error_message=message)
    )


TRACES: Final = Signal(
    "traces",
    f"{COLLECTOR}trace.v1.TraceService/Export",
    "/v1/traces",
    ("resourceSpans", "scopeSpans", "spans"),
    Span,
    "span",
    map_spans,
    _rejected_spans,
    ExportTraceServiceResponse,
)

LOGS: Final = Signal(
    "logs",
    f"{COLLECTOR}logs.v1.LogsService/Export",
    "/v1/logs",
    ("resourceLogs", "scopeLogs", "logRecords"),
    LogRecord,
    "log record",
    map_logs,
    _rejected_logs,
    ExportLogsServiceResponse,
)

SIGNALS: Final = (TRACES, LOGS)
