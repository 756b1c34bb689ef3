"""What the exporter counts about itself, for Prometheus. Registries of our own: nothing leaks in from the process.

Workers count into files that they share with the supervisor (prometheus_client's multi-process mode), so that the sums
over all workers never go back, also when one is killed.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

#: prometheus_client reads it when it is imported, and counts into this folder then.
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_PREFIX: Final = "agent_otel_exporter"
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: Labels of limits_hit: what a request, a connection or the sum of them had too much of, or took too long for.
LIMITS: Final = (
    "body",
    "inflated_body",
    # A gRPC message above the same limit; also calls that their senders gave up, which look the same from here.
    "grpc_message",
    "items",
    "framing",
    "requests",
    "in_flight",
    "queue",
    "connections",
    "grpc_receiving",
    "header_bytes",
    "header_seconds",
    "body_seconds",
    "request_seconds",
)
_ROWS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class Metrics:
    """Every metric of one worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        #: code is the gRPC status code's name, at every door.
        self.requests = self._counter("requests", "Export requests answered", "signal", "transport", "code")
        self.received = self._counter("items_received", "Spans and log records in decodable requests", "signal")
        self.stored = self._counter("items_stored", "Items acknowledged as committed, replays included", "signal")
        self.rejected = self._counter("items_rejected", "Items not stored as rows, by who refused", "signal", "by")
        self.quarantined = self._counter("quarantine_rows", "Rows written to quarantine by the receivers", "signal")
        self._limits = self._counter("limits_hit", "Requests and connections refused at a limit", "limit")
        for limit in LIMITS:
            # So that they are 0 and not absent before the first time.
            self._limits.labels(limit)
        self.capped = self._counter("values_capped", "What a limit kept out of a JSON or text column", "limit")
        self.commits = self._counter("transactions", "Transactions, by how they ended", "result")
        self.commit_seconds = self._histogram("commit_seconds", "Time of a transaction, with its retries", _SECONDS)
        self.batch_rows = self._histogram("batch_rows", "Items in a transaction", _ROWS)
        self.in_flight_bytes = self._gauge("in_flight_bytes", "Bytes of requests under way")
        self.queue_batches = self._gauge("queue_batches", "Batches that wait for a transaction")
        self.http_connections = self._gauge("http_connections", "HTTP connections open")

    def hit(self, limit: str) -> None:
        """Count that one of LIMITS was hit."""
        self._limits.labels(limit).inc()

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        # Summed over the workers that live.
        return Gauge(f"{_PREFIX}_{name}", meaning, registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", meaning, buckets=buckets, registry=self._registry)


class WorkersMetrics:
    """The sums over all workers, living and dead, and what the supervisor counts about them."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry, folder)  # type: ignore[no-untyped-call]
        self.serving = Gauge(f"{_PREFIX}_workers", "Workers that serve", registry=self._registry)
        self.ended = Counter(f"{_PREFIX}_workers_ended", "Workers that ended by themselves", registry=self._registry)

    def forget(self, pids: Iterable[int]) -> None:
        """Workers that are gone hold no connections and no requests any more."""
        for pid in pids:
            mark_process_dead(pid, self._folder)  # type: ignore[no-untyped-call]

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
