"""The write path as a standard OpenTelemetry SpanExporter, for programs that write to PostgreSQL themselves."""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agent_otel.errors import AgentOtelError
from agent_otel.exporter.envelope import decode
from agent_otel.exporter.mapping import map_spans
from agent_otel.store.writer import Writer

_log: Final = logging.getLogger(__name__)


class PostgresSpanExporter(SpanExporter):
    """Exports finished spans straight into a migrated database.

    SUCCESS means committed. FAILURE means that nothing is known to be stored and the spans may be exported again: a
    repeat changes nothing. What the SDK's processor drops on its way here is not ours to save; the span helpers with
    their spool lose nothing, and need a Collector or the exporter process instead of a database connection.

        provider.add_span_processor(BatchSpanProcessor(PostgresSpanExporter("postgresql://…/agent_otel")))
    """

    def __init__(self, database_url: str) -> None:
        self._writer = Writer(database_url)
        self._lock = threading.Lock()
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Commit the spans; never raises."""
        with self._lock:
            try:
                self._writer.write(map_spans(decode(encode_spans(spans).SerializeToString())))
            except AgentOtelError as error:
                self._say_once(str(error))
                return SpanExportResult.FAILURE
            except Exception as error:  # noqa: BLE001 - whatever other libraries put on a span; the SDK must go on
                self._say_once(f"{type(error).__name__} while encoding them")
                return SpanExportResult.FAILURE
            self._failing = False
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the connection."""
        with self._lock:
            self._writer.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """True: whatever was exported is committed already."""
        del timeout_millis
        return True

    def _say_once(self, error: str) -> None:
        if not self._failing:
            self._failing = True
            _log.error("spans are not stored: %s", error)
