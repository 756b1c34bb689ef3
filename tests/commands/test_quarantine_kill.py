"""A retry killed with SIGKILL at its worst moments loses nothing and stores nothing twice."""

import signal
import sys
from typing import Any

import psycopg
import pytest

from agent_otel.cli import main
from agent_otel.local_stack.process import wait_until
from agent_otel.store.quarantine import ROWS
from agent_otel.store.rows import Batch, QuarantineRow
from agent_otel.store.writer import Writer
from tests.fixtures.processes import Spawn
from tests.fixtures.quarantine import items, query, span

ENTRIES = 2 * ROWS + 100
_SECONDS = 60
_WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name LIKE 'agent-otel%%'
"""
_OPEN = "SELECT count(*) FROM quarantine WHERE resolved_at IS NULL"
# OFFSET with FOR UPDATE would lock what it skips, too.
_LOCK_ONE = """
SELECT FROM quarantine WHERE quarantine_id = (SELECT quarantine_id FROM quarantine ORDER BY 1 OFFSET %s LIMIT 1)
FOR UPDATE
"""
_SPANS = "SELECT count(*), count(DISTINCT span_id) FROM spans"


@pytest.fixture
def waiting_entries(database_url: str) -> str:
    """A database with many entries that fit."""
    refused = Batch()
    refused.quarantine += [
        QuarantineRow("traces", "test", item.request()) for item in items(*(span(number) for number in range(ENTRIES)))
    ]
    writer = Writer(database_url)
    writer.write(refused)
    writer.close()
    return database_url


@pytest.mark.parametrize(
    ("lock", "stored", "still_open"),
    [
        # Before the first COMMIT.
        ("LOCK TABLE spans IN SHARE MODE", 0, ENTRIES),
        # After the COMMIT of the second part, before its entries are marked.
        (_LOCK_ONE % (ROWS + 7), 2 * ROWS, ENTRIES - ROWS),
    ],
    ids=["before a commit", "between commit and mark"],
)
def test_a_killed_retry_is_made_good_by_the_next(
    waiting_entries: str, spawn: Spawn, lock: Any, stored: int, still_open: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was committed is there once, what was not is still open, and the next retry ends with everything stored."""
    url = waiting_entries
    with psycopg.connect(url) as holder:
        holder.execute("SET search_path = agent_otel")
        holder.execute(lock)
        process = spawn([sys.executable, "-m", "agent_otel", "quarantine", "retry", "--all", "--database-url", url])
        assert wait_until(lambda: bool(query(url, _WAITING)), _SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Its session would finish the statement that waits; with the host it would be gone.
        for (pid,) in query(url, _WAITING):
            holder.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert wait_until(lambda: not query(url, _WAITING), _SECONDS)
    assert query(url, _SPANS) == [(stored, stored)]
    assert query(url, _OPEN) == [(still_open,)]
    assert main(["quarantine", "retry", "--all", "--database-url", url]) == 0
    assert f"{still_open:,} stored, 0 stay" in capsys.readouterr().out
    assert query(url, _SPANS) == [(ENTRIES, ENTRIES)]
    assert query(url, "SELECT sum(span_count)::int FROM traces") == [(ENTRIES,)]
    assert query(url, _OPEN) == [(0,)]
