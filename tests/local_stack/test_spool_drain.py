"""A running stack takes what waits in the spool, with nobody calling anything."""

import time
import uuid
from pathlib import Path

import pytest

from agent_otel.counts import ACKNOWLEDGED, read_counts
from agent_otel.drain import waiting
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.hand_over import hand_over
from agent_otel.local_stack import spool_drain
from agent_otel.local_stack.ports import LOOPBACK, free_port
from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.stack import LocalStack
from agent_otel.local_stack.supervisor import supervise
from agent_otel.segment import Segment
from agent_otel.settings import Settings, load
from agent_otel.store.connection import connect
from tests.fixtures.processes import Spawn
from tests.fixtures.shell_records import ended, started
from tests.local_stack.running_stack import START_SECONDS, UP, ready, select

ROWS = "SELECT execution_id::text, status FROM agent_executions ORDER BY status"


@pytest.fixture
def nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a user whose endpoint is not there."""
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", f"http://{LOOPBACK}:{free_port()}")
    return load()


def test_what_waited_is_in_the_database_soon_after_up(home: Path, nowhere: Settings, spawn: Spawn) -> None:
    """Spooled before `up`, or while it runs by a call that did not reach it: both are rows, and nothing waits."""
    first, second = uuid.uuid4(), uuid.uuid4()
    assert hand_over([started(first), ended(first)], nowhere).spooled
    found = ready(home, spawn(UP))
    assert wait_until(lambda: select(found.reader_url, ROWS) == [(str(first), "success")], START_SECONDS)
    assert hand_over([started(second)], nowhere).spooled
    assert wait_until(lambda: len(select(found.reader_url, ROWS)) == 2, START_SECONDS)
    assert wait_until(lambda: waiting(nowhere).records == 0, START_SECONDS)
    assert wait_until(lambda: read_counts(str(home / "state/spool")).get(ACKNOWLEDGED) == 3, START_SECONDS)


def test_the_end_of_a_stuck_stack(home: Path, nowhere: Settings) -> None:
    """A database that does not answer holds up the end for no more than a round; the records wait on."""
    assert hand_over([started(uuid.uuid4())], nowhere).spooled
    with LocalStack(home, free_ports=True) as stack:
        with connect(stack.database_url, application="test", autocommit=False) as blocking:
            blocking.execute("LOCK TABLE agent_otel.execution_events IN ACCESS EXCLUSIVE MODE")
            with spool_drain.draining(stack, lambda _: None):
                assert wait_until(lambda: _held(home), START_SECONDS)
                begun = time.monotonic()
            assert time.monotonic() - begun < spool_drain.ROUND_SECONDS + 5
            assert waiting(nowhere).records == 1
            blocking.rollback()
        blocking.close()


def _held(home: Path) -> bool:
    """Whether somebody has the only segment in hand."""
    (path,) = (home / "state/spool").glob("*.spool")
    segment = Segment.adopt(str(path))
    if segment is not None:
        segment.close()
    return segment is None


def test_what_is_for_another_machine_stays(home: Path, nowhere: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of a user who sends to another machine are not for the local database; it is said."""
    assert hand_over([started(uuid.uuid4())], nowhere).spooled
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", "https://collector.example:4318")
    with LocalStack(home, free_ports=True) as stack:
        lines: list[str] = []
        stop_at_once = StopSignal()
        stop_at_once.set()
        supervise(stack, stop_at_once, lines.append)
    assert "https://collector.example:4318" in lines[0]
    assert waiting(nowhere).records == 1
