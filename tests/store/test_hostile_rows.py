"""Rows that PostgreSQL refuses, floods of days, replays at awkward moments: each costs itself and nothing else."""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from agent_otel import semconv
from agent_otel.errors import RetryableError
from agent_otel.store import migrations
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch, Version
from agent_otel.store.tables import CONFLICT
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event
from tests.fixtures.quarantine import DAY_NS, batch, query, resource, span

MIDNIGHT_NS = 1_763_683_200_000_000_000
POISON = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '22P02'; END $$
"""


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer on a database of its own."""
    writer = Writer(database_url)
    yield writer
    writer.close()


def execute(url: str, *statements: Any) -> None:
    """Run statements, committed."""
    with connect(url, application="test") as connection:
        for statement in statements:
            connection.execute(statement)


def joined(*parts: Batch) -> Batch:
    """Several requests in one transaction."""
    whole = Batch()
    for part in parts:
        whole.extend(part)
    return whole


def test_every_poisoned_row_is_found(writer: Writer, database_url: str) -> None:
    """Twelve rows that PostgreSQL refuses, next to each other and apart, cost none of their neighbours."""
    poison = {0, 1, 2, 3, 250, 333, 500, 501, 640, 997, 998, 999}
    when = "BEFORE INSERT ON spans FOR EACH ROW WHEN (NEW.name = 'bad') EXECUTE FUNCTION refuse()"
    execute(database_url, POISON, f"CREATE TRIGGER t {when}")
    written = writer.write(batch(*(span(number, name="bad" if number in poison else "good") for number in range(1000))))
    assert (written.spans, len(written.refused)) == (1000 - len(poison), len(poison))
    assert query(database_url, "SELECT count(*), min(name), max(name) FROM spans") == [(988, "good", "good")]
    assert query(database_url, "SELECT count(*) FROM quarantine WHERE reason LIKE '%22P02%'") == [(12,)]


def test_a_poisoned_resource_costs_only_its_own_spans(writer: Writer, database_url: str) -> None:
    """What refuses a resource refuses its spans, and not those of other resources in the transaction."""
    when = "BEFORE INSERT ON resources FOR EACH ROW WHEN (NEW.service_name = 'bad') EXECUTE FUNCTION refuse()"
    execute(database_url, POISON, f"CREATE TRIGGER t {when}")
    good, bad = [span(number) for number in range(8)], [span(number) for number in range(8, 11)]
    written = writer.write(joined(batch(*good, resource=resource("good")), batch(*bad, resource=resource("bad"))))
    assert (written.spans, len(written.refused)) == (8, 3)
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(3,)]


def test_a_poisoned_event_costs_only_itself(writer: Writer, database_url: str) -> None:
    """Spans and events share a transaction; the one event that PostgreSQL refuses leaves it alone."""
    when = "BEFORE INSERT ON execution_events FOR EACH ROW WHEN (NEW.event_name = 'bad') EXECUTE FUNCTION refuse()"
    execute(database_url, POISON, f"CREATE TRIGGER t {when}")
    execution_id = uuid.uuid4()
    events = [event(execution_id, name, 0, {}) for name in ("good", "bad", "good")]
    written = writer.write(joined(batch(span(0), span(1)), *events))
    assert (written.spans, written.events, len(written.refused)) == (2, 2, 1)
    assert query(database_url, "SELECT signal FROM quarantine") == [("logs",)]


def test_no_index_can_be_too_small_for_a_text(writer: Writer, database_url: str) -> None:
    """Texts of any length are stored: whatever of them stands in an index is bounded."""
    long = "\N{PILE OF POO}" * 100_000
    values = {
        semconv.GEN_AI_OPERATION_NAME: "invoke_agent",
        semconv.GEN_AI_AGENT_NAME: long,
        semconv.SESSION_ID: long,
        semconv.ERROR_TYPE: long,
        semconv.PROJECT: long,
    }
    written = writer.write(batch(span(0, name=long, attributes=values), resource=resource(long)))
    assert (written.spans, written.refused) == (1, {})
    assert query(database_url, "SELECT length(session_id) FROM executions") == [(8192,)]
    indexed = (
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = i.indexrelid"
        " WHERE c.relnamespace = 'agent_otel'::regnamespace AND NOT c.relispartition"
        " AND a.atttypid = ANY ('{text,jsonb}'::regtype[]) ORDER BY 1"
    )
    # left(session_id, 255); request ids and their sessions' are at most 255 bytes; the signal is one of our two words.
    requests = [("model_requests", name) for name in ("request_id", "session_id", "session_id")]
    bounded = [*requests, ("quarantine", "signal")]
    assert query(database_url, f"{indexed}, 2") == [("executions", "left"), *bounded]


def test_a_storm_of_days_from_two_writers_makes_32(database_url: str) -> None:
    """The limit holds for the database, not for a connection; what is beyond it waits in quarantine."""
    writers = [Writer(database_url), Writer(database_url)]
    old = 1_600_000_000_000_000_000
    parts = [batch(*(span(200 * n + day, start=old + (2 * day + n) * DAY_NS) for day in range(40))) for n in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda pair: pair[0].write(pair[1]), zip(writers, parts, strict=True)))
    for writer in writers:
        writer.close()
    stored = sum(result.spans for result in results)
    assert stored + sum(len(result.refused) for result in results) == 80
    assert 25 <= stored <= 32
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(80 - stored,)]


def test_a_replay_across_midnight_changes_nothing(database_url: str) -> None:
    """A batch that spans midnight, sent again later by another writer, meets its rows in both days."""
    spans = [span(number, start=MIDNIGHT_NS - 3 + number) for number in range(6)]
    for part in (spans, spans[2:], list(reversed(spans))):
        writer = Writer(database_url)
        assert writer.write(batch(*part)).refused == {}
        writer.close()
    days = "SELECT tableoid::regclass::text, count(*) FROM spans GROUP BY 1 ORDER BY 1"
    assert query(database_url, days) == [("spans_20251120", 3), ("spans_20251121", 3)]
    assert query(database_url, "SELECT sum(span_count)::int FROM traces") == [(6,)]


def test_duplicates_from_four_writers_at_once_are_one_row_each(database_url: str) -> None:
    """Every batch five times from each of four writers, with forged variants between: rows are distinct, each variant
    but the one that came first is in quarantine once, and counters count what is stored."""
    numbers, variants = range(60), ("a", "b", "c")
    start = threading.Barrier(4)

    def write(offset: int) -> dict[Version, str]:
        own, refused = Writer(database_url), dict[Version, str]()
        start.wait(30)
        for turn in range(5):
            order = variants[(turn + offset) % 3 :] + variants[: (turn + offset) % 3]
            for name in order:
                spans = [span(number, name=name) for number in numbers]
                refused.update(own.write(batch(*(spans if turn % 2 else reversed(spans)))).refused)
        own.close()
        return refused

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(write, range(4)))
    total = len(numbers)
    assert query(database_url, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(total, total)]
    assert query(database_url, "SELECT count(*), count(DISTINCT sha256) FROM quarantine") == [(2 * total, 2 * total)]
    assert query(database_url, "SELECT sum(span_count)::int FROM traces") == [(total,)]
    stored = {(span_id, digest) for span_id, digest in query(database_url, "SELECT span_id, digest FROM spans")}
    for refused in told:
        assert set(refused.values()) == {CONFLICT}
        assert not {(key[1], digest) for key, digest in refused} & stored


def test_a_deadlock_is_survived(writer: Writer, database_url: str) -> None:
    """When the server breaks a deadlock at our cost, the batch is written again, once."""
    first, second = sorted(uuid.uuid4() for _ in range(2))
    for execution_id in (first, second):
        writer.write(event(execution_id, semconv.EVENT_STARTED, 0, {}))
    touch: Any = "UPDATE executions SET facts = facts WHERE execution_id = %s"
    results: list[int] = []
    with connect(database_url, application="test") as other:
        # Whoever waits for this long looks for a deadlock, and gives up: never this one.
        other.execute("SET deadlock_timeout = '10min'")
        other.execute(touch, [second])
        both = joined(*(event(execution_id, semconv.EVENT_PROGRESS, 1, {}) for execution_id in (first, second)))
        thread = threading.Thread(target=lambda: results.append(writer.write(both).events))
        thread.start()
        _wait_for_lock(database_url)
        other.execute(touch, [first])
    thread.join(30)
    assert results == [2]
    deadlocks = "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()"
    assert query(database_url, deadlocks) == [(1,)]
    assert query(database_url, "SELECT count(*) FROM execution_events") == [(4,)]


def test_a_full_disk_is_retryable_and_tried_once(writer: Writer, database_url: str) -> None:
    """SQLSTATE 53100: nothing is stored, the sender keeps it, and the same batch fits once there is room."""
    execute(
        database_url,
        "CREATE SEQUENCE public.attempts",
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.attempts');"
        " RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON traces FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(RetryableError):
        writer.write(batch(span(0), span(1)))
    assert query(database_url, "SELECT (SELECT count(*) FROM spans), last_value FROM public.attempts") == [(0, 1)]
    execute(database_url, "DROP TRIGGER t ON traces")
    assert writer.write(batch(span(0), span(1))).spans == 2


def test_no_free_connection_is_retryable(database_url: str) -> None:
    """SQLSTATE 53300: the sender is told to come back, and a connection that is free again is used."""
    migrations.grant_logins(database_url, {"AGENT_OTEL_INGEST_PASSWORD": "one", "AGENT_OTEL_READER_PASSWORD": "two"})
    writer = Writer(make_conninfo(database_url, user="agent_otel_ingest", password="one"))
    name = database_url.rsplit("/", 1)[1]
    execute(database_url, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    with pytest.raises(RetryableError):
        writer.write(batch(span(0)))
    execute(database_url, f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    assert writer.write(batch(span(0))).spans == 1
    writer.close()


def test_a_session_ended_inside_a_copy_is_made_good(writer: Writer, database_url: str) -> None:
    """SQLSTATE 57P01 half-way through the rows: the batch is written again over a new connection, each row once."""
    execute(
        database_url,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON spans FOR EACH ROW WHEN (NEW.span_id = 500) EXECUTE FUNCTION wait()",
    )
    results: list[int] = []
    with connect(database_url, application="test", autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(42)")
        thread = threading.Thread(target=lambda: results.append(writer.write(batch(*map(span, range(1000)))).spans))
        thread.start()
        (pid,) = _wait_for_lock(database_url)
        assert query(database_url, "SELECT query LIKE 'COPY%%' FROM pg_stat_activity WHERE pid = %s", pid) == [(True,)]
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        other.execute("SELECT pg_advisory_unlock(42)")
        thread.join(30)
    assert results == [1000]
    assert query(database_url, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(1000, 1000)]


def _wait_for_lock(url: str) -> list[int]:
    """The sessions that wait for a lock, as soon as there is one."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 20
    while not (found := query(url, waiting)):
        assert time.monotonic() < deadline
    return [pid for (pid,) in found]
