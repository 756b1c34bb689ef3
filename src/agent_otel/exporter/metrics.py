"""What the exporter counts about itself, for Prometheus. A registry of its own: nothing leaks in from the process."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_PREFIX: Final = "agent_otel_exporter"
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_ROWS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class Metrics:
    """Every metric of one exporter process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        #: code is the gRPC status code's name, at every door.
        self.requests = self._counter("requests", "Export requests answered", "signal", "transport", "code")
        self.received = self._counter("items_received", "Spans and log records in decodable requests", "signal")
        self.stored = self._counter("items_stored", "Items acknowledged as committed, replays included", "signal")
        self.rejected = self._counter("items_rejected", "Items not stored as rows, by who refused", "signal", "by")
        self.quarantined = self._counter("quarantine_rows", "Rows written to quarantine by the receivers", "signal")
        self.commits = self._counter("transactions", "Transactions, by how they ended", "result")
        self.commit_seconds = self._histogram("commit_seconds", "Time of a transaction, with its retries", _SECONDS)
        self.batch_rows = self._histogram("batch_rows", "Items in a transaction", _ROWS)

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show what `read` returns at the time of the scrape."""
        Gauge(f"{_PREFIX}_{name}", meaning, registry=self._registry).set_function(read)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", meaning, buckets=buckets, registry=self._registry)
