"""agent_otel.configure: on a provider of ours, of the program, of another vendor; twice; turned off; from nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import agent_otel
from agent_otel import ids, provider
from agent_otel import semconv as s
from agent_otel.errors import ConfigurationError
from tests.fixtures.sink import Sink

pytestmark = pytest.mark.usefixtures("unconfigured")

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
C = "5b1e0d8a-7a2f-4f7a-8f8e-0123456789ab"


class Sevens(IdGenerator):
    """A host program's own generator."""

    def __init__(self) -> None:
        self.spans = 0

    def generate_span_id(self) -> int:
        self.spans += 1
        return 0x7000 + self.spans

    def generate_trace_id(self) -> int:
        return 0x77

    def is_trace_id_random(self) -> bool:
        return False


class Keeping(SpanProcessor):
    """A host program's own processor."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Vendor(trace.TracerProvider):
    """A provider that is not the SDK's."""

    def __init__(self, inner: TracerProvider) -> None:
        self._inner = inner

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return self._inner.get_tracer(*args, **kwargs)


@pytest.fixture
def host() -> Iterator[TracerProvider]:
    """The program's own provider, with its own ids, processor and resource."""
    made = TracerProvider(id_generator=Sevens(), resource=Resource({"service.name": "host"}), shutdown_on_exit=False)
    made.add_span_processor(Keeping())
    yield made
    made.shutdown()


def kept(host: TracerProvider) -> list[ReadableSpan]:
    """The spans that the host's own processor saw."""
    (keeping, *_) = host._active_span_processor._span_processors
    assert isinstance(keeping, Keeping)
    return keeping.spans


def resources(sink: Sink) -> list[dict[str, str]]:
    """The resources of all accepted spans."""
    requests = [ExportTraceServiceRequest.FromString(r.body) for r in sink.accepted if r.path == "/v1/traces"]
    return [
        {pair.key: pair.value.string_value for pair in one.resource.attributes}
        for request in requests
        for one in request.resource_spans
    ]


def event_names(sink: Sink) -> list[str]:
    """Names of the accepted events, without their prefix."""
    return [event["eventName"].removeprefix("aotel.execution.") for event in sink.events()]


def test_on_the_programs_provider(host: TracerProvider, sink: Sink) -> None:
    """Our spans have our ids, the program's keep its own; all are delivered, with its resource, by it and by us."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    with host.get_tracer("host").start_as_current_span("request"), agent_otel.execution("child"):
        pass
    with (
        agent_otel.execution("root", execution_id=ID, correlation_id=C),
        host.get_tracer("host").start_as_current_span("query"),
    ):
        pass
    assert agent_otel.flush(10) == (8, 0, 0)
    spans = {span.name: span for span in sink.spans()}
    assert spans["request"].trace_id.hex() == f"{0x77:032x}"
    assert spans["invoke_agent child"].parent_span_id == spans["request"].span_id
    assert spans["invoke_agent root"].trace_id.hex() == C.replace("-", "")
    assert spans["invoke_agent root"].span_id.hex() == ID.replace("-", "")[16:]
    assert spans["query"].parent_span_id == spans["invoke_agent root"].span_id
    assert spans["query"].span_id[-2] == 0x70
    assert {resource["service.name"] for resource in resources(sink)} == {"host"}
    assert sorted(span.name for span in kept(host)) == sorted(spans)


def test_events_share_the_resource(host: TracerProvider, sink: Sink) -> None:
    """Spans and events of a process have the same resource and scope."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    with agent_otel.execution("a"):
        pass
    agent_otel.flush(10)
    logs = [json.loads(r.body)["resourceLogs"] for r in sink.accepted if r.path == "/v1/logs"]
    (block, *_) = logs[0]
    assert block["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "host"}}]
    assert block["scopeLogs"][0]["scope"]["name"] == s.SCOPE_NAME
    assert block["scopeLogs"][0]["schemaUrl"] == s.SCHEMA_URL


def test_stock_processor(sink: Sink, host: TracerProvider) -> None:
    """OpenTelemetry's own batch processor and exporter can be used instead of ours; events go our way."""
    stock = BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{sink.endpoint}/v1/traces"))
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host, span_processor=stock)
    with agent_otel.execution("a", execution_id=ID), agent_otel.step("t"):
        pass
    assert agent_otel.flush(10) == (2, 0, 0)
    assert sorted(span.name for span in sink.spans()) == ["execute_tool t", "invoke_agent a"]
    assert event_names(sink) == ["started", "completed"]


def test_provider_that_delivers_by_itself(sink: Sink, host: TracerProvider) -> None:
    """With deliver_spans=False we send the events only."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host, deliver_spans=False)
    with agent_otel.execution("a"):
        pass
    assert agent_otel.flush(10) == (2, 0, 0)
    assert sink.spans() == []
    assert [span.name for span in kept(host)] == ["invoke_agent a"]


def test_provider_of_another_vendor(sink: Sink, host: TracerProvider) -> None:
    """Its ids stay: the execution's id follows from them, and a requested trace becomes attribute and link."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=Vendor(host))
    with agent_otel.execution("a", correlation_id=C) as run:
        execution_id, trace_id, span_id = run.execution_id, run.trace_id, run.span_id
    agent_otel.flush(10)
    (span,) = kept(host)
    assert (trace_id, span_id) == (f"{0x77:032x}", f"{0x7001:016x}")
    assert execution_id == str(ids.foreign_execution_id(trace_id, span_id))
    assert span.attributes is not None
    assert (span.attributes[s.EXECUTION_ID], span.attributes[s.CORRELATION_ID]) == (execution_id, C)
    (link,) = span.links
    assert f"{link.context.trace_id:032x}" == C.replace("-", "")
    assert link.attributes == {s.LINK_TYPE: "correlated_with"}
    assert {event["traceId"] for event in sink.events()} == {trace_id}
    assert sink.spans() == []


def test_sampled_away(sink: Sink) -> None:
    """Where the program samples, spans go missing; the events, and with them the execution, do not."""
    sampling = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=sampling)
    with agent_otel.execution("a", execution_id=ID):
        pass
    assert agent_otel.flush(10) == (2, 0, 0)
    assert event_names(sink) == ["started", "completed"]
    assert sink.spans() == []


def test_twice(sink: Sink, host: TracerProvider, warned: list[str]) -> None:
    """The same again does nothing; other values are named in a warning, and the first stay in force."""
    for _ in range(2):
        agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    assert warned == []
    agent_otel.configure(endpoint="http://127.0.0.1:1", tracer_provider=host, capture="minimal")
    assert "capture, endpoint" in warned[0]
    assert provider.get_client().settings.endpoint == sink.endpoint


def test_after_shutdown(sink: Sink, host: TracerProvider) -> None:
    """After shutdown it can be configured anew, and nothing is sent twice."""
    for number in range(2):
        agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
        with agent_otel.execution(f"a{number}"):
            pass
        assert agent_otel.shutdown(10) == (3, 0, 0)
    assert sorted(span.name for span in sink.spans()) == ["invoke_agent a0", "invoke_agent a1"]


def test_wrong_argument() -> None:
    """The programmer's mistake is an error that names argument, value and what is allowed."""
    with pytest.raises(ConfigurationError, match="capture='everything': expected one of full, metadata, minimal"):
        agent_otel.configure(capture="everything")


def test_wrong_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch, host: TracerProvider, warned: list[str]
) -> None:
    """The user's mistake is one warning, and the default holds."""
    monkeypatch.setenv("AGENT_OTEL_CAPTURE", "everything")
    agent_otel.configure(tracer_provider=host)
    assert "AGENT_OTEL_CAPTURE='everything'" in warned[0]
    assert provider.get_client().settings.capture == "full"


@pytest.mark.parametrize("variable", ["AGENT_OTEL_DISABLED", "OTEL_SDK_DISABLED"])
def test_turned_off(home: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink, variable: str) -> None:
    """The agent's blocks run, ids are there, and nothing is kept or sent."""
    monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    with agent_otel.execution("a", execution_id=ID, prompt="x") as run, agent_otel.step("t") as call:
        call.output("x")
        run.progress("x", 1)
        run.result("x")
        run.log_step("t")
        assert run.execution_id == ID
        assert agent_otel.current_execution() is run
        assert "TRACEPARENT" not in agent_otel.child_env({})
    assert agent_otel.flush(1) == (0, 0, 0)
    assert list(home.iterdir()) == []
    assert sink.seen == []


ALONE = """
import sys
import agent_otel
from opentelemetry import trace
if sys.argv[1] == "configure":
    agent_otel.configure(service_name="mine", resource_attributes={"service.namespace": "space"})
with agent_otel.execution("a"):
    pass
print(type(trace.get_tracer_provider()).__name__)
assert agent_otel.flush(10) == (3, 0, 0)
"""


@pytest.mark.parametrize(
    ("how", "global_provider", "service", "project"),
    [("configure", "TracerProvider", "mine", "space"), ("by use", "ProxyTracerProvider", "agent-otel", None)],
)
def test_without_a_provider(home: Path, sink: Sink, how: str, global_provider: str, service: str, project: str) -> None:
    """configure() makes a provider and makes it global; mere use makes one for itself, from the environment."""
    env = {**os.environ, "AGENT_OTEL_ENDPOINT": sink.endpoint}
    said = subprocess.check_output([sys.executable, "-c", ALONE, how], env=env, text=True, cwd=home)
    assert said.strip() == global_provider
    assert [resource["service.name"] for resource in resources(sink)] == [service]
    (span,) = sink.spans()
    attributes = {pair.key: pair.value.string_value for pair in span.attributes}
    assert attributes.get(s.PROJECT) == project
