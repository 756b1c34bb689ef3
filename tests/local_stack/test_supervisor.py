"""A part that ends by itself is started again, a limited number of times."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_otel.errors import LocalStackError
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.local_stack import supervisor
from agent_otel.local_stack.ports import LOOPBACK
from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.program import answers
from agent_otel.local_stack.stack import LocalStack
from tests.local_stack.running_stack import START_SECONDS, part, ready


@pytest.fixture
def supervised(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """A supervised stack; the function gives what it reported. Restarts come quickly."""
    monkeypatch.setattr(supervisor, "FIRST_DELAY_SECONDS", 0.05)
    lines: list[str] = []
    stop = StopSignal()
    with LocalStack(home, free_ports=True) as stack:

        def watch() -> None:
            try:
                supervisor.supervise(stack, stop, lines.append)
            except LocalStackError as error:
                lines.append(f"gave up: {error}")

        watcher = threading.Thread(target=watch)
        watcher.start()
        yield lambda: lines
        stop.set()
        watcher.join()


@pytest.mark.parametrize("name", ["PostgreSQL", "exporter"])
def test_a_part_that_ends_is_started_again(home: Path, supervised: Callable[[], list[str]], name: str) -> None:
    """After a SIGKILL the part is back on the same port, recorded with its new pid, and the exporter is ready."""
    before = part(ready(home), name)
    os.kill(before.process.pid, signal.SIGKILL)
    assert wait_until(lambda: part(ready(home), name).process != before.process, START_SECONDS)
    exporter = part(ready(home), "exporter")
    assert exporter.ready_url is not None
    assert wait_until(lambda: answers(str(exporter.ready_url)), START_SECONDS)
    assert part(ready(home), name).address == before.address
    assert f"the {name} ended by itself" in supervised()[0]


def test_a_part_that_keeps_ending_stops_the_stack(home: Path, supervised: Callable[[], list[str]]) -> None:
    """After a limited number of restarts it gives up, with the end of the part's log."""
    exporter = part(ready(home), "exporter")
    port = int(exporter.address.rpartition("/")[2])
    os.kill(exporter.process.pid, signal.SIGKILL)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert wait_until(lambda: _bind(other, port), 5)
        other.listen()
        assert wait_until(lambda: supervised()[-1:] != [] and supervised()[-1].startswith("gave up"), START_SECONDS)
    assert f"the exporter ended {supervisor.MAX_RESTARTS + 1} times" in supervised()[-1]
    assert "exporter.log" in supervised()[-1]


def _bind(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
