"""One connection of a client: sends an export request and says what became of it, in the terms of OTLP's retries."""

import contextlib
import http.client
from typing import Any, Final, NamedTuple, Protocol

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from agent_otel.exporter.signals import TRACES

#: What an SDK waits for an answer.
TIMEOUT_S: Final = 10.0
_HEADERS: Final = {"Content-Type": "application/x-protobuf"}
_RETRYABLE: Final = (503,)


class Answer(NamedTuple):
    """How a request was answered."""

    #: OK, or the code, status or exception otherwise.
    kind: str
    #: Seconds after which to send again; None when nobody said so in the way that OTLP asks for.
    retry_after: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the request was acknowledged."""
        return self.kind == "OK"


class Sender(Protocol):
    """One connection; not thread-safe."""

    def send(self, body: bytes) -> Answer:
        """Send a request and wait for its answer; never raises for what the network or the server does."""

    def close(self) -> None:
        """Give the connection back."""


class HttpSender:
    """OTLP over HTTP, on a connection that is kept alive."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)

    def send(self, body: bytes) -> Answer:
        """Send a request; a lost connection is opened again by the next."""
        try:
            self._connection.request("POST", TRACES.path, body, _HEADERS)
            with self._connection.getresponse() as response:
                response.read()
                hint = response.headers["Retry-After"] if response.status in _RETRYABLE else None
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(type(error).__name__)
        kind = "OK" if response.status == 200 else str(response.status)
        return Answer(kind, None if hint is None else float(hint))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class GrpcSender:
    """OTLP over gRPC, on a connection of its own: channels of one process share theirs otherwise."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call: Any = self._channel.unary_unary(TRACES.rpc, bytes, bytes)

    def send(self, body: bytes) -> Answer:
        """Send a request."""
        try:
            self._call(body, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            call: Any = error
            code: grpc.StatusCode = call.code()
            retryable = code is grpc.StatusCode.RESOURCE_EXHAUSTED or code is grpc.StatusCode.UNAVAILABLE
            return Answer(code.name, _hint(dict(call.trailing_metadata() or ())) if retryable else None)
        return Answer("OK")

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()


SENDERS: Final[dict[str, type[HttpSender | GrpcSender]]] = {"http": HttpSender, "grpc": GrpcSender}


def _hint(trailers: dict[str, Any]) -> float | None:
    """The delay that both trailers give: the Collector reads one of them, the Python SDK the other."""
    short = RetryInfo.FromString(trailers.get("google.rpc.retryinfo-bin", b""))
    full = RetryInfo()
    with contextlib.suppress(IndexError):
        Status.FromString(trailers.get("grpc-status-details-bin", b"")).details[0].Unpack(full)
    seconds: float = short.retry_delay.ToTimedelta().total_seconds()
    return seconds if seconds > 0 and short == full else None
