"""For tests of instrumented agents: what was traced, as plain dicts, with ids and times that repeat.

Around the code under test:

    with agent_otel.testing.capture() as captured:
        my_agent("hello")
    assert [span["name"] for span in captured.spans] == ["execute_tool search", "invoke_agent my_agent"]
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext

from agent_otel import guard, provider
from agent_otel import semconv as s
from agent_otel.client import Client
from agent_otel.event_log import EventLog, ResourceFacts
from agent_otel.model import Capture
from agent_otel.requested_ids import RequestedIds
from agent_otel.settings import load

#: The first time of a capture, 2023-11-14 22:13:20 UTC, and how much later each further one is: 1 ms, in nanoseconds.
START_NS: Final = 1_700_000_000_000_000_000
TICK_NS: Final = 1_000_000


class Captured:
    """What the block traced. Spans stand in the order of their end, events in the order in which they left."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def span(self, name: str) -> dict[str, Any]:
        """The one span of that name. Raises LookupError when there is none or more than one."""
        return _only(name, [span for span in self.spans if span["name"] == name], self.spans)

    def event(self, name: str) -> dict[str, Any]:
        """The one event of that name. Raises LookupError when there is none or more than one."""
        return _only(name, [event for event in self.events if event["name"] == name], self.events)


@contextmanager
def capture(*, raise_errors: bool = False, content: Capture = "full") -> Iterator[Captured]:
    """Capture spans and events of the block instead of sending them; nothing of the environment's settings counts.

    raise_errors: raise errors of agent-otel itself instead of logging them. content: as AGENT_OTEL_CAPTURE.
    """
    captured = Captured()
    with TemporaryDirectory(prefix="agent-otel-") as home:
        before = provider.install(_client(captured, home, content))
        raised_before, guard.raise_errors = guard.raise_errors, raise_errors or guard.raise_errors
        try:
            yield captured
        finally:
            guard.raise_errors = raised_before
            provider.install(before)


class _Counted(IdGenerator):
    """Span ids 1, 2, 3, …"""

    def __init__(self) -> None:
        self._spans, self._traces = count(1), count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)


class _Collecting(SpanProcessor):
    def __init__(self, captured: Captured) -> None:
        self._captured = captured

    def on_end(self, span: ReadableSpan) -> None:
        self._captured.spans.append(span_as_dict(span))


def _client(captured: Captured, home: str, content: Capture) -> Client:
    settings = load({"capture": content}, {"AGENT_OTEL_HOME": home}, cwd=home)
    ids = RequestedIds(_Counted())
    resource = Resource({s.SERVICE_NAME: "test"})
    tracer_provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=ids)
    tracer_provider.add_span_processor(_Collecting(captured))
    facts = ResourceFacts(resource.attributes or {}, "")
    uuids, ticks = count(1), count(START_NS, TICK_NS)
    return Client(
        settings,
        tracer_provider.get_tracer(s.SCOPE_NAME),
        ids,
        EventLog(lambda payload, _durable: captured.events.extend(events_as_dicts(payload)), lambda: facts, ""),
        Context(),
        project=None,
        clock=lambda: next(ticks),
        new_uuid=lambda: uuid.UUID(int=next(uuids), version=4),
        resource_usage=None,  # which is another each time
    )


def span_as_dict(span: ReadableSpan) -> dict[str, Any]:
    """Ids as hex, times in nanoseconds, attributes as a dict."""
    context = span.get_span_context()
    return {
        "name": span.name,
        "kind": span.kind.name,
        **_ids(context),
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
        "status_description": span.status.description,
        "events": [
            {"name": event.name, "time": event.timestamp, "attributes": dict(event.attributes or {})}
            for event in span.events
        ],
        "links": [{**_ids(link.context), "attributes": dict(link.attributes or {})} for link in span.links],
    }


def events_as_dicts(resource_logs: bytes) -> list[dict[str, Any]]:
    """The log records of an OTLP/JSON ResourceLogs."""
    records = [record for scope in json.loads(resource_logs)["scopeLogs"] for record in scope["logRecords"]]
    return [
        {
            "name": record["eventName"],
            "time": int(record["timeUnixNano"]),
            "severity": record["severityNumber"],
            "body": record["body"]["stringValue"],
            "trace_id": record.get("traceId"),
            "span_id": record.get("spanId"),
            "attributes": {pair["key"]: _value(pair["value"]) for pair in record["attributes"]},
        }
        for record in records
    ]


def _ids(context: SpanContext | None) -> dict[str, str | None]:
    if context is None:
        return {"trace_id": None, "span_id": None}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _value(value: Mapping[str, Any]) -> Any:
    kind, content = next(iter(value.items()))
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_value(member) for member in content["values"]]
    return content


def _only(name: str, found: list[dict[str, Any]], all_of_them: list[dict[str, Any]]) -> dict[str, Any]:
    if len(found) != 1:
        raise LookupError(f"{len(found)} of the name {name!r}; there are {[one['name'] for one in all_of_them]}")
    return found[0]
