"""Export requests of a share of the history, day by day, as agents would have sent them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from agent_otel import semconv as s
from tests.history import wire
from tests.history.execution import Execution
from tests.history.times import DAY

#: Records in a request.
SIZE: Final = 500
#: Executions begin in order, but their records reach into the next day; a day is sent when the next but one begins.
_OPEN_DAYS: Final = 1


class Request(NamedTuple):
    """An export request: the day (since the Unix epoch) that it is about, its path, body and number of records."""

    day: int
    path: str
    body: bytes
    records: int


class Requests:
    """Collects the records of executions that come in order of their start, and gives the requests of whole days."""

    def __init__(self) -> None:
        self._spans: dict[int, list[Span]] = defaultdict(list)
        self._logs: dict[int, list[LogRecord]] = defaultdict(list)

    def add(self, executions: Sequence[Execution]) -> Iterator[Request]:
        """Take a family; give what can be sent by now."""
        for execution in executions:
            for day, record in wire.items(execution):
                if isinstance(record, Span):
                    self._spans[day].append(record)
                else:
                    self._logs[day].append(record)
        yield from self._until(executions[0].started // DAY - _OPEN_DAYS)

    def rest(self) -> Iterator[Request]:
        """What is left at the end."""
        yield from self._until(max([*self._spans, *self._logs], default=-1) + 1)

    def _until(self, end: int) -> Iterator[Request]:
        """The requests of the days before `end`."""
        for day in sorted(day for day in {*self._spans, *self._logs} if day < end):
            logs = self._logs.pop(day, [])
            for at in range(0, len(logs), SIZE):
                yield Request(day, "/v1/logs", _logs(logs[at : at + SIZE]), len(logs[at : at + SIZE]))
            spans = self._spans.pop(day, [])
            for at in range(0, len(spans), SIZE):
                yield Request(day, "/v1/traces", _spans(spans[at : at + SIZE]), len(spans[at : at + SIZE]))


_RESOURCE: Final = Resource(
    attributes=[
        KeyValue(key=s.SERVICE_NAME, value=AnyValue(string_value="agents")),
        KeyValue(key=s.SERVICE_VERSION, value=AnyValue(string_value="1.4.2")),
    ]
)
_SCOPE: Final = InstrumentationScope(name=s.SCOPE_NAME, version="0.1.0")


def _spans(spans: Sequence[Span]) -> bytes:
    scope = ScopeSpans(scope=_SCOPE, spans=spans, schema_url=s.SCHEMA_URL)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=_RESOURCE, scope_spans=[scope])]
    ).SerializeToString(deterministic=True)


def _logs(records: Sequence[LogRecord]) -> bytes:
    scope = ScopeLogs(scope=_SCOPE, log_records=records, schema_url=s.SCHEMA_URL)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=_RESOURCE, scope_logs=[scope])]
    ).SerializeToString(deterministic=True)
