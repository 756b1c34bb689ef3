"""Requests that are too much of something, poisoned, or sent again and again; at real doors of an exporter process."""

import gzip
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.conftest import Exporter, running
from tests.contract.doors import DOORS, LOGS, TRACES, Door, post
from tests.contract.exporter_process import ExporterProcess
from tests.contract.test_http_rules import PROTOBUF, head, raw, status
from tests.fixtures.processes import Spawn
from tests.fuzz.wire_payloads import unfinished_call

_OK = grpc.StatusCode.OK
_MIB = 2**20
_BY_NAME = {door.name: door for door in DOORS}
every_door = pytest.mark.parametrize("door", DOORS, ids=list(_BY_NAME))


def peak(exporter: ExporterProcess) -> float:
    """The most memory that its worker ever had, in MiB."""
    (worker,) = exporter.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def counted(exporter: Exporter, limit: str) -> int:
    """How often a limit was hit."""
    lines = exporter.admin("/metrics")[1].splitlines()
    return next(int(float(line.split()[-1])) for line in lines if f'limits_hit_total{{limit="{limit}"}}' in line)


@every_door
def test_one_poisoned_span_of_ten_thousand(wide: Exporter, door: Door) -> None:
    """9,999 are rows, one is in quarantine, and the answer is OK with one rejected."""
    trace = numbered.new_trace()
    bad = f"poison {trace.hex()}"
    request = numbered.traces(trace, *["good"] * 9_999, bad)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[9_999].span_id = b"poison"
    reply = door.send(wide.addresses, TRACES, request.SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, 1)
    assert wide.query("SELECT count(*) FROM spans WHERE trace_id = %s::uuid", trace.hex()) == [(9_999,)]
    assert len(numbered.quarantined(wide, bad.encode())) == 1


def test_millions_of_empty_items_are_refused_before_they_take_memory(
    spawn: Spawn, tmp_path: Path, database_url: str
) -> None:
    """Two million empty spans in 4 MiB, in protobuf and in JSON, and as many empty groups: refused, soon and small."""
    exporter = ExporterProcess(spawn, tmp_path, database_url)
    before = peak(exporter)
    # Too long for one byte: 0x80 0x80 0x80 0x02 is 4 MiB.
    spans = b"\x0a\x85\x80\x80\x02\x12\x80\x80\x80\x02" + b"\x12\x00" * (2 * _MIB)
    groups = b"\x0a\x00" * (2 * _MIB)
    text = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b",".join([b"{}"] * 1_400_000) + b"]}]}]}"
    started = time.monotonic()
    for door, body in (("grpc", spans), ("http", groups), ("json", text)):
        reply = _BY_NAME[door].send_raw(exporter.view.addresses, TRACES, body)
        assert (reply.code, reply.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert time.monotonic() - started < 20
    assert peak(exporter) - before < 64
    assert counted(exporter.view, "items") + counted(exporter.view, "framing") == 3


def test_thousands_of_invalid_items_are_kept_as_one_request(wide: Exporter) -> None:
    """Each is counted as rejected; beyond a thousand rows the quarantine has the whole request once instead."""
    before = wide.query("SELECT count(*)::int FROM quarantine")[0][0]
    trace = numbered.new_trace()
    request = numbered.traces(trace, *[f"bad {number}" for number in range(5_000)], "good")
    for span in request.resource_spans[0].scope_spans[0].spans[:5_000]:
        span.trace_id = b"short"
    body = request.SerializeToString()
    reply = _BY_NAME["grpc"].send(wide.addresses, TRACES, body)
    assert (reply.code, reply.rejected) == (_OK, 5_000)
    assert numbered.stored_spans(wide, trace) == ["good"]
    assert wide.query("SELECT count(*)::int FROM quarantine")[0][0] - before == 1_001
    assert wide.query("SELECT count(*)::int FROM quarantine WHERE raw = %s", body) == [(1,)]


def test_a_bomb_over_grpc_is_not_inflated(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """100 MiB of zeros against a limit of 4 MiB: RESOURCE_EXHAUSTED without a retry, and no memory."""
    exporter = ExporterProcess(spawn, tmp_path, database_url, MAX_BODY="4MiB", IN_FLIGHT="8MiB")
    before = peak(exporter)
    reply = _BY_NAME["grpc-gzip"].send_raw(exporter.view.addresses, TRACES, bytes(100 * _MIB))
    assert (reply.code, reply.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert peak(exporter) - before < 32
    assert _BY_NAME["grpc"].send(exporter.view.addresses, TRACES, b"").code is _OK


@pytest.mark.parametrize("names", [("grpc",), ("http", "json")], ids=["grpc", "http"])
def test_largest_requests_at_once_stay_within_a_gigabyte(
    spawn: Spawn, tmp_path: Path, database_url: str, names: tuple[str, ...]
) -> None:
    """Six requests of 48 MiB at once: those that do not fit are told to come back, and all are stored in the end."""
    exporter = ExporterProcess(spawn, tmp_path, database_url)
    traces = [numbered.new_trace() for _ in range(6)]
    bodies = [numbered.traces(trace, *["x" * _MIB] * 48).SerializeToString() for trace in traces]

    def persist(number: int) -> grpc.StatusCode:
        door = _BY_NAME[names[number % len(names)]]
        send = door.send if door.name != "json" else _BY_NAME["http-gzip"].send
        code = grpc.StatusCode.UNKNOWN
        for _ in range(200):
            reply = send(exporter.view.addresses, TRACES, bodies[number])
            code = reply.code
            if code is _OK:
                break
            assert code is grpc.StatusCode.CANCELLED or reply.retry_after == 1.0
        return code

    with ThreadPoolExecutor(len(traces)) as threads:
        assert set(threads.map(persist, range(len(traces)))) == {_OK}
    assert peak(exporter) < 1_024
    for trace in traces:
        assert exporter.view.query("SELECT count(*) FROM spans WHERE trace_id = %s::uuid", trace.hex()) == [(48,)]


def test_gzip_members_and_chunks_of_nothing_are_refused(wide: Exporter) -> None:
    """What costs more to read than it carries."""
    members = gzip.compress(b"") * 10_001
    before = counted(wide, "framing")
    answer, _, _ = post(wide.addresses.http, "/v1/traces", members, {**PROTOBUF, "Content-Encoding": "gzip"})
    assert answer == 413
    chunks = b"1\r\n\x0a\r\n" * 100_001 + b"0\r\n\r\n"
    assert status(raw(wide, head("Transfer-Encoding: chunked") + chunks)) == 413
    assert counted(wide, "framing") - before == 2


def test_replays_by_many_clients_at_once_are_stored_once(wide: Exporter) -> None:
    """Twenty batches, each sent five times by four clients in any order: one row a span, nothing in quarantine."""
    traces = [numbered.new_trace() for _ in range(20)]
    bodies = [numbered.traces(trace, "a", "b", "c").SerializeToString() for trace in traces]
    before = wide.query("SELECT count(*) FROM quarantine")

    def client(number: int) -> set[grpc.StatusCode]:
        sent = bodies * 5
        random.Random(number).shuffle(sent)
        door = DOORS[number]
        return {door.send(wide.addresses, TRACES, body).code for body in sent}

    with ThreadPoolExecutor(4) as threads:
        assert set().union(*threads.map(client, range(4))) == {_OK}
    assert all(numbered.stored_spans(wide, trace) == ["a", "b", "c"] for trace in traces)
    assert wide.query("SELECT count(*) FROM quarantine") == before


@every_door
def test_requests_without_resource_scope_or_items_are_ok(exporter: Exporter, door: Door) -> None:
    """A span without a resource is stored; groups without anything in them are nothing."""
    trace = numbered.new_trace()
    request = numbered.traces(trace, "bare")
    request.resource_spans[0].ClearField("resource")
    request.resource_spans[0].scope_spans[0].ClearField("scope")
    request.resource_spans.add()
    request.resource_spans.add().scope_spans.add()
    reply = door.send(exporter.addresses, TRACES, request.SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, None)
    assert numbered.stored_spans(exporter, trace) == ["bare"]


@every_door
def test_a_log_record_of_anything_costs_only_itself(exporter: Exporter, door: Door) -> None:
    """Wrong ids in one record: its neighbours are stored, it is in quarantine."""
    trace = numbered.new_trace()
    bad = f"bad {trace.hex()}"
    request = numbered.logs(trace, "first", bad, "last")
    request.resource_logs[0].scope_logs[0].log_records[1].trace_id = b"short"
    reply = door.send(exporter.addresses, LOGS, request.SerializeToString())
    assert (reply.code, reply.rejected) == (_OK, 1)
    assert numbered.stored_events(exporter, trace) == ["first", "last"]
    assert [signal for signal, _ in numbered.quarantined(exporter, bad.encode())] == ["logs"]


def test_a_grpc_sender_that_stops_half_way_keeps_nobody_out(database_url: str) -> None:
    """Six calls whose message never ends want the four places there are: a good call is answered all the same."""
    with running(database_url, GRPC_THREADS="8", GRPC_RECEIVING="4", BODY_SECONDS="20") as exporter:
        stuck = [socket.create_connection(exporter.addresses.grpc) for _ in range(6)]
        try:
            for connection in stuck:
                connection.sendall(unfinished_call())
            trace = numbered.new_trace()
            body = numbered.traces(trace, "good").SerializeToString()
            assert _BY_NAME["grpc"].send(exporter.addresses, TRACES, body).code is _OK
            assert numbered.stored_spans(exporter, trace) == ["good"]
            assert wait_until(lambda: counted(exporter, "body_seconds") >= 2, 20)
        finally:
            for connection in stuck:
                connection.close()
