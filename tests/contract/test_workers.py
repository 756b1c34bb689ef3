"""Several workers behind one pair of ports, and the supervisor that looks after them."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from agent_otel.exporter.metrics import SHARED_FOLDER
from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.process import identify, wait_until
from tests.contract import numbered
from tests.contract.doors import DOORS, TRACES, Door
from tests.contract.exporter_process import ExporterProcess
from tests.fixtures.processes import Spawn

_SECONDS = 30
_HTTP = next(door for door in DOORS if "http" in door.name)


def metric(exporter: ExporterProcess, name: str) -> float:
    """The sum of a metric's samples on the admin port."""
    text = exporter.view.admin("/metrics")[1]
    samples = re.findall(rf"^agent_otel_exporter_{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, samples))


def sent(exporter: ExporterProcess, door: Door) -> bytes | None:
    """A trace that was acknowledged, or None."""
    trace = numbered.new_trace()
    try:
        reply = door.send(exporter.addresses, TRACES, numbered.traces(trace, "a").SerializeToString())
    except OSError:
        return None
    return trace if reply.code is grpc.StatusCode.OK else None


def test_all_doors_are_open_on_every_worker(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """Requests over many connections reach both workers, all are stored, and the admin port counts them together."""
    exporter = ExporterProcess(spawn, tmp_path, database_url, WORKERS="2")
    both = set(exporter.workers())
    traces = [sent(exporter, door) for door in DOORS * 8]
    assert None not in traces
    assert all(numbered.stored_spans(exporter.view, trace) == ["a"] for trace in traces if trace)
    assert len(both) == 2
    assert metric(exporter, "items_received_total") == len(traces)
    assert metric(exporter, "workers") == 2
    writing = "SELECT count(DISTINCT batch_id / 1000) FROM spans"
    # A writer leases a thousand batch ids: as many leases as workers that wrote.
    assert exporter.view.query(writing) == [(2,)]


def test_a_killed_worker_is_replaced(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """The others go on, a new one comes, what was counted stays counted."""
    exporter = ExporterProcess(spawn, tmp_path, database_url, WORKERS="2")
    before = [sent(exporter, _HTTP) for _ in range(20)]
    victim, survivor = exporter.workers()
    os.kill(victim, signal.SIGKILL)
    assert wait_until(lambda: len(set(exporter.workers()) - {victim}) == 2, _SECONDS)
    assert wait_until(lambda: metric(exporter, "workers") == 2, _SECONDS)
    after = [sent(exporter, _HTTP) for _ in range(20)]
    assert survivor in exporter.workers()
    assert None not in before + after
    assert metric(exporter, "items_received_total") == 40
    assert metric(exporter, "workers_ended_total") == 1
    assert [event["code"] for event in exporter.events("worker ended")] == [-signal.SIGKILL]


def test_requests_wait_while_the_only_worker_is_replaced(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """The HTTP port stays open without a worker: nobody is refused, the answer comes when the next one serves."""
    exporter = ExporterProcess(spawn, tmp_path, database_url)
    (victim,) = exporter.workers()
    os.kill(victim, signal.SIGKILL)
    assert wait_until(lambda: identify(victim) is None, _SECONDS)
    trace = sent(exporter, _HTTP)
    assert trace is not None
    assert numbered.stored_spans(exporter.view, trace) == ["a"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_their_supervisor(
    spawn: Spawn, tmp_path: Path, database_url: str, number: signal.Signals
) -> None:
    """However it ends, its workers end too, and another exporter can have the ports at once."""
    exporter = ExporterProcess(spawn, tmp_path, database_url, WORKERS="2")
    children = exporter.workers()
    exporter.process.send_signal(number)
    exporter.process.wait(_SECONDS)
    again = ExporterProcess(spawn, tmp_path, database_url, 1, addresses=exporter.addresses, WORKERS="2")
    assert None not in [sent(again, door) for door in DOORS]
    assert wait_until(lambda: all(identify(child) is None for child in children), _SECONDS)


def test_a_worker_that_is_starting_does_not_outlive_its_supervisor(tmp_path: Path, database_url: str) -> None:
    """The supervisor was killed between the worker's start and its `ready`, which nobody reads any more."""
    environ = {
        **os.environ,
        "AGENT_OTEL_DATABASE_URL": database_url,
        "AGENT_OTEL_EXPORTER_GRPC": f"127.0.0.1:{free_port()}",
        SHARED_FOLDER: str(tmp_path),
    }
    with socket.create_server(("127.0.0.1", 0)) as http:
        worker = subprocess.Popen(
            [sys.executable, "-m", "agent_otel.exporter.worker", str(http.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[http.fileno()],
            env=environ,
        )
    assert worker.stdin
    assert worker.stdout
    worker.stdin.close()
    worker.stdout.close()
    try:
        assert wait_until(lambda: worker.poll() is not None, _SECONDS)
    finally:
        worker.kill()
        worker.wait()
        assert worker.stderr
        log = worker.stderr.read().decode()
        worker.stderr.close()
    assert worker.returncode == 0, log
