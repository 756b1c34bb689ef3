"""configure(): the client of this process, on the program's own TracerProvider or on one of ours."""

import atexit
import os
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

from agent_otel import semconv as s
from agent_otel.client import Client, disabled_client
from agent_otel.courier import Courier, FlushResult
from agent_otel.delivery import Delivery
from agent_otel.event_log import EventLog, ResourceFacts
from agent_otel.guard import warn_once
from agent_otel.processor import SpoolSpanProcessor
from agent_otel.propagation import environment_context
from agent_otel.refused import RefusedFolder
from agent_otel.requested_ids import RequestedIds
from agent_otel.settings import Settings, load
from agent_otel.span_encoder import encode
from agent_otel.spool import Spool
from agent_otel.version import VERSION

#: service.name of programs that name none.
DEFAULT_SERVICE_NAME: Final = "agent-otel"
_SERVICE_UNKNOWN: Final = "unknown_service"

_client: Client | None = None
_arguments: dict[str, object] = {}
_lock = Lock()


def configure(
    *,
    endpoint: str | None = None,
    headers: Mapping[str, str] | None = None,
    capture: str | None = None,
    service_name: str | None = None,
    project: str | None = None,
    session_id: str | None = None,
    disabled: bool | None = None,
    deliver_spans: bool | None = None,
    spool_limit: str | int | None = None,
    heartbeat_seconds: float | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    tracer_provider: trace.TracerProvider | None = None,
    span_processor: SpanProcessor | None = None,
) -> None:
    """Set up tracing, once, before the first execution. Without it the first execution does so from the environment.

    Arguments win over ``AGENT_OTEL_*`` (see agent_otel.settings); a wrong one raises ConfigurationError, a wrong
    environment is logged once and the default used. tracer_provider: the program's own (default: the global one; where
    there is none, one is made and made global). span_processor: used instead of ours, for example OpenTelemetry's
    ``BatchSpanProcessor(OTLPSpanExporter())``, which loses what it has in memory. deliver_spans=False: the provider
    delivers its spans by itself, we only the events.

    A second call with the same arguments does nothing; with others it warns, and the first stays in force (`shutdown`
    ends it).
    """
    options = {name: value for name, value in locals().items() if value is not None}
    global _client, _arguments
    with _lock:
        if _client is None:
            _client, _arguments = _made(options, make_global=True), options
        elif options != _arguments:
            changed = ", ".join(sorted(k for k in {*options, *_arguments} if options.get(k) != _arguments.get(k)))
            warn_once(
                f"agent_otel.configure(): already configured, so that {changed} is not changed; "
                "configure once, before the first execution, or call agent_otel.shutdown() first"
            )


def get_client() -> Client:
    """The client, made from the environment at the first use."""
    return _client if _client is not None else _configured_by_use()


def flush(timeout: float = 5.0) -> FlushResult:
    """Deliver what this process has handed over, for at most `timeout` seconds, and say how things stand.

    Counts are of spans and events since the process began: delivered (acknowledged by the receiver), spooled (safe on
    this machine, delivered later, by any process), lost. Spans of a `span_processor` of your own are not in them.
    """
    client = _client
    if client is None or client.courier is None:
        return FlushResult(0, 0, 0)
    if client.own_processor is not None:
        client.own_processor.force_flush(int(timeout * 1_000))
    return client.courier.flush(timeout)


def shutdown(timeout: float = 5.0) -> FlushResult:
    """Flush and stop; the next use configures anew. For tests and for programs that change their mind."""
    global _client, _arguments
    with _lock:
        client, _client, _arguments = _client, None, {}
    if client is None or client.courier is None:
        return FlushResult(0, 0, 0)
    result = client.courier.close(timeout)
    atexit.unregister(client.courier.close)
    if client.processor is not None:
        client.processor.retire()
    return result


def install(client: Client | None) -> Client | None:
    """Put another client in place and return the one before; for `agent_otel.testing`."""
    global _client
    before, _client = _client, client
    return before


def _configured_by_use() -> Client:
    global _client
    with _lock:
        if _client is None:
            _client = _made({}, make_global=False)
        return _client


def _made(options: Mapping[str, Any], *, make_global: bool) -> Client:
    settings = load({name: value for name, value in options.items() if name in Settings.__slots__})
    for problem in settings.problems:
        warn_once(f"agent_otel: {problem}")
    provider: trace.TracerProvider = options.get("tracer_provider") or trace.get_tracer_provider()
    if settings.disabled or isinstance(provider, NoOpTracerProvider):
        return disabled_client(settings)
    if isinstance(provider, ProxyTracerProvider):
        provider = _own_provider(settings, options.get("resource_attributes") or {})
        if make_global:
            trace.set_tracer_provider(provider)
    if isinstance(provider, TracerProvider):
        return _on_sdk(provider, settings, options.get("span_processor"))
    # Another vendor's provider keeps its ids and delivers its spans; the events are ours.
    resource = Resource.create({})
    return _client_on(provider, settings, _courier(settings), lambda: resource, None)


def _own_provider(settings: Settings, attributes: Mapping[str, str]) -> TracerProvider:
    given = {**attributes, s.SERVICE_NAME: settings.service_name} if settings.service_name else attributes
    resource = Resource.create(dict(given))
    if str(resource.attributes[s.SERVICE_NAME]).startswith(_SERVICE_UNKNOWN):
        resource = resource.merge(Resource({s.SERVICE_NAME: DEFAULT_SERVICE_NAME}))
    # Sampling would make holes in an audit trail, so that OTEL_TRACES_SAMPLER is not asked.
    return TracerProvider(sampler=ALWAYS_ON, resource=resource)


def _on_sdk(provider: TracerProvider, settings: Settings, own_processor: SpanProcessor | None) -> Client:
    """The client on an SDK provider, which gets our ids and, unless it delivers by itself, our processor."""
    generator: IdGenerator = provider.id_generator
    requested_ids = generator if isinstance(generator, RequestedIds) else RequestedIds(generator)
    # Before our tracer is made, because a Tracer copies the generator.
    provider.id_generator = requested_ids  # type: ignore[assignment]  # the SDK declares its default's class
    courier = _courier(settings)
    client = _client_on(provider, settings, courier, lambda: provider.resource, requested_ids)
    if own_processor is not None:
        client.own_processor = own_processor
        provider.add_span_processor(own_processor)
    elif settings.deliver_spans:
        client.processor = SpoolSpanProcessor(courier)
        provider.add_span_processor(client.processor)
    return client


def _client_on(
    provider: trace.TracerProvider,
    settings: Settings,
    courier: Courier[ReadableSpan],
    resource: Callable[[], Resource],
    requested_ids: RequestedIds | None,
) -> Client:
    namespace = resource().attributes.get(s.SERVICE_NAMESPACE)
    client = Client(
        settings,
        provider.get_tracer(s.SCOPE_NAME, VERSION, s.SCHEMA_URL),
        requested_ids,
        EventLog(courier.add_event, _facts(resource), VERSION),
        environment_context(),
        project=settings.project or (str(namespace) if namespace else None),
    )
    client.courier = courier
    courier.beat, courier.tidy = client.beat, client.folder.clean_up
    courier.prepare, courier.admit = client.file_open, client.admit
    atexit.register(courier.close)
    return client


def _courier(settings: Settings) -> Courier[ReadableSpan]:
    spool = Spool(f"{settings.state_dir}/spool", settings.spool_limit)
    refused = RefusedFolder(spool.folder)
    delivery = Delivery(settings.endpoint, settings.headers, spool.counts, refused, warn_once)
    return Courier(spool, delivery, partial(encode, capture=settings.capture), settings.heartbeat_seconds)


def _facts(resource: Callable[[], Resource]) -> Callable[[], ResourceFacts]:
    """The resource as events need it: the same object as long as the resource is the same."""
    seen: tuple[Resource, ResourceFacts] | None = None

    def facts() -> ResourceFacts:
        nonlocal seen
        now = resource()
        if seen is None or seen[0] is not now:
            seen = now, ResourceFacts(now.attributes, now.schema_url)
        return seen[1]

    return facts


def _after_fork() -> None:
    global _lock
    _lock = Lock()
    if _client is not None:
        _client.after_fork()


os.register_at_fork(after_in_child=_after_fork)
