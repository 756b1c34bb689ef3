"""The client of this process: everything that the span helpers need, made once by `agent_otel.configure`."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import Link, NoOpTracer, Span, SpanKind, Tracer

from agent_otel import ids, redaction
from agent_otel import semconv as s
from agent_otel.attribute_value import Value
from agent_otel.courier import Courier
from agent_otel.event_log import EventLog, ResourceFacts
from agent_otel.guard import warn_once
from agent_otel.open_execution import ExecutionFolder, OpenExecution
from agent_otel.processor import SpoolSpanProcessor
from agent_otel.requested_ids import RequestedIds
from agent_otel.resource_usage import ResourceUsage
from agent_otel.settings import Settings


class Running(Protocol):
    """An execution that is open in this process."""

    @property
    def record(self) -> OpenExecution:
        """Where it stands."""

    def beat(self) -> None:
        """Say that it still runs."""


class Client:
    """Tracer, events, open executions, clock, ids. `requested_ids` is None where the provider is not the SDK's."""

    def __init__(
        self,
        settings: Settings,
        tracer: Tracer,
        requested_ids: RequestedIds | None,
        events: EventLog,
        root_context: Context,
        *,
        project: str | None,
        clock: Callable[[], int] = time.time_ns,
        new_uuid: Callable[[], uuid.UUID] = ids.new_uuid,
        resource_usage: Callable[[], ResourceUsage] | None = ResourceUsage,
    ) -> None:
        self.settings = settings
        self.tracer = tracer
        self.requested_ids = requested_ids
        self.events = events
        self.root_context = root_context
        self.project = project
        self.clock = clock
        self.new_uuid = new_uuid
        self.resource_usage = resource_usage
        self.folder = ExecutionFolder(settings.state_dir)
        self.running: dict[str, Running] = {}
        self.enabled = True
        self.courier: Courier[ReadableSpan] | None = None
        self.processor: SpoolSpanProcessor | None = None
        self.own_processor: SpanProcessor | None = None

    def start_span(
        self,
        name: str,
        kind: SpanKind,
        context: Context,
        attributes: Mapping[str, Value],
        start_time: int,
        *,
        links: list[Link] | None = None,
        trace_id: int | None = None,
        span_id: int | None = None,
        random_trace_id: bool = False,
    ) -> Span:
        """Start a span, with the ids that are asked for where the provider lets us choose. `start_time` in ns."""
        kept = redaction.clean(attributes, self.settings.capture)
        if self.requested_ids is None or not (trace_id or span_id):
            return self.tracer.start_span(name, context, kind, kept, links, start_time)
        self.requested_ids.request(trace_id, span_id, random_trace_id=random_trace_id)
        try:
            return self.tracer.start_span(name, context, kind, kept, links, start_time)
        finally:
            self.requested_ids.withdraw()

    def find(self, execution_id: str) -> OpenExecution | None:
        """An open execution of this process or, by its file, of this machine."""
        here = self.running.get(execution_id)
        return here.record if here else self.folder.find(execution_id)

    def file_open(self) -> None:
        """Have a file in the state folder for every execution that is open."""
        for execution in list(self.running.values()):
            self.folder.add(execution.record)

    def claim(self, execution_id: str) -> bool:
        """Close an execution; False, with a warning, when another was first: then its span is not ours to send."""
        first = self.folder.close(execution_id)
        self.folder.remove(execution_id)
        if not first:
            warn_once(f"agent_otel: already completed: execution {execution_id}; this end is an event only")
        return first

    def admit(self, span: ReadableSpan) -> bool:
        """Whether an ended span is to be sent: any, except that of an execution that another closed."""
        if span.instrumentation_scope is None or span.instrumentation_scope.name != s.SCOPE_NAME:
            return True
        attributes = span.attributes or {}
        if attributes.get(s.GEN_AI_OPERATION_NAME) != s.OPERATION_INVOKE_AGENT:
            return True
        return self.claim(str(attributes.get(s.EXECUTION_ID)))

    def beat(self) -> None:
        """Say of every open execution that it still runs."""
        for execution in list(self.running.values()):
            execution.beat()

    def after_fork(self) -> None:
        """In a child process: the executions that are open are the parent's."""
        self.running.clear()
        self.folder = ExecutionFolder(self.settings.state_dir)
        if self.courier is not None:
            self.courier.after_fork()


def disabled_client(settings: Settings) -> Client:
    """A client whose helpers run the agent's blocks and keep nothing."""
    events = EventLog(lambda _payload, _durable: None, lambda: ResourceFacts({}, ""), "")
    client = Client(settings, NoOpTracer(), None, events, Context(), project=settings.project)
    client.enabled = False
    return client
