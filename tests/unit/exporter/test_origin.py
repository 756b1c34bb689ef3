"""Resources and scopes are decoded once, and only small ones are remembered beyond their request."""

import uuid
from collections import Counter

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel.exporter import origin
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.limits import DEFAULT
from agent_otel.exporter.origin import MAX_REMEMBERED_BYTES, Origins
from agent_otel.exporter.values import to_attributes


def item(size: int = 0) -> RawItem:
    """An item of a resource that nobody else has."""
    attributes = to_attributes({"id": str(uuid.uuid4()), "fill": "x" * size})
    return RawItem(b"", Resource(attributes=attributes).SerializeToString(), b"", b"", b"")


def origins() -> Origins:
    """Those of a new request."""
    return Origins(DEFAULT, Counter())


def test_a_resource_is_decoded_once_for_all_requests() -> None:
    """The next request gets the same row."""
    sent = item()
    assert origins().of(sent) is origins().of(sent._replace(raw=b"another"))


def test_another_schema_url_limit_or_scope_is_another_origin() -> None:
    """Everything that its rows depend on tells origins apart."""
    sent = item()
    request = origins()
    first = request.of(sent)
    assert request.of(sent._replace(resource_schema_url=b"u")).resource.digest != first.resource.digest
    assert request.of(sent._replace(scope_schema_url=b"u")).scope.digest != first.scope.digest
    assert request.of(sent) is first
    limits = DEFAULT._replace(value=1024)
    assert Origins(limits, Counter()).of(sent) is not first


def test_a_large_resource_is_remembered_for_its_request_only() -> None:
    """Clients with megabytes of resource attributes do not fill the memory."""
    sent = item(MAX_REMEMBERED_BYTES)
    request = origins()
    first = request.of(sent)
    request.of(item())
    assert request.of(sent) is first
    assert origins().of(sent) is not first


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that it is emptied."""
    monkeypatch.setattr(origin, "MAX_REMEMBERED", 5)
    monkeypatch.setattr(origin, "_remembered", {})
    for _ in range(20):
        origins().of(item())
        assert len(origin._remembered) <= 5


def test_a_resource_that_cannot_be_read_is_refused_every_time() -> None:
    """Not only when it is first seen."""
    request = origins()
    for _ in range(2):
        with pytest.raises(DecodeError):
            request.of(RawItem(b"", b"\xff", b"", b"", b""))
