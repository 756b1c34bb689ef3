"""The one table from our errors to what a client is told, over gRPC and over HTTP.

The Collector deletes a whole batch on a permanent answer and sends it again on a retryable one, so only what is wrong
with the request as a whole is permanent, and whatever we do not know is retryable. Which codes are which: OTLP 1.x,
"Failures" (gRPC: RESOURCE_EXHAUSTED is retryable only with RetryInfo; HTTP: 429, 502, 503, 504).
"""

import logging
from typing import Final, NamedTuple

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from agent_otel.errors import (
    AgentOtelError,
    MalformedRequestError,
    OverloadedError,
    RequestTooLargeError,
    RetryableError,
    UnsupportedError,
)
from agent_otel.exporter.metrics import Metrics

logger: Final = logging.getLogger(__name__)

#: When to come back. The Python SDK gives up at once when told to wait longer than its time-out allows.
RETRY_SECONDS: Final = 1


class Answer(NamedTuple):
    """What a client is told about a failed request."""

    grpc: grpc.StatusCode
    http: int
    retryable: bool


# The first class that fits counts, so subclasses stand before their bases.
_TABLE: Final[tuple[tuple[type[Exception], Answer], ...]] = (
    (MalformedRequestError, Answer(grpc.StatusCode.INVALID_ARGUMENT, 400, False)),
    (RequestTooLargeError, Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 413, False)),
    (UnsupportedError, Answer(grpc.StatusCode.UNIMPLEMENTED, 415, False)),
    # Not 429: earlier Python SDKs drop what is answered so.
    (OverloadedError, Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 503, True)),
    (Exception, Answer(grpc.StatusCode.UNAVAILABLE, 503, True)),
)


def answer_to(error: Exception) -> Answer:
    """The row of the table for `error`."""
    return next(answer for kind, answer in _TABLE if isinstance(error, kind))


def rpc_status(error: Exception) -> Status:
    """What the client is told, as the message that OTLP asks for as an error's body."""
    answer = answer_to(error)
    status = Status(code=answer.grpc.value[0], message=_message(error, answer))
    if answer.retryable:
        status.details.add().Pack(_retry_info())
    return status


def trailers(error: Exception) -> tuple[tuple[str, bytes], ...]:
    """gRPC trailing metadata: the Collector reads the first of the two, the Python SDK only the second."""
    details = (("grpc-status-details-bin", rpc_status(error).SerializeToString()),)
    if not answer_to(error).retryable:
        return details
    return (*details, ("google.rpc.retryinfo-bin", _retry_info().SerializeToString()))


def note_refusal(signal: str, transport: str, error: Exception, metrics: Metrics) -> None:
    """Count the limit that a request hit, and say in the log why it failed: with a traceback when we do not know."""
    known = isinstance(error, AgentOtelError)
    if isinstance(error, AgentOtelError) and error.limit:
        metrics.hit(error.limit)
    fields = {"signal": signal, "transport": transport, "code": answer_to(error).grpc.name, "reason": str(error)}
    if error.__cause__ is not None:
        fields["cause"] = str(error.__cause__)
    logger.warning("request refused", extra=fields, exc_info=None if known else error)


def _message(error: Exception, answer: Answer) -> str:
    """A permanent error says what is wrong with the request; of our own troubles a client learns only the kind."""
    if not answer.retryable and isinstance(error, AgentOtelError):
        return str(error)
    return str(OverloadedError() if isinstance(error, OverloadedError) else RetryableError())


def _retry_info() -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.seconds = RETRY_SECONDS
    return info
