"""The admin port: is the process alive, can it store, what has it counted."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from agent_otel.errors import AgentOtelError, RetryableError
from agent_otel.exporter.http_server import Request, Response, host_allowed
from agent_otel.exporter.metrics import CONTENT_TYPE

_JSON: Final = "application/json"
_PATIENCE: Final = 1.0


class Database(Protocol):
    """What says whether the database can take rows; see agent_otel.store.writer."""

    def ping(self) -> None:
        """Raise an AgentOtelError unless the database answers and its schema is current."""

    def close(self) -> None:
        """Give the connection back."""


class Rendered(Protocol):
    """Metrics: of one worker or of all."""

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""


class Readiness:
    """Whether requests could be stored now. Any number of threads may ask; the database sees one at a time."""

    def __init__(self, database: Database, other: Callable[[], AgentOtelError | None] = lambda: None) -> None:
        """`other` says what else is in the way."""
        self._database = database
        self._other = other
        self._lock = threading.Lock()
        self._stopping = False

    def problem(self) -> AgentOtelError | None:
        """Why not, or None."""
        if self._stopping:
            return RetryableError("stopping")
        return self._other() or self.database_problem()

    def database_problem(self) -> AgentOtelError | None:
        """Why the database cannot store. While one thread waits for it the others do so for a second at most."""
        if not self._lock.acquire(timeout=_PATIENCE):
            return RetryableError("the database has not answered yet")
        try:
            self._database.ping()
        except AgentOtelError as error:
            return error
        finally:
            self._lock.release()
        return None

    def stop(self) -> None:
        """Not ready from now on."""
        self._stopping = True
        if self._lock.acquire(timeout=_PATIENCE):
            self._database.close()
            self._lock.release()


class Admin:
    """The handler of an HttpServer that answers /healthz, /readyz and /metrics."""

    def __init__(self, readiness: Readiness, metrics: Rendered, hosts: frozenset[str]) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._hosts = hosts
        self._pages: dict[str, Callable[[], Response]] = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/metrics": self._exposition,
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        page = self._pages.get(request.path)
        if not host_allowed(request.headers.get("host"), self._hosts):
            return _state(HTTPStatus.FORBIDDEN, "the Host header names nobody here")
        if page is None:
            return _state(HTTPStatus.NOT_FOUND, f"there is nothing here but {', '.join(self._pages)}")
        if request.method not in ("GET", "HEAD"):
            return _state(HTTPStatus.METHOD_NOT_ALLOWED, "GET only", ("Allow", "GET, HEAD"))
        return page()

    def _health(self) -> Response:
        return _state(HTTPStatus.OK, "alive")

    def _ready(self) -> Response:
        problem = self._readiness.problem()
        return _state(HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK, str(problem or "ready"))

    def _exposition(self) -> Response:
        return Response(HTTPStatus.OK, self._metrics.render(), CONTENT_TYPE)


def _state(status: HTTPStatus, state: str, *headers: tuple[str, str]) -> Response:
    return Response(status, json.dumps({"status": state}).encode() + b"\n", _JSON, headers)
