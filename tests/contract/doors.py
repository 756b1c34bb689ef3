"""Every door of the exporter, as a client sees it: gRPC, HTTP with protobuf, HTTP with JSON; each plain and gzip."""

import gzip
import http.client
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from agent_otel.exporter.config import Address
from agent_otel.exporter.supervisor import Addresses
from tests.unit.exporter.otlp_json_encoder import Spelling

TIMEOUT = 30


class Signal(NamedTuple):
    """How a client names a signal."""

    rpc: str
    path: str
    request: Any
    response: Any
    rejected: str


_SERVICES = "/opentelemetry.proto.collector"
TRACES = Signal(
    f"{_SERVICES}.trace.v1.TraceService/Export",
    "/v1/traces",
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "rejected_spans",
)
LOGS = Signal(
    f"{_SERVICES}.logs.v1.LogsService/Export",
    "/v1/logs",
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "rejected_log_records",
)
METRICS = Signal(
    f"{_SERVICES}.metrics.v1.MetricsService/Export",
    "/v1/metrics",
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "rejected_data_points",
)

#: What HTTP statuses may mean in gRPC's terms, for the cases that every door knows.
_CODES = {
    400: (grpc.StatusCode.INVALID_ARGUMENT,),
    404: (grpc.StatusCode.UNIMPLEMENTED,),
    413: (grpc.StatusCode.RESOURCE_EXHAUSTED,),
    503: (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED),
}


class Reply(NamedTuple):
    """An answer, in gRPC's terms."""

    code: grpc.StatusCode
    #: What was rejected of a request that was taken; None when the response says nothing of it.
    rejected: int | None = None
    message: str = ""
    #: Seconds after which to try again; None when that is not said.
    retry_after: float | None = None


class Door(NamedTuple):
    """One way in. `send` takes a request as protobuf bytes and spells it as this door wants it."""

    name: str
    send: Callable[[Addresses, Signal, bytes], Reply]
    #: Sends bytes as they are.
    send_raw: Callable[[Addresses, Signal, bytes], Reply]


def _grpc(compression: grpc.Compression) -> Callable[[Addresses, Signal, bytes], Reply]:
    def send(addresses: Addresses, signal: Signal, body: bytes) -> Reply:
        with grpc.insecure_channel(str(addresses.grpc)) as channel:
            call = channel.unary_unary(signal.rpc, bytes, bytes)
            try:
                return _taken(signal.response.FromString(call(body, timeout=TIMEOUT, compression=compression)), signal)
            except grpc.RpcError as error:
                return _grpc_refusal(error)

    return send


def _grpc_refusal(error: Any) -> Reply:
    trailers = dict(error.trailing_metadata() or ())
    short = trailers.get("google.rpc.retryinfo-bin")
    details = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    if details.code:
        assert details.code == error.code().value[0]
    in_short, in_details = _delay(short), _detail_delay(details)
    assert in_short == in_details, "the two trailers must agree"
    return Reply(error.code(), message=error.details(), retry_after=in_short)


def _http(content_type: str, compress: bool) -> Callable[[Addresses, Signal, bytes], Reply]:
    def send(addresses: Addresses, signal: Signal, body: bytes) -> Reply:
        headers = {"Content-Type": content_type}
        if compress:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        status, answered, answer = post(addresses.http, signal.path, body, headers)
        assert answered["Content-Type"] == content_type
        if status == 200:
            return _taken(_message(signal.response, content_type, answer), signal)
        refusal = _message(Status, content_type, answer)
        seconds = answered["Retry-After"]
        assert _detail_delay(refusal) == (float(seconds) if seconds else None)
        code = next(each for each in _CODES[status] if each.value[0] == refusal.code)
        return Reply(code, message=refusal.message, retry_after=float(seconds) if seconds else None)

    return send


def post(
    address: Address, path: str, body: Any, headers: dict[str, str], method: str = "POST"
) -> tuple[int, Any, bytes]:
    """Send one HTTP request on a connection of its own; status, headers and body of the answer."""
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def as_json(signal: Signal, body: bytes) -> bytes:
    """A protobuf request as OTLP/JSON."""
    return Spelling(len(body)).json(signal.request.FromString(body)).encode()


def _then_json(send: Callable[[Addresses, Signal, bytes], Reply]) -> Callable[[Addresses, Signal, bytes], Reply]:
    return lambda addresses, signal, body: send(addresses, signal, as_json(signal, body))


def _taken(response: Any, signal: Signal) -> Reply:
    if not response.HasField("partial_success"):
        return Reply(grpc.StatusCode.OK)
    partial = response.partial_success
    return Reply(grpc.StatusCode.OK, getattr(partial, signal.rejected), partial.error_message)


def _message(kind: Any, content_type: str, body: bytes) -> Any:
    if content_type == "application/x-protobuf":
        return kind.FromString(body)
    parsed = json.loads(body)
    if kind is Status:
        status = Status(code=parsed["code"], message=parsed["message"])
        for detail in parsed.get("details", []):
            assert detail["@type"] == "type.googleapis.com/google.rpc.RetryInfo"
            info = RetryInfo()
            info.retry_delay.FromJsonString(detail["retryDelay"])
            status.details.add().Pack(info)
        return status
    partial = parsed.get("partialSuccess")
    if partial is None:
        return kind()
    rejected = int(partial.get("rejectedSpans") or partial.get("rejectedLogRecords") or 0)
    field = "rejected_spans" if kind is ExportTraceServiceResponse else "rejected_log_records"
    return kind(partial_success={field: rejected, "error_message": partial.get("errorMessage", "")})


def _delay(packed: Any) -> float | None:
    return None if packed is None else float(RetryInfo.FromString(packed).retry_delay.ToTimedelta().total_seconds())


def _detail_delay(status: Status) -> float | None:
    for detail in status.details:
        info = RetryInfo()
        assert detail.Unpack(info)
        return float(info.retry_delay.ToTimedelta().total_seconds())
    return None


_GRPC, _GRPC_GZIP = _grpc(grpc.Compression.NoCompression), _grpc(grpc.Compression.Gzip)
_PROTOBUF, _PROTOBUF_GZIP = _http("application/x-protobuf", False), _http("application/x-protobuf", True)
_JSON, _JSON_GZIP = _http("application/json", False), _http("application/json", True)

DOORS = (
    Door("grpc", _GRPC, _GRPC),
    Door("grpc-gzip", _GRPC_GZIP, _GRPC_GZIP),
    Door("http", _PROTOBUF, _PROTOBUF),
    Door("http-gzip", _PROTOBUF_GZIP, _PROTOBUF_GZIP),
    Door("json", _then_json(_JSON), _JSON),
    Door("json-gzip", _then_json(_JSON_GZIP), _JSON_GZIP),
)
