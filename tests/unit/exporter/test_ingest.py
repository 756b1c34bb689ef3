"""From a body to its response, with a store that does what the test tells it."""

from collections.abc import Iterator, Sequence
from threading import Event, Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agent_otel.errors import RetryableError
from agent_otel.exporter import config
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.group_commit import GroupCommit, Limits
from agent_otel.exporter.ingest import Encoding, Ingest
from agent_otel.exporter.limits import Limits as MappingLimits
from agent_otel.exporter.mapping import MAX_ITEM_BYTES, map_spans
from agent_otel.exporter.metrics import Metrics
from agent_otel.exporter.signals import TRACES, Signal
from agent_otel.exporter.span_mapping import map_span
from agent_otel.store.rows import Batch
from tests.contract import numbered
from tests.fixtures.sink import eventually
from tests.unit.exporter.test_group_commit import ToldStore

LARGE = 3 * 1024 * 1024
_TRACE = bytes(15) + b"\7"


class Doors:
    """An ingest with its store."""

    def __init__(self, **settings: str) -> None:
        environ = {f"AGENT_OTEL_EXPORTER_{name}": value for name, value in settings.items()}
        self._config = config.read({**environ, "AGENT_OTEL_DATABASE_URL": "unused"})
        self.store = ToldStore()
        self.store.go_on.set()
        limits = Limits(100, 10**9, self._config.transaction_rows, self._config.transaction_bytes)
        self.commits = GroupCommit(self.store, limits, Metrics())
        self.commits.start()
        self._ingest = Ingest(self.commits, self._config, Metrics())

    def export(self, request: ExportTraceServiceRequest, signal: Signal = TRACES) -> Any:
        """Send a request; its response."""
        return self._ingest.export(signal, request.SerializeToString(), Encoding.PROTOBUF)


@pytest.fixture
def doors() -> Iterator[Doors]:
    """Small transactions: three rows, 4 KiB."""
    doors = Doors(TRANSACTION_ROWS="3", TRANSACTION_BYTES="4KiB")
    yield doors
    doors.commits.stop(10)


def test_large_requests_are_committed_in_parts(doors: Doors) -> None:
    """No transaction is larger than the limit, every span is in one, in order; the answer comes after the last."""
    names = [f"span {number}" for number in range(8)]
    assert not doors.export(numbered.traces(_TRACE, *names)).HasField("partial_success")
    assert [name for written in doors.store.written for name in written] == names
    assert max(map(len, doors.store.written)) == 3


def test_parts_are_limited_by_bytes(doors: Doors) -> None:
    """A resource counts once for the items that share it, and for each item that has its own: 1.5 KiB, 4 KiB fit."""
    request = numbered.traces(_TRACE, *"abc")
    request.resource_spans[0].resource.attributes[0].value.string_value = "x" * 1_500
    doors.export(request)
    for name in "def":
        own = numbered.traces(_TRACE, name)
        own.resource_spans[0].resource.attributes[0].value.string_value = name * 1_500
        request.MergeFrom(own)
    del request.resource_spans[0]
    doors.export(request)
    assert [len(written) for written in doors.store.written] == [3, 2, 1]


def test_a_span_beyond_the_limit_goes_to_quarantine(doors: Doors) -> None:
    """Its neighbours are stored, and the answer has the reason."""
    response = doors.export(numbered.traces(_TRACE, "a", "x" * MAX_ITEM_BYTES, "b"))
    assert response.partial_success.rejected_spans == 1
    assert str(MAX_ITEM_BYTES) in response.partial_success.error_message
    assert sorted(name for written in doors.store.written for name in written) == ["a", "b"]


def test_a_fault_of_the_mapping_costs_one_item(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an item brings out a bug, it alone goes to quarantine."""

    def faulty(raw: bytes, *arguments: Any) -> Any:
        if b"poison" in raw:
            raise KeyError("a fault of ours")
        return map_span(raw, *arguments)

    monkeypatch.setattr("agent_otel.exporter.mapping.map_span", faulty)
    response = doors.export(numbered.traces(_TRACE, "a", "poison", "b"))
    assert response.partial_success.rejected_spans == 1
    assert "KeyError" in response.partial_success.error_message
    assert doors.store.written == [["a", "b"]]


def test_ordinary_requests_are_mapped_in_turn_and_a_large_one_goes_on(doors: Doors) -> None:
    """While one is being mapped the others wait, but a large one neither waits for them nor keeps them waiting."""
    begun: list[int] = []
    go_on = Event()

    def to_batch(items: Sequence[RawItem], limits: MappingLimits) -> Batch:
        begun.append(len(items[0].raw))
        assert len(items[0].raw) > LARGE or go_on.wait(10)
        return map_spans(items, limits)

    signal = TRACES._replace(to_batch=to_batch)
    senders = [Thread(target=doors.export, args=(numbered.traces(_TRACE, name), signal)) for name in "abc"]
    for sender in senders:
        sender.start()
    eventually(lambda: bool(begun))
    doors.export(numbered.traces(_TRACE, "x" * LARGE), signal)
    assert [size > LARGE for size in begun] == [False, True]
    go_on.set()
    for sender in senders:
        sender.join(10)
    names = [name for written in doors.store.written for name in written]
    assert sorted(name[:1] for name in names) == ["a", "b", "c", "x"]


def test_what_is_refused_as_late_is_taken_back() -> None:
    """A request that waited too long is not written when its turn comes: its sender has been told to send it again."""
    doors = Doors(REQUEST_SECONDS="0.1")
    doors.store.go_on.clear()
    for name in ("in a transaction", "waiting"):
        with pytest.raises(RetryableError, match="in time"):
            doors.export(numbered.traces(_TRACE, name))
    doors.store.go_on.set()
    doors.commits.stop(10)
    assert doors.store.written == [["in a transaction"]]
