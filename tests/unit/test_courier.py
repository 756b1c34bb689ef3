"""agent_otel.courier: what leaves the agent's hands is delivered, or safe, or counted; the agent never waits."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from agent_otel import courier as module
from agent_otel.counts import ACKNOWLEDGED, SENT, UNENCODABLE, read_counts
from agent_otel.courier import Courier, FlushResult
from agent_otel.delivery import Delivery
from agent_otel.refused import RefusedFolder
from agent_otel.spool import Spool
from tests.fixtures.sink import Answer, Sink

EVENT = b'{"scopeLogs":[{"logRecords":[{"eventName":"%s"}]}]}'


@pytest.fixture
def make(tmp_path: Path, sink: Sink) -> Iterator[Callable[..., Courier[bytes]]]:
    """Makes couriers on one spool folder; "spans" are bytes that are sent as they are."""
    made: list[Courier[bytes]] = []

    def new(endpoint: str = sink.endpoint, encode: Callable[[Any], bytes] = b"".join, limit: int = 2**30) -> Any:
        spool = Spool(str(tmp_path / "spool"), limit)
        delivery = Delivery(endpoint, (), spool.counts, RefusedFolder(spool.folder), lambda _: None)
        made.append(Courier(spool, delivery, encode, beat_seconds=60))
        return made[-1]

    yield new
    sink.stall(False)
    for courier in made:
        courier.close(0)


def event_names(sink: Sink) -> list[str]:
    """Names of the accepted events."""
    return [event["eventName"] for event in sink.events()]


def absent() -> str:
    """An address where nobody listens."""
    with Sink() as gone:
        return gone.endpoint


def test_delivered_in_the_background(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """Events and spans arrive without anybody flushing."""
    courier = make()
    courier.add_event(EVENT % b"one", False)
    courier.add_span(b"\x0a\x00")
    sink.wait_until(lambda: event_names(sink) == ["one"] and any(r.path == "/v1/traces" for r in sink.accepted))


def test_flush_tells_delivered(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """After a flush to a receiver that answers, everything is delivered, and the spool folder is empty at the end."""
    courier = make()
    for number in range(10):
        courier.add_event(EVENT % str(number).encode(), False)
        courier.add_span(b"\x0a\x00")
    assert courier.flush(5) == FlushResult(20, 0, 0)
    assert event_names(sink) == [str(number) for number in range(10)]
    courier.close()
    assert list(Path(courier.spool.folder).glob("*.spool*")) == []
    counted = read_counts(courier.spool.folder)
    assert (counted[SENT], counted[ACKNOWLEDGED]) == (20, 20)


def test_flush_without_receiver(make: Callable[..., Courier[bytes]]) -> None:
    """When nobody listens, flush says so at once: everything is spooled."""
    courier = make(absent())
    courier.add_event(EVENT % b"x", False)
    courier.add_span(b"\x0a\x00")
    begun = time.monotonic()
    assert courier.flush(30) == FlushResult(0, 2, 0)
    assert time.monotonic() - begun < 5


def test_flush_to_a_stuck_receiver(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """A receiver that does not answer costs the timeout, and what waits is spooled; later it is delivered once."""
    sink.stall(True)
    courier = make()
    courier.add_event(EVENT % b"x", False)
    begun = time.monotonic()
    assert courier.flush(0.3) == FlushResult(0, 1, 0)
    assert time.monotonic() - begun < 0.3 + 0.3
    sink.stall(False)
    assert courier.flush(5) == FlushResult(1, 0, 0)
    assert event_names(sink) == ["x"]


def test_flush_while_the_receiver_recovers(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """A flush goes on trying for its time when the receiver asks for patience."""
    sink.answer = lambda _: Answer(503 if len(sink.seen) < 3 else 200)
    courier = make()
    courier.add_event(EVENT % b"x", False)
    assert courier.flush(10) == FlushResult(1, 0, 0)


def test_stuck_receiver_does_not_slow_the_agent(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """While a request hangs, handing over takes microseconds."""
    sink.stall(True)
    courier = make()
    courier.add_event(EVENT % b"first", False)
    sink.wait_until(lambda: len(sink.seen) == 1)
    slowest = 0.0
    for _ in range(200):
        begun = time.monotonic()
        courier.add_event(EVENT % b"x", False)
        courier.add_span(b"\x0a\x00")
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.25


def test_full_queue_drops_nothing(
    make: Callable[..., Courier[bytes]], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When spans end faster than the background takes them, the ending thread writes them itself."""
    monkeypatch.setattr(module, "MAX_QUEUE", 10)
    courier = make()
    for _ in range(1_000):
        courier.add_span(b"\x0a\x00")
        assert len(courier._queue) <= 10
    assert courier.flush(10) == FlushResult(1_000, 0, 0)
    bodies = [received.body for received in sink.accepted]
    assert sum(map(len, bodies)) == 1_000 * 2


def test_span_that_cannot_be_encoded(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """It is counted as lost, and costs none of those that ended with it."""

    def encode(spans: list[bytes]) -> bytes:
        if b"bad" in spans:
            raise ValueError("bad")
        return b"".join(spans)

    courier = make(encode=encode)
    for span in (b"\x0a\x00", b"bad", b"\x0a\x00"):
        courier.add_span(span)
    assert courier.flush(5) == FlushResult(2, 0, 1)
    assert courier.spool.counts.losses == {UNENCODABLE: 1}


def test_full_spool_is_counted(make: Callable[..., Courier[bytes]], warned: list[str]) -> None:
    """What does not fit is lost, counted, and said once."""
    courier = make(absent(), limit=1_000)
    for _ in range(100):
        courier.add_event(EVENT % b"x", False)
    result = courier.flush(1)
    assert result.delivered == 0
    assert result.spooled + result.lost == 100
    assert 0 < result.spooled < 20
    assert len([text for text in warned if "limit of 1000 bytes" in text]) == 1


def test_spans_after_the_end(make: Callable[..., Courier[bytes]]) -> None:
    """After close, as in another library's exit handler, spans go straight to the spool."""
    courier = make(absent())
    courier.close()
    courier.add_span(b"\x0a\x00")
    courier.add_event(EVENT % b"x", False)
    assert courier.result() == FlushResult(0, 2, 0)
    assert not courier._queue
    courier.spool.close()


def test_close_is_quick_with_a_stuck_receiver(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """The end of a process waits half a second at most."""
    sink.stall(True)
    courier = make()
    courier.add_event(EVENT % b"x", False)
    begun = time.monotonic()
    assert courier.close() == FlushResult(0, 1, 0)
    assert time.monotonic() - begun < module.EXIT_SECONDS + 0.3


def test_what_a_dead_process_left(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """A later process delivers it, and removes the files."""
    dead = make(absent())
    dead.add_event(EVENT % b"left", False)
    dead.close(0)
    living = make()
    living.add_event(EVENT % b"mine", False)
    sink.wait_until(lambda: sorted(event_names(sink)) == ["left", "mine"])
    living.close()
    assert list(Path(living.spool.folder).glob("*.spool")) == []


def test_many_adopters_deliver_once(make: Callable[..., Courier[bytes]], sink: Sink) -> None:
    """Several processes that find the same leftovers deliver them once between them."""
    dead = make(absent())
    for number in range(50):
        dead.add_event(EVENT % str(number).encode(), False)
    dead.close(0)
    adopters = [make() for _ in range(4)]
    barrier = Barrier(4)

    def adopt(courier: Courier[bytes]) -> None:
        barrier.wait()
        courier._deliver_orphans(time.monotonic() + 5)

    threads = [Thread(target=adopt, args=(courier,)) for courier in adopters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, event_names(sink))) == list(range(50))


CHILD = """
import os, signal, sys
import agent_otel
from agent_otel import provider
agent_otel.configure(endpoint=sys.argv[1])
with agent_otel.execution("killed", execution_id=sys.argv[2]) as run:
    run.progress("working", 50)
    print("started", flush=True)
    sys.stdin.readline()
"""

#: The next process on this machine.
NEXT = """
import sys, agent_otel
agent_otel.configure(endpoint=sys.argv[1])
with agent_otel.execution("next"):
    pass
assert agent_otel.flush(10)[:2] == (3, 0)
"""


def test_sigkill(home: Path, sink: Sink) -> None:
    """Every event whose helper had returned is delivered by the next process after a SIGKILL."""
    execution_id = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
    command = [sys.executable, "-c", CHILD, absent(), execution_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        child.send_signal(signal.SIGKILL)
    subprocess.run([sys.executable, "-c", NEXT, sink.endpoint], check=True)
    sink.wait_until(lambda: len(event_names(sink)) >= 4)
    assert sorted(event_names(sink)) == sorted(
        ["aotel.execution.started", "aotel.execution.progress", "aotel.execution.started", "aotel.execution.completed"]
    )
    assert (home / "state" / "executions" / f"{execution_id}.json").exists()


def test_exit_is_quick_and_loses_nothing(home: Path, sink: Sink) -> None:
    """A program that just ends delivers what it has; without a receiver it ends as fast and leaves it in the spool."""
    code = "import sys, agent_otel as a; a.configure(endpoint=sys.argv[1]);\nwith a.execution('short'): pass"
    for endpoint in (absent(), sink.endpoint):
        subprocess.run([sys.executable, "-c", code, endpoint], check=True)
    subprocess.run([sys.executable, "-c", NEXT, sink.endpoint], check=True)
    sink.wait_until(lambda: len(sink.spans()) == 3)
    assert len(event_names(sink)) == 6


FORKS = """
import os, sys
import agent_otel
agent_otel.configure(endpoint=sys.argv[1])
with agent_otel.execution("parent") as run:
    children = []
    for n in range(5):
        pid = os.fork()
        if pid == 0:
            for m in range(10):
                with agent_otel.step(f"child {n} step {m}"):
                    pass
            with agent_otel.execution(f"child {n}"):
                pass
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 5
print(agent_otel.flush(10))
"""


def test_forked_children(home: Path, sink: Sink) -> None:
    """Children that leave by os._exit lose nothing, and their spans are their parent's children.

    What a child had in flight when it left may come twice; the receiver knows it by its ids.
    """
    subprocess.run([sys.executable, "-c", FORKS, sink.endpoint], check=True, timeout=60)
    subprocess.run([sys.executable, "-c", NEXT, sink.endpoint], check=True, timeout=60)
    expected = 5 * 11 + 2
    sink.wait_until(lambda: len({span.span_id for span in sink.spans()}) == expected)
    spans = {span.span_id: span for span in sink.spans()}
    assert len(spans) == expected
    parent = next(span for span in spans.values() if span.name == "invoke_agent parent")
    children = [span for span in spans.values() if span.parent_span_id == parent.span_id]
    assert len(children) == 5 * 11
    completed = [event["spanId"] for event in sink.events() if event["eventName"] == "aotel.execution.completed"]
    assert len(set(completed)) == 7
