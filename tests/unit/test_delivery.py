"""agent_otel.delivery: what each answer does to what waits."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from agent_otel import counts, delivery
from agent_otel.counts import Counts
from agent_otel.delivery import Delivery, Outcome
from agent_otel.partial_success import partial_success
from agent_otel.record import LOGS, SPANS, SPANS_JSON, frame
from agent_otel.refused import RefusedFolder
from agent_otel.segment import Segment, Tally
from tests.fixtures.sink import Answer, Received, Sink

#: An ExportLogsServiceRequest with nothing in it, which every receiver takes.
EMPTY = b'{"resourceLogs":[]}'


class Bench:
    """A segment, a delivery to a sink, and what was warned of."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.warned: list[str] = []
        self.counts = Counts(str(folder))
        self.refused = folder / "refused"
        self.segment = Segment.create(str(folder / "a.spool"), Tally())
        self.delivery = Delivery(endpoint, (), self.counts, RefusedFolder(str(folder)), self.warned.append)

    def append(self, *payloads: bytes, kind: int = LOGS, items: int = 1) -> None:
        """Add records."""
        for payload in payloads:
            self.segment.append(frame(kind, items, payload))
            self.segment.tally.appended += items

    def deliver(self) -> Outcome:
        """One attempt."""
        return self.delivery.deliver(self.segment, time.monotonic() + 5)


@pytest.fixture
def bench(tmp_path: Path, sink: Sink) -> Iterator[Bench]:
    """A bench on a sink that answers 200."""
    made = Bench(tmp_path, sink.endpoint)
    yield made
    made.delivery.close()
    made.segment.close()


def names(received: list[Received]) -> list[list[str]]:
    """What stands in each request to /v1/logs; our payloads are JSON texts."""
    return [json.loads(one.body)["resourceLogs"] for one in received if one.path == "/v1/logs"]


def test_joined_by_kind(bench: Bench, sink: Sink) -> None:
    """Records of a kind go in one request, JSON as a list, protobuf end to end; events before spans."""
    for number in range(3):
        bench.append(b'"%d"' % number)
        bench.append(b"\x0a\x00", kind=SPANS)
        bench.append(b'"span %d"' % number, kind=SPANS_JSON)
    assert bench.deliver().settled
    assert [(one.path, one.content_type) for one in sink.seen] == [
        ("/v1/logs", "application/json"),
        ("/v1/traces", "application/json"),
        ("/v1/traces", "application/x-protobuf"),
    ]
    assert names(sink.seen) == [["0", "1", "2"]]
    assert json.loads(sink.seen[1].body) == {"resourceSpans": ["span 0", "span 1", "span 2"]}
    assert sink.seen[2].body == b"\x0a\x00" * 3
    assert bench.segment.finished
    assert bench.segment.tally.delivered == 9


def test_request_size_is_bounded(bench: Bench, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a request holds goes in several, in order."""
    monkeypatch.setattr(delivery, "MAX_REQUEST", 120)
    bench.append(*(b'"%030d"' % number for number in range(5)))
    assert bench.deliver().settled
    assert [len(one) for one in names(sink.seen)] == [2, 2, 1]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "", "application/grpc"])
def test_another_server_that_says_200(bench: Bench, sink: Sink, kind: str) -> None:
    """A web server's page is no acknowledgement: nothing is settled, and it is said what to check."""
    bench.append(b'"x"')
    sink.answer = lambda _: Answer(200, {"Content-Type": kind}, b"<html>")
    assert not bench.deliver().settled
    assert "AGENT_OTEL_ENDPOINT" in bench.warned[0]
    sink.answer = lambda _: Answer(200, {"Content-Type": kind})
    assert bench.deliver().settled, "without a body there is nothing to tell it by"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_later(bench: Bench, sink: Sink, status: int) -> None:
    """Nothing is settled; the receiver's Retry-After is kept to, otherwise our own backoff grows."""
    bench.append(b'"x"')
    sink.answer = lambda _: Answer(status, {"Retry-After": "7"})
    outcome = bench.deliver()
    assert not outcome.settled
    assert (outcome.problem, outcome.retry_after) == (f"{bench.delivery._endpoint} answers {status}", 7.0)
    sink.answer = lambda _: Answer(status, {"Retry-After": "Fri, 20 Nov 2026 10:00:00 GMT"})
    waits = [bench.deliver().retry_after for _ in range(5)]
    assert waits == sorted(waits)
    assert waits[0] >= delivery.FIRST_BACKOFF / 2
    assert waits[-1] <= delivery.LAST_BACKOFF
    sink.answer = lambda _: Answer()
    assert bench.deliver().settled
    assert bench.segment.tally.delivered == 1
    assert bench.warned == []


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (302, "AGENT_OTEL_ENDPOINT"),
        (401, "AGENT_OTEL_HEADERS"),
        (403, "AGENT_OTEL_HEADERS"),
        (404, "AGENT_OTEL_ENDPOINT"),
        (407, "AGENT_OTEL_ENDPOINT"),
        (426, "AGENT_OTEL_ENDPOINT"),
    ],
)
def test_wrong_address_or_credentials(bench: Bench, sink: Sink, status: int, advice: str) -> None:
    """Nothing is lost, nothing is followed, and it is said what to do."""
    bench.append(b'"x"')
    sink.answer = lambda _: Answer(status, {"Location": f"{sink.endpoint}/elsewhere"})
    assert not bench.deliver().settled
    assert not bench.segment.finished
    assert advice in bench.warned[0]
    assert len(sink.seen) == 1


def test_server_of_another_kind(bench: Bench, sink: Sink) -> None:
    """A server that refuses even an empty request is no receiver: nothing is given up."""
    bench.append(b'"a"', b'"b"')
    sink.answer = lambda _: Answer(400)
    assert not bench.deliver().settled
    assert not bench.segment.finished
    assert bench.counts.losses == {}
    assert "AGENT_OTEL_ENDPOINT" in bench.warned[0]


def test_grpc_receiver(tmp_path: Path) -> None:
    """A real gRPC server on the port: it is said which port to use, and nothing is given up."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    bench = Bench(tmp_path, f"http://127.0.0.1:{port}")
    bench.append(b'"x"')
    assert not bench.deliver().settled
    assert "4318" in bench.warned[0]
    server.stop(None).wait()
    bench.segment.close()


def test_bad_record_costs_no_neighbour(bench: Bench, sink: Sink) -> None:
    """Of many records the one that is refused is found, kept aside and counted; all others are delivered once."""
    bench.append(*(b'"%d"' % number for number in range(20)), items=2)
    sink.answer = lambda received: Answer(400 if b'"13"' in received.body else 200)
    assert bench.deliver().settled
    delivered = [name for request in names(sink.accepted) for name in request]
    assert sorted(delivered, key=int) == [str(number) for number in range(20) if number != 13]
    assert bench.counts.losses == {counts.REFUSED: 2}
    assert (bench.segment.tally.delivered, bench.segment.tally.lost) == (38, 2)
    (kept,) = bench.refused.iterdir()
    assert kept.read_bytes() == frame(LOGS, 2, b'"13"')
    assert "400" in kept.name
    assert str(bench.refused) in bench.warned[0]


def test_too_large_together(bench: Bench, sink: Sink) -> None:
    """A 413 is answered by smaller requests."""
    bench.append(*(b'"%d"' % number for number in range(9)))
    sink.answer = lambda received: Answer(413 if len(received.body) > 40 else 200)
    assert bench.deliver().settled
    assert sorted(name for request in names(sink.accepted) for name in request) == [str(n) for n in range(9)]
    assert bench.counts.losses == {}


def test_refused_folder_is_bounded(bench: Bench, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its limits refused records are counted only, and that is said."""
    monkeypatch.setattr("agent_otel.refused.MAX_FILES", 2)
    bench.append(*(b'"%d"' % number for number in range(4)))
    sink.answer = lambda received: Answer(200 if received.body == EMPTY else 400)
    assert bench.deliver().settled
    assert len(list(bench.refused.iterdir())) == 2
    assert bench.counts.losses == {counts.REFUSED: 4}
    assert any("no room" in text for text in bench.warned)


def test_interrupted_in_the_middle(bench: Bench, sink: Sink) -> None:
    """What one attempt settled, the next does not send again."""
    bench.append(b'"log"')
    bench.append(b"\x0a\x00", kind=SPANS)
    bench.append(b'"log"')
    sink.answer = lambda received: Answer(503 if received.path == "/v1/traces" else 200)
    assert not bench.deliver().settled
    assert not bench.deliver().settled
    sink.answer = lambda _: Answer()
    assert bench.deliver().settled
    assert [one.path for one in sink.accepted] == ["/v1/logs", "/v1/traces"]


def test_poisonous_request(bench: Bench, sink: Sink) -> None:
    """A record on which the receiver breaks again and again (500) does not hold up the others for ever."""
    bench.append(b'"good"', b'"poison"', b'"fine"')
    sink.answer = lambda received: Answer(500 if b"poison" in received.body else 200)
    for _ in range(200):
        if bench.deliver().settled:
            break
    assert bench.segment.finished
    assert sorted(name for request in names(sink.accepted) for name in request) == ["fine", "good"]
    assert bench.counts.losses == {counts.REFUSED: 1}


@pytest.mark.parametrize(("kind", "name"), [(LOGS, "rejectedLogRecords"), (SPANS_JSON, "rejectedSpans")])
def test_partial_success(bench: Bench, sink: Sink, kind: int, name: str) -> None:
    """Items that the receiver says it did not store count as lost, and its reason is logged."""
    bench.append(b'"x"', items=10, kind=kind)
    answer = {"partialSuccess": {name: "3", "errorMessage": "too odd"}}
    sink.answer = lambda _: Answer(200, {}, json.dumps(answer).encode())
    assert bench.deliver().settled
    assert (bench.segment.tally.delivered, bench.segment.tally.lost) == (7, 3)
    assert "too odd" in bench.warned[0]


def test_partial_success_of_spans() -> None:
    """The protobuf answer is read by hand; nonsense counts as full success."""
    partial = ExportTracePartialSuccess(rejected_spans=300, error_message="é")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert partial_success(SPANS, body) == (300, "é")
    assert partial_success(SPANS, b"") == (0, "")
    assert partial_success(SPANS, b"\xff") == (0, "")
    odd = (b"nonsense", b'{"partialSuccess":{}}', b"[" * 100_000, b'{"partialSuccess":{"rejectedLogRecords":1e999}}')
    for body in odd:
        assert partial_success(LOGS, body) == (0, "")


@pytest.mark.parametrize(("claimed", "counted"), [(99, 10), (-1, 0)])
def test_impossible_partial_success(bench: Bench, sink: Sink, claimed: int, counted: int) -> None:
    """A receiver can refuse no more than it was sent, and no less than nothing."""
    bench.append(b'"x"', items=10)
    sink.answer = lambda _: Answer(200, {}, b'{"partialSuccess":{"rejectedLogRecords":%d}}' % claimed)
    assert bench.deliver().settled
    assert (bench.segment.tally.delivered, bench.segment.tally.lost) == (10 - counted, counted)


def test_nothing_listens(tmp_path: Path) -> None:
    """An absent receiver is told apart, so that a flush need not wait."""
    with Sink() as gone:
        endpoint = gone.endpoint
    bench = Bench(tmp_path, endpoint)
    bench.append(b'"x"')
    outcome = bench.deliver()
    assert (outcome.settled, outcome.unreachable) == (False, True)
    assert not bench.segment.finished
    bench.segment.close()


def test_torn_tail(bench: Bench, sink: Sink) -> None:
    """A tail that was torn off by a crash is counted, and what stands before it is delivered."""
    bench.append(b'"whole"')
    bench.segment.append(frame(LOGS, 1, b'"torn"')[:-3])
    assert bench.deliver().settled
    assert names(sink.seen) == [["whole"]]
    assert bench.counts.losses == {counts.DAMAGED: 1}
    assert bench.segment.finished


def test_damage_in_the_middle(bench: Bench, sink: Sink) -> None:
    """Damaged bytes between two records cost nobody else."""
    bench.append(b'"first"')
    bench.segment.append(b"damage")
    bench.append(b'"second"')
    assert bench.deliver().settled
    assert names(sink.seen) == [["first", "second"]]
    assert bench.counts.losses == {counts.DAMAGED: 1}
