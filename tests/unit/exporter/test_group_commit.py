"""Group commit against a store that does what the test tells it: order, limits, shared outcomes, the end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from agent_otel.errors import OverloadedError, RetryableError
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.group_commit import GroupCommit, Limits
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.metrics import Metrics
from agent_otel.local_stack.process import wait_until
from agent_otel.store.rows import Batch, Version, Written
from tests.contract import numbered

_SECONDS = 10
_LIMITS = Limits(waiting=8, waiting_bytes=1000, transaction_rows=4, transaction_bytes=500)

Write = Callable[[Batch], Written]


class ToldStore:
    """Stands in for the writer where PostgreSQL would have to fail at a chosen moment."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.closed = False
        self.go_on = threading.Event()
        self.outcome: Write = lambda batch: Written(spans=len(batch.spans))

    def write(self, batch: Batch) -> Written:
        """Note the names of the batch's spans, wait until the test lets it go on, then do as told."""
        self.written.append([item.row.name for item in batch.spans])
        assert self.go_on.wait(_SECONDS)
        return self.outcome(batch)

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


def batch(*names: str, size: int = 10) -> Batch:
    """A batch of one span for each name."""
    spans = numbered.traces(bytes(15) + b"\1", *names).resource_spans[0].scope_spans[0].spans
    mapped = map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans])
    mapped.size = size
    return mapped


@pytest.fixture
def store() -> ToldStore:
    """A store that waits for `go_on`."""
    return ToldStore()


@pytest.fixture
def metrics() -> Metrics:
    """What the group commit counts."""
    return Metrics()


@pytest.fixture
def commits(store: ToldStore, metrics: Metrics) -> Iterator[GroupCommit]:
    """A running group commit; it is stopped at the end."""
    commits = GroupCommit(store, _LIMITS, metrics)
    commits.start()
    yield commits
    store.go_on.set()
    commits.stop(_SECONDS)


def started(commits: GroupCommit, store: ToldStore, *names: str) -> "Future[int]":
    """Submit a batch and wait until its transaction has begun."""
    before = len(store.written)
    future = commits.submit(batch(*names))
    assert wait_until(lambda: len(store.written) > before, _SECONDS)
    return future


def test_nobody_is_answered_before_the_commit(commits: GroupCommit, store: ToldStore) -> None:
    """A future is done only after write has returned."""
    future = started(commits, store, "a")
    assert not future.done()
    store.go_on.set()
    assert future.result(_SECONDS) == 0


def test_what_waits_goes_together_in_order(commits: GroupCommit, store: ToldStore) -> None:
    """While one transaction runs others wait; the next takes them in order of arrival, up to its rows."""
    futures = [started(commits, store, "first")]
    futures += [commits.submit(batch(name)) for name in "abcdef"]
    store.go_on.set()
    assert [future.result(_SECONDS) for future in futures] == [0] * 7
    assert store.written == [["first"], ["a", "b", "c", "d"], ["e", "f"]]


def test_a_large_request_is_not_overtaken(commits: GroupCommit, store: ToldStore) -> None:
    """One that does not fit into the transaction goes first into the next, alone when it is larger than the limit."""
    futures = [started(commits, store, "first"), commits.submit(batch("a"))]
    futures += [commits.submit(batch("large", size=600)), commits.submit(batch("b"))]
    store.go_on.set()
    assert [future.result(_SECONDS) for future in futures] == [0] * 4
    assert store.written == [["first"], ["a"], ["large"], ["b"]]


def test_the_queue_is_bounded_by_requests_and_bytes(commits: GroupCommit, store: ToldStore, metrics: Metrics) -> None:
    """Beyond either limit a request is refused at once; what is in a transaction does not count."""
    first = started(commits, store, "first")
    futures = [commits.submit(batch("a", size=900))]
    with pytest.raises(OverloadedError):
        commits.submit(batch("b", size=101))
    futures += [commits.submit(batch("b")) for _ in range(7)]
    with pytest.raises(OverloadedError):
        commits.submit(batch("c"))
    assert b"agent_otel_exporter_queue_batches 8.0" in metrics.render()
    store.go_on.set()
    assert {future.result(_SECONDS) for future in [first, *futures]} == {0}
    assert commits.submit(batch("d", size=2000)).result(_SECONDS) == 0


def test_each_request_learns_of_its_own_refusals(commits: GroupCommit, store: ToldStore) -> None:
    """What the store refused is counted for the request that holds it, not for one with the same key."""
    batches = [batch("first"), batch("a", "b", "c"), batch("x")]
    rows = [batches[1].spans[index].row for index in (0, 2)]
    refused: dict[Version, str] = {(row.key, row.digest): "why" for row in rows}
    store.outcome = lambda _batch: Written(refused=refused)
    # The span ids follow from the place in the request: "x" has the key of "a" and other content.
    assert batches[2].spans[0].row.key == rows[0].key
    futures = [commits.submit(batches[1]), commits.submit(batches[2])]
    store.go_on.set()
    assert [future.result(_SECONDS) for future in futures] == [2, 0]


def test_a_failed_transaction_fails_all_its_requests(commits: GroupCommit, store: ToldStore) -> None:
    """Each gets an error of its own that says it may be sent again; the next transaction is tried as ever."""

    def lost(_batch: Batch) -> Written:
        raise RetryableError("PostgreSQL at secret-host does not answer")

    first = started(commits, store, "first")
    futures = [commits.submit(batch("a")), commits.submit(batch("b"))]
    store.outcome = lost
    store.go_on.set()
    errors = [future.exception(_SECONDS) for future in (first, *futures)]
    assert {type(error) for error in errors} == {RetryableError}
    assert len({id(error) for error in errors}) == 3
    store.outcome = lambda _batch: Written()
    assert commits.submit(batch("c")).result(_SECONDS) == 0


def test_a_fault_of_one_batch_does_not_cost_the_others(
    commits: GroupCommit, store: ToldStore, caplog: pytest.LogCaptureFixture
) -> None:
    """After an error that nobody foresaw each request gets a transaction of its own; only the faulty one fails."""

    def faulty(written: Batch) -> Written:
        if any(item.row.name == "poison" for item in written.spans):
            raise TypeError("a fault of ours")
        return Written()

    store.outcome = faulty
    futures = [started(commits, store, "first")]
    futures += [commits.submit(batch(name)) for name in ("a", "poison", "b")]
    store.go_on.set()
    assert [type(future.exception(_SECONDS)) for future in futures] == [
        type(None),
        type(None),
        RetryableError,
        type(None),
    ]
    assert "a fault of ours" in caplog.text


def test_a_request_can_be_taken_back_while_it_waits(commits: GroupCommit, store: ToldStore) -> None:
    """Cancelled before its transaction it is never written; afterwards it cannot be taken back."""
    first = started(commits, store, "first")
    second = commits.submit(batch("second"))
    assert second.cancel()
    assert not first.cancel()
    store.go_on.set()
    assert first.result(_SECONDS) == 0
    assert commits.submit(batch("third")).result(_SECONDS) == 0
    assert store.written == [["first"], ["third"]]


def test_stop_writes_what_waits_and_takes_no_more(commits: GroupCommit, store: ToldStore) -> None:
    """Everything submitted before the stop is committed, then the store is closed; later requests are refused."""
    futures = [started(commits, store, "first"), commits.submit(batch("a"))]
    stopper = threading.Thread(target=commits.stop, args=(_SECONDS,))
    stopper.start()
    assert wait_until(lambda: _refuses(commits), _SECONDS)
    assert not store.closed
    store.go_on.set()
    stopper.join(_SECONDS)
    assert [future.result(0) for future in futures] == [0, 0]
    assert store.closed


def _refuses(commits: GroupCommit) -> bool:
    try:
        commits.submit(batch("late"))
    except RetryableError:
        return True
    return False


def test_a_stop_that_takes_too_long_fails_what_is_left(commits: GroupCommit, store: ToldStore) -> None:
    """Requests in a stuck transaction and behind it get a retryable error; the late commit does no harm then."""
    futures = [started(commits, store, "first"), commits.submit(batch("a"))]
    assert not commits.stop(0.05)
    assert {type(future.exception(0)) for future in futures} == {RetryableError}
    store.go_on.set()
    assert commits.stop(_SECONDS)
    assert store.closed
