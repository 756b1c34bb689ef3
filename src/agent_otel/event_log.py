"""Lifecycle events as OTLP log records: encoded at once and handed to a sink (the spool) before the helper returns."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent_otel import otlp_json
from agent_otel import semconv as s


class ResourceFacts(NamedTuple):
    """The resource that spans and events of this process share."""

    attributes: Mapping[str, Any]
    schema_url: str


class EventLog:
    """Encodes events; the resource is asked for each time because a fork changes it, and encoded when it is another."""

    def __init__(
        self, sink: Callable[[bytes, bool], None], resource: Callable[[], ResourceFacts], version: str
    ) -> None:
        self._sink = sink
        self._resource = resource
        self._version = version
        self._framed: ResourceFacts | None = None
        self._frame = ("", "")

    def emit(self, record: otlp_json.LogRecord, *, durable: bool = False) -> None:
        """Hand over one event. With `durable` it is on the disk when this returns, else with the operating system."""
        resource = self._resource()
        if resource is not self._framed:
            self._frame = otlp_json.resource_logs_frame(
                resource.attributes, resource.schema_url, s.SCOPE_NAME, self._version, s.SCHEMA_URL
            )
            self._framed = resource
        before, after = self._frame
        self._sink(f"{before}{otlp_json.log_record(record)}{after}".encode(errors="replace"), durable)
