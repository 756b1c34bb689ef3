"""Send one OTLP request over HTTP or gRPC: acknowledged, to be sent again, or refused for good."""

import http.client
from collections.abc import Callable
from typing import Any, Final, Protocol

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.faults import clock

_TIMEOUT_S: Final = 30.0
_RESPONSES: Final[dict[str, Any]] = {"traces": ExportTraceServiceResponse, "logs": ExportLogsServiceResponse}
_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
#: The OTLP specification's retryable answers.
_RETRYABLE_STATUS: Final = frozenset({429, 502, 503, 504})
_RETRYABLE_CODES: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class UnavailableError(Exception):
    """Nothing is known to be stored; the same request is to be sent again."""


class RefusedError(Exception):
    """The receiver says never to send this again, or took only a part."""


class Sender(Protocol):
    """One connection to one receiver."""

    def send(self, signal: str, body: bytes) -> None:
        """Return once the request ("traces" or "logs") is acknowledged whole, else raise one of the errors."""


class HttpSender:
    """OTLP over HTTP with protobuf, on one connection that is opened anew after an error."""

    def __init__(self, endpoint: str) -> None:
        self._connection = http.client.HTTPConnection(endpoint, timeout=_TIMEOUT_S)

    def send(self, signal: str, body: bytes) -> None:
        """See Sender."""
        try:
            self._connection.request("POST", f"/v1/{signal}", body, {"Content-Type": "application/x-protobuf"})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnavailableError(f"{type(error).__name__}: {error}") from error
        if answer.status in _RETRYABLE_STATUS:
            raise UnavailableError(f"HTTP {answer.status}")
        if answer.status != 200:
            raise RefusedError(f"HTTP {answer.status}: {content[:500]!r}")
        _require_whole(signal, content)


class GrpcSender:
    """OTLP over gRPC."""

    def __init__(self, endpoint: str) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
        channel = grpc.insecure_channel(endpoint, options)
        self._calls: dict[str, Callable[..., Any]] = {
            name: channel.unary_unary(method, None, None) for name, method in _METHODS.items()
        }

    def send(self, signal: str, body: bytes) -> None:
        """See Sender."""
        try:
            content = self._calls[signal](body, timeout=clock.grpc_timeout(_TIMEOUT_S))
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
            if code in _RETRYABLE_CODES:
                raise UnavailableError(f"gRPC {code.name}") from error
            raise RefusedError(f"gRPC {code.name}: {error}") from error
        _require_whole(signal, content)


def _require_whole(signal: str, content: bytes) -> None:
    # The Collector sets partial_success without anything in it; what counts are the items rejected.
    partial = _RESPONSES[signal].FromString(content).partial_success
    if partial.ListFields():
        raise RefusedError(f"partial success: {partial}")
