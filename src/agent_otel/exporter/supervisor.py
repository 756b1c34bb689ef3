"""The exporter as users start it: workers that share two ports, started again when they end, and one admin port.

Workers are started afresh and never forked: gRPC does not survive a fork.
"""

import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, NamedTuple

from agent_otel.errors import ConfigurationError, RetryableError
from agent_otel.exporter import listening
from agent_otel.exporter.admin import Admin, Readiness
from agent_otel.exporter.config import Address, Config
from agent_otel.exporter.http_server import HttpServer
from agent_otel.exporter.metrics import Metrics, WorkersMetrics
from agent_otel.exporter.service import LAST_SECONDS, cannot_open, open_door
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.exporter.worker_process import WorkerProcess
from agent_otel.store.writer import Writer

logger: Final = logging.getLogger(__name__)

_ADMIN_THREADS: Final = 2
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
#: A worker that does not end by itself after the time for requests under way is killed this much later.
_GRACE_SECONDS: Final = 2.0


class Addresses(NamedTuple):
    """Where a running exporter listens."""

    grpc: Address
    http: Address
    admin: Address


class Supervisor:
    """All processes of one exporter. `start`, `watch` until told to stop, then `stop`, each once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._held = ExitStack()
        folder = tempfile.mkdtemp(prefix="agent-otel-exporter-")
        self._held.callback(shutil.rmtree, folder, ignore_errors=True)
        self._folder = folder
        self._metrics = WorkersMetrics(folder)
        self._workers: list[WorkerProcess] = []
        self._readiness = Readiness(Writer(config.database_url), self._not_serving)
        admin = Admin(self._readiness, self._metrics, config.hosts)
        # What the admin port itself counts is nobody's concern.
        self._admin = HttpServer(config.admin, admin, config, _ADMIN_THREADS, Metrics())

    def start(self, stopping: Callable[[], bool] = lambda: False) -> Addresses:
        """Open the ports and start the workers; the database need not be there yet.

        Raises ConfigurationError when a port cannot be opened, when no worker comes up, or when the database could
        never be used as it is; nothing is left running then.
        """
        try:
            http = self._open("http", listening.listen)
            grpc = self._open("grpc", listening.reserve)
            admin = open_door("admin", self._config, self._admin)
            self._look_at_database()
            self._start_workers(grpc, http, stopping)
        except ConfigurationError as error:
            logger.critical("not started", extra={"reason": str(error)})
            self.stop()
            raise
        addresses = Addresses(*self._doors(grpc, http), admin)
        exposed = [str(address) for address in addresses if not address.loopback]
        if exposed:
            logger.warning("insecure bind: no TLS, no token", extra={"addresses": exposed})
        said = {part: str(address) for part, address in addresses._asdict().items()}
        logger.info("started", extra={**said, "workers": len(self._workers)})
        return addresses

    def watch(self, stop: StopSignal) -> None:
        """Start workers that end again, until `stop` is set."""
        while not stop.wait(_POLL_SECONDS):
            for worker in self._workers:
                self._look_after(worker)
            self._metrics.serving.set(sum(worker.serving for worker in self._workers))

    def stop(self) -> bool:
        """Let the workers finish what is under way; whether all of them did in time."""
        self._readiness.stop()
        for worker in self._workers:
            worker.ask_to_stop()
        deadline = time.monotonic() + self._config.drain_seconds + LAST_SECONDS + _GRACE_SECONDS
        # A list: every one of them is waited for, whatever the first one says.
        drained = [worker.wait(max(0.0, deadline - time.monotonic())) for worker in self._workers]
        self._admin.stop(LAST_SECONDS)
        self._held.close()
        logger.info("stopped", extra={"drained": all(drained)})
        return all(drained)

    def _open(self, field: str, opener: Callable[[Address], socket.socket]) -> socket.socket:
        try:
            opened = opener(getattr(self._config, field))
        except OSError as error:
            raise cannot_open(field, self._config, error) from None
        return self._held.enter_context(opened)

    def _doors(self, grpc: socket.socket, http: socket.socket) -> tuple[Address, Address]:
        return listening.address_of(grpc, self._config.grpc), listening.address_of(http, self._config.http)

    def _start_workers(self, grpc: socket.socket, http: socket.socket, stopping: Callable[[], bool]) -> None:
        at, _ = self._doors(grpc, http)
        self._workers = [WorkerProcess(at, http, self._folder) for _ in range(self._config.workers)]
        for worker in self._workers:
            worker.start()
        for worker in self._workers:
            if not worker.wait_serving(_START_SECONDS, stopping) and not stopping():
                raise ConfigurationError("a worker did not start; its reason stands above")
        self._metrics.serving.set(len(self._workers))

    def _look_after(self, worker: WorkerProcess) -> None:
        if worker.ended:
            # Said and counted once; the start itself may have to wait, so that a broken worker does not spin.
            code, pid = worker.bury()
            self._metrics.ended.inc()
            self._metrics.forget([pid])
            logger.error("worker ended", extra={"pid": pid, "code": code, "next_start_s": worker.delay})
        worker.start_when_due()

    def _not_serving(self) -> RetryableError | None:
        return None if any(worker.serving for worker in self._workers) else RetryableError("no worker serves")

    def _look_at_database(self) -> None:
        problem = self._readiness.database_problem()
        if isinstance(problem, ConfigurationError):
            raise problem
        if problem is not None:
            logger.warning("database not ready; requests are told to come back", extra={"reason": str(problem)})
