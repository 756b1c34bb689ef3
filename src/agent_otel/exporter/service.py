"""The exporter as a whole: what it is made of, the order in which it starts, and the reverse in which it stops."""

import logging
import threading
import time
from typing import Final, NamedTuple

from agent_otel.errors import ConfigurationError
from agent_otel.exporter.admin import Admin, Readiness
from agent_otel.exporter.config import SETTINGS, Address, Config
from agent_otel.exporter.group_commit import GroupCommit, Limits
from agent_otel.exporter.grpc_receiver import GrpcReceiver
from agent_otel.exporter.http_receiver import HttpReceiver
from agent_otel.exporter.http_server import HttpServer
from agent_otel.exporter.in_flight import InFlight
from agent_otel.exporter.ingest import Ingest
from agent_otel.exporter.metrics import Metrics
from agent_otel.store.writer import Writer

logger: Final = logging.getLogger(__name__)

_ADMIN_THREADS: Final = 2
#: For what must come to its end even when the time for requests under way is used up.
_LAST_SECONDS: Final = 1.0


class Addresses(NamedTuple):
    """Where a running exporter listens."""

    grpc: Address
    http: Address
    admin: Address


class Service:
    """One exporter process's parts. Usable in a program as well: `start`, then `stop` once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        metrics = Metrics()
        in_flight = InFlight(config.in_flight)
        limits = Limits(config.queue, config.in_flight, config.transaction_rows, config.transaction_bytes)
        self._commits = GroupCommit(Writer(config.database_url), limits, metrics)
        ingest = Ingest(self._commits, config, metrics)
        self._readiness = Readiness(Writer(config.database_url))
        self._admin = HttpServer(config.admin, Admin(self._readiness, metrics, config.hosts), config, _ADMIN_THREADS)
        receiver = HttpReceiver(ingest, in_flight, config, metrics)
        self._http = HttpServer(config.http, receiver, config, config.http_threads)
        self._grpc = GrpcReceiver(ingest, in_flight, config, metrics)
        metrics.gauge("in_flight_bytes", "Bytes of requests under way", lambda: in_flight.bytes)
        metrics.gauge("queue_batches", "Batches that wait for a transaction", lambda: self._commits.waiting)
        metrics.gauge("http_connections", "HTTP connections open", lambda: self._http.open)
        metrics.gauge("http_connections_refused", "HTTP connections closed at the limit", lambda: self._http.refused)

    def start(self) -> Addresses:
        """Open the ports; the database need not be there yet.

        Raises ConfigurationError when a port cannot be opened, or when the database could never be used as it is;
        nothing is left running then.
        """
        self._commits.start()
        try:
            addresses = Addresses(
                _open("grpc", self._config, self._grpc),
                _open("http", self._config, self._http),
                _open("admin", self._config, self._admin),
            )
            self._look_at_database()
        except ConfigurationError as error:
            logger.critical("not started", extra={"reason": str(error)})
            self.stop()
            raise
        exposed = [str(address) for address in addresses if not address.loopback]
        if exposed:
            logger.warning("insecure bind: no TLS, no token", extra={"addresses": exposed})
        logger.info("started", extra={part: str(address) for part, address in addresses._asdict().items()})
        return addresses

    def stop(self) -> bool:
        """Take no more, finish what is under way, close; whether all of it was finished in time.

        What was not is unacknowledged, so its senders keep it.
        """
        deadline = time.monotonic() + self._config.drain_seconds
        self._readiness.stop()
        doors = [
            threading.Thread(target=door.stop, args=(self._config.drain_seconds,)) for door in (self._grpc, self._http)
        ]
        for door in doors:
            door.start()
        for door in doors:
            door.join(max(0.0, deadline - time.monotonic()))
        drained = self._commits.stop(max(_LAST_SECONDS, deadline - time.monotonic()))
        for door in doors:
            door.join(_LAST_SECONDS)
        self._admin.stop(_LAST_SECONDS)
        logger.info("stopped", extra={"drained": drained})
        return drained

    def _look_at_database(self) -> None:
        problem = self._readiness.problem()
        if isinstance(problem, ConfigurationError):
            raise problem
        if problem is not None:
            logger.warning("database not ready; requests are told to come back", extra={"reason": str(problem)})


def _open(field: str, config: Config, door: GrpcReceiver | HttpServer) -> Address:
    try:
        return door.start()
    except OSError as error:
        variable = next(setting.variable for setting in SETTINGS if setting.field == field)
        raise ConfigurationError(
            f"{variable}={getattr(config, field)} cannot be opened ({error}); stop what listens there, such as another"
            f" exporter, or set {variable} to another address"
        ) from None
