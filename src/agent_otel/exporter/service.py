"""One worker's parts: what receives, what writes, the order in which they start, and the reverse in which they stop."""

import logging
import socket
import threading
import time
from typing import Final, NamedTuple

from agent_otel.errors import ConfigurationError
from agent_otel.exporter.config import Address, Config, variable_of
from agent_otel.exporter.group_commit import GroupCommit, Limits
from agent_otel.exporter.grpc_receiver import GrpcReceiver
from agent_otel.exporter.http_receiver import HttpReceiver
from agent_otel.exporter.http_server import HttpServer
from agent_otel.exporter.in_flight import InFlight
from agent_otel.exporter.ingest import Ingest
from agent_otel.exporter.metrics import Metrics
from agent_otel.store.writer import Writer

logger: Final = logging.getLogger(__name__)

#: For what must come to its end even when the time for requests under way is used up.
LAST_SECONDS: Final = 1.0


class Doors(NamedTuple):
    """Where a worker receives."""

    grpc: Address
    http: Address


class Service:
    """The parts of one process that takes OTLP and writes it. `start`, then `stop` once.

    `listening` is a socket that other workers listen on too; without it the HTTP port is opened here.
    """

    def __init__(self, config: Config, metrics: Metrics, listening: socket.socket | None = None) -> None:
        self._config = config
        in_flight = InFlight(config.requests, config.in_flight, metrics.in_flight_bytes)
        limits = Limits(config.queue, config.in_flight, config.transaction_rows, config.transaction_bytes)
        self._commits = GroupCommit(Writer(config.database_url), limits, metrics)
        ingest = Ingest(self._commits, config, metrics)
        receiver = HttpReceiver(ingest, in_flight, config, metrics)
        self._http = HttpServer(config.http, receiver, config, config.http_threads, metrics, listening)
        self._grpc = GrpcReceiver(ingest, in_flight, config, metrics, shared=listening is not None)

    def start(self) -> Doors:
        """Open the ports; the database need not be there yet.

        Raises ConfigurationError when a port cannot be opened; nothing is left running then.
        """
        self._commits.start()
        try:
            doors = Doors(open_door("grpc", self._config, self._grpc), open_door("http", self._config, self._http))
        except Exception as error:
            # Whatever it is: a worker whose threads live on would keep the ports.
            logger.critical("not started", extra={"reason": str(error)})
            self.stop()
            raise
        logger.info("worker started", extra={"grpc": str(doors.grpc), "http": str(doors.http)})
        return doors

    def stop(self) -> bool:
        """Take no more, finish what is under way, close; whether all of it was finished in time.

        What was not is unacknowledged, so its senders keep it.
        """
        deadline = time.monotonic() + self._config.drain_seconds
        doors = [
            threading.Thread(target=door.stop, args=(self._config.drain_seconds,)) for door in (self._grpc, self._http)
        ]
        for door in doors:
            door.start()
        for door in doors:
            door.join(max(0.0, deadline - time.monotonic()))
        drained = self._commits.stop(max(LAST_SECONDS, deadline - time.monotonic()))
        for door in doors:
            door.join(LAST_SECONDS)
        logger.info("worker stopped", extra={"drained": drained})
        return drained


def open_door(field: str, config: Config, door: GrpcReceiver | HttpServer) -> Address:
    """Open a port; ConfigurationError names the setting when it cannot be opened."""
    try:
        return door.start()
    except OSError as error:
        raise cannot_open(field, config, error) from None


def cannot_open(field: str, config: Config, error: OSError) -> ConfigurationError:
    """What to say of an address that cannot be opened."""
    variable = variable_of(field)
    return ConfigurationError(
        f"{variable}={getattr(config, field)} cannot be opened ({error}); stop what listens there, such as another"
        f" exporter, or set {variable} to another address"
    )
