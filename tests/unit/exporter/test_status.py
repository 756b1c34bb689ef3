"""The one table of answers."""

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from agent_otel import errors
from agent_otel.exporter.status import answer_to, rpc_status, trailers

_CODE = grpc.StatusCode

_TABLE = [
    (errors.MalformedRequestError("no"), _CODE.INVALID_ARGUMENT, 400, False),
    (errors.RequestTooLargeError("no"), _CODE.RESOURCE_EXHAUSTED, 413, False),
    (errors.UnsupportedError("no"), _CODE.UNIMPLEMENTED, 415, False),
    (errors.OverloadedError("no"), _CODE.RESOURCE_EXHAUSTED, 503, True),
    (errors.RetryableError("no"), _CODE.UNAVAILABLE, 503, True),
    (errors.DatabaseUnavailableError("no"), _CODE.UNAVAILABLE, 503, True),
    (errors.SchemaError("no"), _CODE.UNAVAILABLE, 503, True),
    (errors.ConfigurationError("no"), _CODE.UNAVAILABLE, 503, True),
    (RuntimeError("no"), _CODE.UNAVAILABLE, 503, True),
    (MemoryError(), _CODE.UNAVAILABLE, 503, True),
]


@pytest.mark.parametrize(("error", "code", "http", "retryable"), _TABLE)
def test_each_error_has_its_answer(error: Exception, code: grpc.StatusCode, http: int, retryable: bool) -> None:
    """Only what is wrong with a request as a whole is permanent; whatever we do not know is retryable."""
    assert answer_to(error) == (code, http, retryable)
    assert (http in (429, 502, 503, 504)) is retryable


@pytest.mark.parametrize(("error", "code", "_http", "retryable"), _TABLE)
def test_status_and_trailers_agree(error: Exception, code: grpc.StatusCode, _http: int, retryable: bool) -> None:
    """RetryInfo of one second stands in both trailers of a retryable answer, and in neither of a permanent one."""
    sent = dict(trailers(error))
    status = Status.FromString(sent["grpc-status-details-bin"])
    assert (status.code, status) == (code.value[0], rpc_status(error))
    assert (len(status.details) == 1) is retryable
    assert ("google.rpc.retryinfo-bin" in sent) is retryable
    if retryable:
        assert RetryInfo.FromString(sent["google.rpc.retryinfo-bin"]).retry_delay.seconds == 1


def test_clients_learn_nothing_of_our_inside() -> None:
    """A permanent error's text is about the request; that of our own troubles stays in the log."""
    assert rpc_status(errors.MalformedRequestError("byte 5 is wrong")).message == "byte 5 is wrong"
    for error in (errors.RetryableError("host secret"), errors.OverloadedError("secret"), OSError("secret")):
        assert "secret" not in rpc_status(error).message
        assert "again" in rpc_status(error).message
