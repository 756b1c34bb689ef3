"""Retrying what is in quarantine: at once from two sides, with contradictions, with a server that goes away."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from agent_otel.errors import DatabaseUnavailableError
from agent_otel.exporter.retry import Outcome, retry
from agent_otel.store.quarantine import Quarantine
from agent_otel.store.rows import Batch, QuarantineRow
from agent_otel.store.tables import CONFLICT
from agent_otel.store.writer import Writer
from tests.fixtures.quarantine import batch, items, query, span

ENTRIES = 700


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer on a database of its own."""
    with closing(Writer(database_url)) as writer:
        yield writer


def refuse(writer: Writer, *bodies: bytes) -> None:
    """Put requests into quarantine."""
    refused = Batch()
    refused.quarantine += [QuarantineRow("traces", "test", body) for body in bodies]
    writer.write(refused)


def retried(url: str) -> list[Outcome]:
    """What a retry of everything finds."""
    with closing(Writer(url)) as own, Quarantine(url) as quarantine:
        return list(retry(quarantine, lambda part: own.write(part).refused))


def test_two_retries_at_once_store_everything_once(writer: Writer, database_url: str) -> None:
    """Both end without an error, and every entry is stored once and marked."""
    refuse(writer, *(item.request() for item in items(*map(span, range(ENTRIES)))))
    start = threading.Barrier(2)

    def run(_: int) -> list[Outcome]:
        start.wait(30)
        return retried(database_url)

    with ThreadPoolExecutor(2) as pool:
        outcomes = [outcome for found in pool.map(run, range(2)) for outcome in found]
    assert {outcome.reason for outcome in outcomes} == {None}
    assert query(database_url, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(ENTRIES, ENTRIES)]
    assert query(database_url, "SELECT sum(span_count)::int FROM traces") == [(ENTRIES,)]
    assert query(database_url, "SELECT count(*) FROM agent_quarantine WHERE is_open") == [(0,)]


def test_entries_that_contradict_each_other_are_not_both_stored(writer: Writer, database_url: str) -> None:
    """The older entry wins; the other stays as the conflict that it now is, in the same row."""
    for name in ("first", "second"):
        refuse(writer, *(item.request() for item in items(span(0, name=name))))
    assert [outcome.reason for outcome in retried(database_url)] == [None, CONFLICT]
    assert query(database_url, "SELECT name FROM spans") == [("first",)]
    rows = "SELECT is_open, reason, first_reason FROM agent_quarantine ORDER BY quarantine_id"
    assert query(database_url, rows) == [(False, "test", "test"), (True, CONFLICT, "test")]


def test_a_whole_request_with_a_conflict_stays_one_row(writer: Writer, database_url: str) -> None:
    """A body of several spans of which some contradict what is stored is not taken apart: it stays, and no row is
    added however often it is tried."""
    writer.write(batch(*map(span, range(3))))
    body = b"".join(item.request() for item in items(*(span(n, name="forged" if n < 3 else "new") for n in range(6))))
    refuse(writer, body)
    for _ in range(2):
        assert [outcome.reason for outcome in retried(database_url)] == [CONFLICT]
    assert query(database_url, "SELECT raw FROM quarantine") == [(body,)]
    assert query(database_url, "SELECT name, count(*) FROM spans GROUP BY 1 ORDER BY 1") == [("new", 3), ("s", 3)]


def test_a_server_that_goes_away_is_named(writer: Writer, database_url: str) -> None:
    """The retry ends with an error of ours, and what is open stays open."""
    refuse(writer, *(item.request() for item in items(span(0))))
    with pytest.raises(DatabaseUnavailableError, match="run it again"):
        _interrupted(database_url)
    assert query(database_url, "SELECT is_open FROM agent_quarantine") == [(True,)]


def _interrupted(url: str) -> None:
    end_it = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'agent-otel quarantine' AND datname = current_database()"
    )
    with Quarantine(url) as quarantine:
        query(url, end_it)
        list(quarantine.open())
