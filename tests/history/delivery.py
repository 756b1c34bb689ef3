"""Requests to an OTLP endpoint, over several connections. Every request must be acknowledged, and taken as a whole."""

import http.client
import queue
import threading
import time
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.history.export_requests import Request

_TIMEOUT_S: Final = 60.0
_ATTEMPTS: Final = 60
_HEADERS: Final = {"Content-Type": "application/x-protobuf"}
#: "Come back later", as OTLP spells it.
_RETRYABLE: Final = (429, 502, 503, 504)
_WAITING: Final = 4


class Refused(Exception):  # noqa: N818  # what happened to a request
    """A request that was not taken as a whole."""


class Delivery:
    """Sends requests from threads of its own; a context manager that waits for them and raises what they met."""

    def __init__(self, address: str, connections: int) -> None:
        self._address = address
        self._queue: queue.Queue[Request | None] = queue.Queue(_WAITING * connections)
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(connections)]
        self._lock = threading.Lock()
        #: Acknowledged so far.
        self.records = 0

    def __enter__(self) -> "Delivery":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for _thread in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def send(self, request: Request) -> None:
        """Hand over a request; raises what became of an earlier one."""
        if self._failure is not None:
            raise self._failure
        self._queue.put(request)

    def settle(self) -> None:
        """Wait until all that was handed over is acknowledged."""
        self._queue.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT_S)
        while (request := self._queue.get()) is not None:
            try:
                if self._failure is None:
                    _deliver(connection, request)
                    with self._lock:
                        self.records += request.records
            except (Refused, DecodeError, OSError, http.client.HTTPException) as error:
                self._failure = error
            finally:
                self._queue.task_done()
        self._queue.task_done()
        connection.close()


def _deliver(connection: http.client.HTTPConnection, request: Request) -> None:
    for _ in range(_ATTEMPTS):
        connection.request("POST", request.path, request.body, _HEADERS)
        with connection.getresponse() as response:
            answer = response.read()
            again = response.headers["Retry-After"]
        if response.status == 200:
            _check(request, answer)
            return
        if response.status not in _RETRYABLE:
            raise Refused(f"{request.path}: {response.status} {answer[:200]!r}")
        time.sleep(float(again or 1))
    raise Refused(f"{request.path}: {_ATTEMPTS} times {response.status}")


def _check(request: Request, answer: bytes) -> None:
    """An acknowledgement may say that some were not stored."""
    if request.path == "/v1/traces":
        traces = ExportTraceServiceResponse.FromString(answer).partial_success
        rejected, why = traces.rejected_spans, traces.error_message
    else:
        logs = ExportLogsServiceResponse.FromString(answer).partial_success
        rejected, why = logs.rejected_log_records, logs.error_message
    if rejected:
        raise Refused(f"{request.path}: {rejected} of {request.records} records were not stored: {why}")
