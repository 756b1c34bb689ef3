"""Events and spans as records for the spool, with the resource that all calls of this machine's user share.

The resource holds nothing of the single call (no process id), so that the database keeps one row of it, and so that a
call that is repeated makes the same bytes.
"""

from __future__ import annotations

import os
import sys

from agent_otel import otlp_json, redaction
from agent_otel import semconv as s
from agent_otel.record import LOGS, SPANS_JSON
from agent_otel.settings_file import percent_decoded
from agent_otel.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from agent_otel.settings import Settings

DEFAULT_SERVICE_NAME: Final = "agent-otel"


class Records:
    """Makes the records of one call."""

    def __init__(self, settings: Settings) -> None:
        self._capture = settings.capture
        self._resource = _resource(settings)
        self.records: list[tuple[int, int, bytes]] = []

    def event(
        self,
        name: str,
        time_ns: int,
        body: str,
        shared: Mapping[str, object],
        own: Mapping[str, object],
        *,
        trace_id: int,
        span_id: int,
        flags: int,
        severity: int = otlp_json.SEVERITY_INFO,
    ) -> str:
        """Add an event; what is returned is the same event for the execution's span, which carries what is shared.

        Ids 0: it has no trace.
        """
        kept = self.attributes(own)
        attributes = ",".join(filter(None, (otlp_json.key_values(shared), kept)))
        record = otlp_json.LogRecord(name, time_ns, severity, body, attributes, trace_id, span_id, flags)
        frame = otlp_json.resource_logs_frame(self._resource, "", s.SCOPE_NAME, VERSION, s.SCHEMA_URL)
        self._add(LOGS, frame, [otlp_json.log_record(record)])
        return otlp_json.span_event(name, time_ns, kept)

    def attributes(self, attributes: Mapping[str, object]) -> str:
        """Attributes as a span has them, as far as the capture mode lets them pass."""
        return otlp_json.key_values(redaction.clean(attributes, self._capture))

    def spans(self, spans: Sequence[otlp_json.Span]) -> bytes:
        """Add spans as one record; its payload."""
        frame = otlp_json.resource_spans_frame(self._resource, "", s.SCOPE_NAME, VERSION, s.SCHEMA_URL)
        return self._add(SPANS_JSON, frame, [otlp_json.span(span) for span in spans])

    def _add(self, kind: int, frame: tuple[str, str], items: list[str]) -> bytes:
        payload = f"{frame[0]}{','.join(items)}{frame[1]}".encode(errors="replace")
        self.records.append((kind, len(items), payload))
        return payload


def _resource(settings: Settings) -> dict[str, object]:
    system = os.uname()
    given = _given()
    named = settings.service_name or given.get(s.SERVICE_NAME)
    ours = {} if named else {s.SERVICE_VERSION: VERSION}
    name = {s.SERVICE_NAME: named or DEFAULT_SERVICE_NAME}
    return {"host.name": system.nodename, "os.type": sys.platform, **ours, **given, **name}


def _given() -> dict[str, str]:
    """OTEL_RESOURCE_ATTRIBUTES: name=value,name=value, values percent-encoded."""
    found = {}
    for member in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, separator, value = member.partition("=")
        if separator and name.strip():
            try:
                found[name.strip()] = percent_decoded(value.strip())
            except ValueError:
                continue
    return found
