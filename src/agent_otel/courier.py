"""Two threads that carry what the agent leaves: one into the spool within 100 ms, one from the spool to the receiver.

They are apart because the second may wait for a network and the first must not. The agent's threads only append: events
to the spool, ended spans to a queue; when the queue is full they empty it themselves, and nothing is dropped.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Event, Lock, Thread
from typing import Final, Generic, NamedTuple, TypeVar

from agent_otel.counts import UNENCODABLE
from agent_otel.delivery import Delivery
from agent_otel.guard import Guard, warn_once
from agent_otel.record import LOGS, SPANS
from agent_otel.spool import Spool

T = TypeVar("T")

#: Ended spans that wait for the first thread; the thread that ends one more empties the queue.
MAX_QUEUE: Final = 1_024
#: Spans in one record.
MAX_GROUP: Final = 32
#: Seconds between the first item of a batch and its way to the spool and the disk.
LINGER_SECONDS: Final = 0.05
#: Seconds that the first thread gives way after each group, so that agents wait for the interpreter at most one group;
#: it does not while more spans wait than it can take in time against threads that compute.
GIVE_WAY_SECONDS: Final = 0.0005
MAX_BACKLOG: Final = 256
#: Seconds between looks for segments of dead processes.
ADOPT_SECONDS: Final = 5.0
#: Seconds that one round of delivery may take before it looks around again.
ROUND_SECONDS: Final = 30.0
#: Seconds for everything at the end of the process.
EXIT_SECONDS: Final = 0.5


class FlushResult(NamedTuple):
    """Spans and events of this process, since it began: acknowledged by the receiver, safe on this machine, lost."""

    delivered: int
    spooled: int
    lost: int


class Courier(Generic[T]):
    """Queue, spool and delivery of one process. `encode` turns ended spans into a record's payload."""

    def __init__(
        self,
        spool: Spool,
        delivery: Delivery,
        encode: Callable[[Sequence[T]], bytes],
        beat_seconds: float,
    ) -> None:
        self.spool = spool
        self._delivery = delivery
        self._encode = encode
        #: Called every `beat_seconds`, and once in the background; whoever has open executions sets them.
        self.beat: Callable[[], None] = lambda: None
        self.tidy: Callable[[], object] = lambda: None
        #: Called before the queue is written; and of each span, whether it is to be sent.
        self.prepare: Callable[[], None] = lambda: None
        self.admit: Callable[[T], bool] = lambda _: True
        self._beat_seconds = beat_seconds
        self._queue: deque[T] = deque()
        self._reset()

    def _reset(self) -> None:
        self._started = False
        self._sender: Thread | None = None
        self._closed = False
        self._start_lock = Lock()
        self._write_lock = Lock()
        self._deliver_lock = Lock()
        self._orphan_lock = Lock()
        self._dirty = Event()
        self._deliverable = Event()
        self._stop = Event()
        self._attempt = Condition()
        self._attempts = 0
        self._urgent = False
        self._unreachable = False
        self._next_try = 0.0
        self._next_beat = time.monotonic() + self._beat_seconds
        #: Forked children often leave by os._exit, which runs no exit handler: they queue nothing.
        self._write_through = False

    # --- called by the agent's threads ---------------------------------------------------------------------------

    def add_span(self, span: T) -> None:
        """Take an ended span."""
        self._queue.append(span)
        if self._write_through or self._closed or len(self._queue) >= MAX_QUEUE:
            self.write_queue()
        self._wake()

    def add_event(self, payload: bytes, durable: bool) -> None:
        """Take an event: it is in the spool when this returns, and on the disk when it is `durable`."""
        if not self.spool.append(LOGS, 1, payload, durable=durable):
            self._report_spool()
        self._wake()

    def write_queue(self, give_way: float = 0.0) -> None:
        """Encode what waits in the queue and append it to the spool."""
        with self._write_lock:
            self.prepare()
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(MAX_GROUP, len(self._queue)))]
                self._write([span for span in group if self.admit(span)])
                if give_way and len(self._queue) < MAX_BACKLOG:
                    time.sleep(give_way)

    def flush(self, timeout: float) -> FlushResult:
        """Hand over what is there and try to deliver it for `timeout` seconds, and what dead processes left after it.

        Returns at once when nobody listens.
        """
        deadline = time.monotonic() + timeout
        self.write_queue()
        self.spool.sync()
        if self.spool.tally.waiting:
            if self._closed or not self._start_threads():
                self._deliver_round(deadline)
            else:
                self._await_delivery(deadline)
        if not self.spool.tally.waiting:
            self._deliver_orphans(deadline)
        self.spool.counts.persist()
        return self.result()

    def result(self) -> FlushResult:
        """How things stand."""
        tally = self.spool.tally
        return FlushResult(tally.delivered, tally.waiting + len(self._queue), tally.lost + tally.dropped)

    def close(self, timeout: float = EXIT_SECONDS) -> FlushResult:
        """Flush and stop. Spans that end later are written to the spool by the thread that ends them."""
        if self._closed:
            return self.result()
        result = self.flush(timeout)
        self._closed = True
        self._stop.set()
        self._dirty.set()
        self._deliverable.set()
        if self._sender is None:
            self._let_go()
        else:  # which lets go at its end; a request that hangs is not waited for
            self._sender.join(LINGER_SECONDS)
        return result

    def after_fork(self) -> None:
        """In a child process: an empty queue, a segment of its own, no threads yet."""
        self._queue.clear()
        self.spool.after_fork()
        self._delivery.close()
        self._reset()
        self._write_through = True

    # --- inside --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._dirty.is_set():
            self._dirty.set()
            if not self._started and not self._closed:
                self._start_threads()

    def _start_threads(self) -> bool:
        with self._start_lock:
            if not self._started:
                sender = Thread(target=self._run_sender, name="agent-otel-deliver", daemon=True)
                try:
                    Thread(target=self._run_writer, name="agent-otel-spool", daemon=True).start()
                    sender.start()
                except RuntimeError:  # the interpreter is shutting down
                    return False
                self._started, self._sender = True, sender
        return True

    def _run_writer(self) -> None:
        while not self._stop.is_set():
            self._dirty.wait(max(0.0, self._next_beat - time.monotonic()))
            if time.monotonic() >= self._next_beat:
                self._next_beat = time.monotonic() + self._beat_seconds
                with Guard("heartbeat"):
                    self.beat()
            if self._dirty.is_set() and not self._stop.wait(LINGER_SECONDS):
                self._dirty.clear()
                with Guard("writing to the spool"):
                    self.write_queue(GIVE_WAY_SECONDS)
                    self.spool.sync()
                self._deliverable.set()

    def _run_sender(self) -> None:
        with Guard("cleaning the state folder"):
            self.tidy()
        next_adoption = time.monotonic()
        while not self._stop.is_set():
            with Guard("delivering"):
                self._deliver_round(time.monotonic() + ROUND_SECONDS)
                if time.monotonic() >= next_adoption:
                    next_adoption = time.monotonic() + ADOPT_SECONDS
                    self._deliver_orphans(time.monotonic() + ROUND_SECONDS)
                    self.spool.counts.persist()
            # The first thread tells when there is something, once a batch; so requests are few and large.
            now = time.monotonic()
            until = min(self._next_try, next_adoption) if self._next_try > now else next_adoption
            self._deliverable.wait(max(0.0, until - now))
            self._deliverable.clear()
        self._let_go()

    def _let_go(self) -> None:
        with self._deliver_lock:
            self._delivery.close()
            self.spool.close()
        self.spool.counts.persist()

    def _deliver_round(self, deadline: float) -> None:
        """Deliver our own segments, unless it is too early to try again."""
        if time.monotonic() < self._next_try and not self._urgent:
            return
        with self._deliver_lock:
            self._urgent = False
            unreachable = False
            for segment in self.spool.own():
                outcome = self._delivery.deliver(segment, deadline)
                if not outcome.settled:
                    self._next_try = time.monotonic() + outcome.retry_after
                    unreachable = outcome.unreachable
                    break
                self.spool.retire(segment)
            else:
                self._next_try = 0.0
        with self._attempt:
            self._attempts += 1
            self._unreachable = unreachable
            self._attempt.notify_all()

    def _deliver_orphans(self, deadline: float) -> None:
        """Deliver what dead processes left. One thread at a time: the other waits for what the first has in hand."""
        if not self._orphan_lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
        try:
            if time.monotonic() >= self._next_try:
                self._adopt(deadline)
        finally:
            self._orphan_lock.release()

    def _adopt(self, deadline: float) -> None:
        for segment in self.spool.orphans():
            with self._deliver_lock:
                outcome = self._delivery.deliver(segment, deadline)
            if not outcome.settled:
                segment.close()
                if outcome.unreadable:
                    continue
                self._next_try = time.monotonic() + outcome.retry_after
                return
            segment.remove()

    def _await_delivery(self, deadline: float) -> None:
        """Wait for the sending thread until nothing waits, nobody listens, or time is up."""
        with self._attempt:
            seen = self._attempts
            self._urgent = True
            self._deliverable.set()
            while self.spool.tally.waiting:
                left = deadline - time.monotonic()
                if left <= 0 or not self._attempt.wait(left):
                    return
                if self._unreachable and self._attempts > seen:
                    return

    def _write(self, group: list[T]) -> None:
        if not group:
            return
        try:
            kept = self.spool.append(SPANS, len(group), self._encode(group))
        except Exception as error:  # noqa: BLE001 - whatever another library put on a span
            if len(group) > 1:
                for one in group:
                    self._write([one])
                return
            kept = self.spool.lose(UNENCODABLE, 1, f"a span cannot be encoded: {type(error).__name__}: {error}")
        if not kept:
            self._report_spool()

    def _report_spool(self) -> None:
        warn_once(f"agent_otel: not kept: {self.spool.problem}")
