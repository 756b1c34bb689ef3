"""OTLP over HTTP: POST /v1/traces and /v1/logs, in protobuf or JSON, plain or gzip."""

from http import HTTPStatus
from typing import Final

import grpc
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from agent_otel.errors import AgentOtelError, UnsupportedError
from agent_otel.exporter import http_body
from agent_otel.exporter.config import Config
from agent_otel.exporter.http_server import Request, Response, host_allowed
from agent_otel.exporter.in_flight import InFlight
from agent_otel.exporter.ingest import Encoding, Ingest
from agent_otel.exporter.metrics import Metrics
from agent_otel.exporter.signals import SIGNALS, Signal
from agent_otel.exporter.status import RETRY_SECONDS, answer_to, note_refusal, rpc_status

_BY_PATH: Final = {signal.path: signal for signal in SIGNALS}
_TAKEN: Final = ", ".join(f"POST {path}" for path in _BY_PATH)


class _RefusedError(AgentOtelError):
    """What only HTTP can get wrong: the request is refused before it is read."""

    def __init__(self, status: HTTPStatus, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class HttpReceiver:
    """The handler of an HttpServer that takes OTLP."""

    def __init__(self, ingest: Ingest, in_flight: InFlight, config: Config, metrics: Metrics) -> None:
        self._ingest = ingest
        self._in_flight = in_flight
        self._config = config
        self._metrics = metrics

    def __call__(self, request: Request) -> Response:
        """Answer one request; raises only ConnectionError, when its sender is gone."""
        signal = _BY_PATH.get(request.path)
        code = grpc.StatusCode.CANCELLED
        try:
            response = self._export(request, signal)
            code = grpc.StatusCode.OK
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the one table answers, also what it does not know
            response, code = _failure(request, error)
            note_refusal(signal.name if signal else request.path[:80], "http", error, self._metrics)
        finally:
            self._metrics.requests.labels(signal.name if signal else "none", "http", code.name).inc()
        return response

    def _export(self, request: Request, signal: Signal | None) -> Response:
        headers = request.headers
        if not host_allowed(headers.get("host"), self._config.hosts):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN,
                grpc.StatusCode.PERMISSION_DENIED,
                "the Host header names nobody here; add the name to AGENT_OTEL_EXPORTER_HOSTS if it is ours",
            )
        if signal is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED, _not_found(request.path))
        if request.method != "POST":
            raise _RefusedError(
                HTTPStatus.METHOD_NOT_ALLOWED, grpc.StatusCode.INVALID_ARGUMENT, f"{signal.path} takes POST only"
            )
        encoding = _encoding(headers.get("content-type"))
        if encoding is None:
            raise UnsupportedError("Content-Type must be application/x-protobuf or application/json")
        limit = self._config.max_body
        with self._in_flight.reserve() as room:
            pieces = request.pieces(limit)
            body = http_body.content(
                pieces, headers.get("content-encoding"), headers.get("content-length"), limit, room.grow
            )
            return _answer(HTTPStatus.OK, self._ingest.export(signal, body, encoding), encoding)


def _encoding(content_type: str | None) -> Encoding | None:
    name = (content_type or "").partition(";")[0].strip().lower()
    return next((encoding for encoding in Encoding if encoding.value == name), None)


def _not_found(path: str) -> str:
    if path == "/v1/metrics":
        return "this receiver takes no metrics: send them elsewhere, or set OTEL_METRICS_EXPORTER=none"
    return f"there is nothing here; this receiver takes {_TAKEN}"


def _answer(
    status: HTTPStatus, message: Message, encoding: Encoding, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    protobuf = encoding is Encoding.PROTOBUF
    body = message.SerializeToString() if protobuf else MessageToJson(message, indent=None).encode()
    return Response(status, body, encoding.value, headers)


def _failure(request: Request, error: Exception) -> tuple[Response, grpc.StatusCode]:
    """An error's response: a Status in the request's encoding, JSON when that is neither of the two."""
    encoding = _encoding(request.headers.get("content-type")) or Encoding.JSON
    if isinstance(error, _RefusedError):
        headers = (("Allow", "POST"),) if error.status == HTTPStatus.METHOD_NOT_ALLOWED else ()
        status = Status(code=error.code.value[0], message=str(error))
        return _answer(error.status, status, encoding, headers), error.code
    answer = answer_to(error)
    retry = (("Retry-After", str(RETRY_SECONDS)),) if answer.retryable else ()
    return _answer(HTTPStatus(answer.http), rpc_status(error), encoding, retry), answer.grpc
