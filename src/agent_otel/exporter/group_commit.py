"""Group commit: requests that wait at the same time share one transaction, and each is answered after its COMMIT.

One thread writes. While it waits for the disk, the receivers' threads decode and queue the next batches; it then takes
everything that waits, in the order of arrival, up to the limits of a transaction.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Final, NamedTuple, Protocol

from agent_otel.errors import AgentOtelError, OverloadedError, RetryableError
from agent_otel.exporter.metrics import Metrics
from agent_otel.store.rows import Batch, Written

logger: Final = logging.getLogger(__name__)


class Store(Protocol):
    """What writes a batch; see agent_otel.store.writer."""

    def write(self, batch: Batch) -> Written:
        """Commit a batch, or raise."""

    def close(self) -> None:
        """Give the connection back."""


class Limits(NamedTuple):
    """How much may wait, and how much goes into one transaction; a single larger batch always may."""

    waiting: int
    waiting_bytes: int
    transaction_rows: int
    transaction_bytes: int


class _Entry(NamedTuple):
    batch: Batch
    #: How many of the batch's items the store refused, once it is committed.
    refused: "Future[int]"


class GroupCommit:
    """The queue in front of one writer. Everything is bounded: what does not fit is refused, nothing is dropped."""

    def __init__(self, store: Store, limits: Limits, metrics: Metrics) -> None:
        self._store = store
        self._limits = limits
        self._metrics = metrics
        self._changed = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._waiting_bytes = 0
        self._begun: list[_Entry] = []
        self._stopping = False
        self._database_lost = False
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def submit(self, batch: Batch) -> "Future[int]":
        """Queue a batch for the next transaction; the future holds how many of its items the store refused.

        It holds a RetryableError when nothing is known to be committed. Cancelling it before the transaction begins
        takes the batch back. Raises OverloadedError when the queue is full, RetryableError when we are stopping.
        """
        entry = _Entry(batch, Future())
        with self._changed:
            if self._stopping:
                raise RetryableError("the exporter is stopping; send it again later")
            bytes_after = self._waiting_bytes + batch.size
            too_many = len(self._waiting) >= self._limits.waiting
            if too_many or (self._waiting and bytes_after > self._limits.waiting_bytes):
                raise OverloadedError("the database does not keep up; send it again later", "queue")
            self._waiting.append(entry)
            self._waiting_bytes = bytes_after
            self._metrics.queue_batches.set(len(self._waiting))
            self._changed.notify()
        return entry.refused

    def stop(self, seconds: float) -> bool:
        """Take no more, write what waits, and say whether that was done within `seconds`."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            return True
        with self._changed:
            left = [*self._begun, *_begun(self._waiting)]
            self._waiting.clear()
        _fail(left, RetryableError("stopped before the database answered"))
        return False

    def _run(self) -> None:
        while (entries := self._take()) is not None:
            self._begun = _begun(entries)
            if self._begun:
                self._commit(self._begun)
            # Written data would stay in memory until the next request.
            self._begun = []
        self._store.close()

    def _take(self) -> list[_Entry] | None:
        """What goes into the next transaction, as soon as there is something; None when stopped and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if not self._waiting:
                return None
            rows = size = 0
            entries: list[_Entry] = []
            while self._waiting:
                batch = self._waiting[0].batch
                rows, size = rows + _rows(batch), size + batch.size
                full = rows > self._limits.transaction_rows or size > self._limits.transaction_bytes
                if entries and full:
                    break
                entries.append(self._waiting.popleft())
                self._waiting_bytes -= batch.size
            self._metrics.queue_batches.set(len(self._waiting))
            return entries

    def _commit(self, entries: Sequence[_Entry]) -> None:
        batch = Batch()
        for entry in entries:
            batch.extend(entry.batch)
        started = time.perf_counter()
        try:
            written = self._store.write(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the threads that wait must learn of it
            self._failed(entries, error)
            return
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        self._metrics.batch_rows.observe(_rows(batch))
        self._metrics.commits.labels("committed").inc()
        self._note_database(lost=None)
        for entry in entries:
            _settle(entry, _refused(entry.batch, written))

    def _failed(self, entries: Sequence[_Entry], error: Exception) -> None:
        self._metrics.commits.labels("failed").inc()
        if not isinstance(error, AgentOtelError):
            # A fault of ours that one batch brings out must not cost the others: each gets a transaction of its own.
            logger.exception("transaction failed", exc_info=error)
            if len(entries) > 1:
                for entry in entries:
                    self._commit([entry])
                return
        else:
            self._note_database(lost=error)
        _fail(entries, error)

    def _note_database(self, lost: AgentOtelError | None) -> None:
        """One log line when the database goes, one when it is back."""
        if lost is not None and not self._database_lost:
            logger.warning("database lost", extra={"reason": str(lost)})
        elif lost is None and self._database_lost:
            logger.info("database back")
        self._database_lost = lost is not None


def _begun(entries: Iterable[_Entry]) -> list[_Entry]:
    """Those that nobody has taken back; from now on nobody can."""
    return [entry for entry in entries if entry.refused.set_running_or_notify_cancel()]


def _fail(entries: Sequence[_Entry], error: Exception) -> None:
    for entry in entries:
        # An exception of its own for each waiting thread, because raising one adds to its traceback.
        own = RetryableError()
        own.__cause__ = error
        _settle(entry, own)


def _settle(entry: _Entry, outcome: int | Exception) -> None:
    # A transaction that outlives the stop finds its entries failed already.
    with contextlib.suppress(InvalidStateError):
        if isinstance(outcome, Exception):
            entry.refused.set_exception(outcome)
        else:
            entry.refused.set_result(outcome)


def _refused(batch: Batch, written: Written) -> int:
    return sum((item.row.key, item.row.digest) in written.refused for item in batch.items()) if written.refused else 0


def _rows(batch: Batch) -> int:
    return len(batch.spans) + len(batch.events) + len(batch.quarantine)
