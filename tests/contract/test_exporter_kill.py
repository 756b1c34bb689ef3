"""SIGKILL in the middle of work: what was acknowledged is there, whatever was not can be sent again."""

import http.client
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from agent_otel.local_stack.process import wait_until
from tests.contract import numbered
from tests.contract.doors import DOORS, TRACES, Door
from tests.contract.exporter_process import ExporterProcess
from tests.fixtures.processes import Spawn

_KILLS = 3
_SECONDS = 30
_NAMES = ["a", "b", "c", "d", "e"]


class Senders:
    """Clients that send new traces one after the other until one is not answered OK; what became of each trace."""

    def __init__(self, exporter: ExporterProcess) -> None:
        self._exporter = exporter
        self.acknowledged: list[bytes] = []
        self.unknown: list[bytes] = []

    def run(self, door: Door) -> None:
        """One client."""
        for trace in _traces():
            if not sent(self._exporter, door, trace):
                self.unknown.append(trace)
                return
            self.acknowledged.append(trace)


def _traces() -> Iterator[bytes]:
    while True:
        yield numbered.new_trace()


def sent(exporter: ExporterProcess, door: Door, trace: bytes) -> bool:
    """Whether a trace was sent and acknowledged."""
    body = numbered.traces(trace, *_NAMES).SerializeToString()
    try:
        return door.send(exporter.addresses, TRACES, body).code is grpc.StatusCode.OK
    except (OSError, http.client.HTTPException):
        return False


def one_round(exporter: ExporterProcess) -> Senders:
    """Let clients of all doors send, kill the exporter at a random moment."""
    senders = Senders(exporter)
    enough = random.randint(5, 60)
    with ThreadPoolExecutor(len(DOORS)) as threads:
        clients = [threads.submit(senders.run, door) for door in DOORS]
        assert wait_until(lambda: len(senders.acknowledged) >= enough, _SECONDS)
        exporter.process.kill()
        exporter.process.wait()
        for client in clients:
            client.result(_SECONDS)
    return senders


def test_sigkill_loses_nothing_that_was_acknowledged(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """Killed at random moments under load from every door: no acknowledged span missing, no request stored by halves.

    What was under way is sent again, to the next exporter, and is there once.
    """
    acknowledged: list[bytes] = []
    unknown: list[bytes] = []
    for number in range(_KILLS):
        senders = one_round(ExporterProcess(spawn, tmp_path, database_url, number))
        acknowledged += senders.acknowledged
        unknown += senders.unknown
    last = ExporterProcess(spawn, tmp_path, database_url, _KILLS)
    assert len(unknown) == _KILLS * len(DOORS)
    assert all(numbered.stored_spans(last.view, trace) == _NAMES for trace in acknowledged)
    assert all(numbered.stored_spans(last.view, trace) in ([], _NAMES) for trace in unknown)
    assert all(sent(last, DOORS[number % len(DOORS)], trace) for number, trace in enumerate(unknown))
    assert all(numbered.stored_spans(last.view, trace) == _NAMES for trace in unknown)
    assert last.view.query("SELECT count(*) FROM quarantine") == [(0,)]
