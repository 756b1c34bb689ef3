"""Many items under a resource of megabytes: it is decoded, counted and kept once, not once an item."""

import time

import grpc

from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import DOORS, TRACES, Reply

_SPANS = 3_000
_MIB = 2**20
#: Of the 25 s that a request may take; once an item it took minutes.
_SECONDS = 20


def sent(exporter: Exporter, trace: bytes, *, broken: bool) -> Reply:
    """The answer to 3,000 spans under a resource of 3 MiB; broken ones have a span id that is too short."""
    request = numbered.traces(trace, *["span"] * _SPANS)
    request.resource_spans[0].resource.attributes.add(key="large").value.string_value = trace.hex() * (3 * _MIB // 32)
    if broken:
        for span in request.resource_spans[0].scope_spans[0].spans:
            span.span_id = span.span_id[:7]
    return DOORS[0].send(exporter.addresses, TRACES, request.SerializeToString())


def test_a_large_resource_costs_once(database_url: str) -> None:
    """Sound spans are rows; broken ones are in quarantine, in less than three times the request's size."""
    with running(database_url) as exporter:
        started = time.monotonic()
        sound, broken = numbered.new_trace(), numbered.new_trace()
        assert sent(exporter, sound, broken=False).code is grpc.StatusCode.OK
        assert sent(exporter, broken, broken=True).rejected == _SPANS
        assert time.monotonic() - started < _SECONDS
        assert exporter.query("SELECT count(*) FROM spans WHERE trace_id = %s::uuid", sound.hex()) == [(_SPANS,)]
        ((size,),) = exporter.query(
            "SELECT (SELECT sum(length(raw)) FROM quarantine) + (SELECT coalesce(sum(length(raw)), 0)"
            " FROM quarantine_origins)"
        )
        assert 3 * _MIB < size < 9 * _MIB
