"""One contract for every door: what is answered OK is in PostgreSQL, and each kind of failure has its one answer."""

import uuid

import grpc
import pytest

from agent_otel import semconv
from tests.contract import numbered
from tests.contract.conftest import Exporter
from tests.contract.doors import DOORS, LOGS, METRICS, TRACES, Door, Signal, as_json

_OK = grpc.StatusCode.OK

every_door = pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])


@every_door
def test_ok_means_stored(exporter: Exporter, door: Door) -> None:
    """All spans of an OK request are rows when the answer arrives, and nothing is said to be rejected."""
    trace = numbered.new_trace()
    reply = door.send(exporter.addresses, TRACES, numbered.traces(trace, "a", "b", "c").SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, None)
    assert numbered.stored_spans(exporter, trace) == ["a", "b", "c"]


@every_door
def test_log_records_are_taken(exporter: Exporter, door: Door) -> None:
    """Log records are stored as events."""
    trace = numbered.new_trace()
    reply = door.send(exporter.addresses, LOGS, numbered.logs(trace, "started", "completed").SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, None)
    assert numbered.stored_events(exporter, trace) == ["completed", "started"]


@every_door
@pytest.mark.parametrize("ids", [(b"", b""), (bytes(16), bytes(8))], ids=["absent", "zero"])
def test_events_without_ids_make_their_execution(exporter: Exporter, door: Door, ids: tuple[bytes, bytes]) -> None:
    """A shell that knows only the execution's id sends no trace id: its events are one row all the same."""
    execution_id = str(uuid.uuid4())
    request = numbered.logs(b"", semconv.EVENT_STARTED, semconv.EVENT_PROGRESS, semconv.EVENT_COMPLETED)
    for record in request.resource_logs[0].scope_logs[0].log_records:
        record.trace_id, record.span_id = ids
        record.attributes.add(key=semconv.EXECUTION_ID).value.string_value = execution_id
    reply = door.send(exporter.addresses, LOGS, request.SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, None)
    statement = """SELECT status, correlation_id, ended_unix_ns - started_unix_ns FROM agent_executions
                   WHERE execution_id = %s::uuid"""
    assert exporter.query(statement, execution_id) == [("success", None, 2)]


@every_door
def test_a_replay_is_ok_and_adds_nothing(exporter: Exporter, door: Door) -> None:
    """A request sent twice is OK twice and stored once."""
    trace = numbered.new_trace()
    body = numbered.traces(trace, "a", "b").SerializeToString()
    replies = [door.send(exporter.addresses, TRACES, body) for _ in range(2)]
    assert [(reply.code, reply.rejected) for reply in replies] == [(_OK, None)] * 2
    assert numbered.stored_spans(exporter, trace) == ["a", "b"]


@every_door
def test_a_bad_span_does_not_cost_its_neighbours(exporter: Exporter, door: Door) -> None:
    """Of three spans one has a trace id of five bytes: two are stored, one is in quarantine, the answer says so."""
    trace = numbered.new_trace()
    bad_name = f"bad {trace.hex()}"
    request = numbered.traces(trace, "first", bad_name, "last")
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b"short"
    reply = door.send(exporter.addresses, TRACES, request.SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, 1)
    assert "trace" in reply.message.lower()
    assert numbered.stored_spans(exporter, trace) == ["first", "last"]
    assert [signal for signal, _ in numbered.quarantined(exporter, bad_name.encode())] == ["traces"]


@every_door
def test_text_that_is_not_utf8_costs_only_its_span(exporter: Exporter, door: Door) -> None:
    """Invalid UTF-8 in one name leaves the neighbours alone, and the bytes as they came are in quarantine."""
    trace = numbered.new_trace()
    marker = trace.hex().encode()
    body = numbered.traces(trace, "first", f"bad {trace.hex()}~", "last").SerializeToString()
    if door.name.startswith("json"):
        spoilt = as_json(TRACES, body).replace(marker + b"~", marker + b"\xff")
    else:
        spoilt = body.replace(marker + b"~", marker + b"\xff")
    reply = door.send_raw(exporter.addresses, TRACES, spoilt)
    assert reply.code is _OK
    assert {"first", "last"} <= set(numbered.stored_spans(exporter, trace))
    assert numbered.quarantined(exporter, marker + b"\xff")


@every_door
def test_other_content_under_the_same_ids_is_a_conflict(exporter: Exporter, door: Door) -> None:
    """The first content stays, the second is rejected and kept in quarantine."""
    trace = numbered.new_trace()
    second = f"second {trace.hex()}"
    door.send(exporter.addresses, TRACES, numbered.traces(trace, "first").SerializeToString())
    reply = door.send(exporter.addresses, TRACES, numbered.traces(trace, second).SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, 1)
    assert numbered.stored_spans(exporter, trace) == ["first"]
    assert len(numbered.quarantined(exporter, second.encode())) == 1


@every_door
@pytest.mark.parametrize("signal", [TRACES, LOGS], ids=["traces", "logs"])
def test_an_empty_request_is_ok(exporter: Exporter, door: Door, signal: Signal) -> None:
    """A request without items is a success, as OTLP asks."""
    reply = door.send(exporter.addresses, signal, b"")
    assert (reply.code, reply.rejected) == (_OK, None)


@every_door
def test_what_is_not_otlp_is_refused_for_good(exporter: Exporter, door: Door) -> None:
    """A body that cannot be decoded is the sender's fault: no retry is asked for."""
    reply = door.send_raw(exporter.addresses, TRACES, b"\x0a\xff this is not an export request")
    assert (reply.code, reply.retry_after) == (grpc.StatusCode.INVALID_ARGUMENT, None)


@every_door
def test_a_too_large_request_is_refused_for_good(exporter: Exporter, door: Door) -> None:
    """Above the limit, after inflating, nothing is stored and no retry is asked for."""
    trace = numbered.new_trace()
    body = numbered.traces(trace, "x" * 2**20).SerializeToString()
    reply = door.send(exporter.addresses, TRACES, body)
    assert (reply.code, reply.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert numbered.stored_spans(exporter, trace) == []


@every_door
def test_metrics_are_not_implemented(exporter: Exporter, door: Door) -> None:
    """A receiver without metrics says so, and what to do."""
    reply = door.send(exporter.addresses, METRICS, b"")
    assert reply.code is grpc.StatusCode.UNIMPLEMENTED
    assert "metrics" in reply.message or "traces and logs only" in reply.message


def test_every_door_stores_the_same(exporter: Exporter) -> None:
    """The same request through every door meets its own rows: no door changes a bit of it."""
    trace = numbered.new_trace()
    request = numbered.traces(trace, "root", "step")
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    attributes.add(key="double").value.double_value = 0.1
    attributes.add(key="wide").value.int_value = 2**63 - 1
    attributes.add(key="bytes").value.bytes_value = b"\x00\xff"
    attributes.add(key="list").value.array_value.values.add().string_value = "é😀"
    attributes.add(key="map").value.kvlist_value.values.add(key="k").value.bool_value = False
    replies = [door.send(exporter.addresses, TRACES, request.SerializeToString()) for door in DOORS]
    assert [(reply.code, reply.rejected) for reply in replies] == [(_OK, None)] * len(DOORS)
    assert numbered.stored_spans(exporter, trace) == ["root", "step"]


def test_the_counters_add_up(exporter: Exporter) -> None:
    """Received = stored + rejected, over whatever the tests of this file have sent; no request is under way."""
    trace = numbered.new_trace()
    DOORS[0].send(exporter.addresses, TRACES, numbered.traces(trace, "a").SerializeToString())
    samples = dict(
        line.rsplit(" ", 1) for line in exporter.admin("/metrics")[1].splitlines() if not line.startswith("#")
    )
    numbers = {name.removeprefix("agent_otel_exporter_"): float(value) for name, value in samples.items()}
    received = numbers['items_received_total{signal="traces"}']
    stored = numbers['items_stored_total{signal="traces"}']
    rejected = sum(numbers[f'items_rejected_total{{by="{by}",signal="traces"}}'] for by in ("store", "receiver"))
    assert received == stored + rejected
    assert stored >= 1
    assert numbers["in_flight_bytes"] == 0
