"""The writer against a real PostgreSQL."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from psycopg.conninfo import make_conninfo

from agent_otel.errors import RetryableError
from agent_otel.exporter.envelope import RawItem, decode
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store import migrations
from agent_otel.store.connection import connect
from agent_otel.store.quarantining import REPEATED
from agent_otel.store.rows import Batch, QuarantineRow
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer on a database of its own."""
    writer = Writer(database_url)
    yield writer
    writer.close()


def batch(*spans: Span) -> Batch:
    """The batch of some spans."""
    return map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans])


def span(number: int, name: str = "s", start: int = START_NS, attributes: Mapping[str, Any] = {}) -> Span:
    """A span whose ids are derived from a number."""
    return Span(
        trace_id=(number + 1).to_bytes(16),
        span_id=(number + 1).to_bytes(8),
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 1,
        attributes=to_attributes(attributes),
    )


def query(url: str, statement: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connect(url, application="test") as connection:
        return connection.execute(statement).fetchall()


def test_a_replay_changes_nothing(writer: Writer, database_url: str) -> None:
    """A batch sent again adds no row, no count and no quarantine; new rows among replays are kept."""
    first = writer.write(batch(span(0), span(1)))
    replay = writer.write(batch(span(0), span(1), span(2)))
    assert (first.spans, replay.spans) == (2, 1)
    assert query(database_url, "SELECT count(*) FROM spans") == [(3,)]
    assert query(database_url, "SELECT sum(span_count)::int FROM traces") == [(3,)]
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(0,)]


def test_the_ingest_role_is_enough(database_url: str) -> None:
    """A writer that may only add rows stores, replays, finds conflicts and merges."""
    migrations.grant_logins(database_url, {"AGENT_OTEL_INGEST_PASSWORD": "one", "AGENT_OTEL_READER_PASSWORD": "two"})
    writer = Writer(make_conninfo(database_url, user="agent_otel_ingest", password="one"))
    execution = {"aotel.execution.id": str(uuid.uuid4()), "gen_ai.operation.name": "invoke_agent"}
    writer.ping()
    assert writer.write(batch(span(0, attributes=execution))).spans == 1
    assert writer.write(batch(span(0, attributes=execution), span(1))).spans == 1
    assert len(writer.write(batch(span(1, name="forged"))).refused) == 1
    step = {"aotel.execution.id": str(uuid.uuid4()), "aotel.step.kind": "tool"}
    resource = Resource(attributes=to_attributes({"padding": "x" * 2 * REPEATED})).SerializeToString()
    large = RawItem(span(1, name="large").SerializeToString(), resource, b"", b"", b"")
    assert len(writer.write(map_spans([large])).refused) == 1
    assert writer.write(batch(span(2, attributes=step))).spans == 1
    assert query(database_url, "SELECT count(*) FROM executions") == [(1,)]
    assert query(database_url, "SELECT count(*) FROM quarantine WHERE origin_sha256 IS NOT NULL") == [(1,)]
    assert query(database_url, "SELECT count(*) FROM execution_traces") == [(1,)]
    writer.close()


def test_repeats_inside_a_batch_are_one_row(writer: Writer, database_url: str) -> None:
    """The same span twice in one batch is stored once and is no conflict."""
    written = writer.write(batch(span(0), span(0)))
    assert (written.spans, written.refused) == (1, {})
    assert query(database_url, "SELECT span_count FROM traces") == [(1,)]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_a_forged_repeat_is_quarantined(writer: Writer, database_url: str, together: bool) -> None:
    """A span with the identity of a stored one and other content never overwrites it; its bytes are kept."""
    original, forged = span(0), span(0, name="forged")
    if together:
        written = writer.write(batch(original, forged))
    else:
        writer.write(batch(original))
        written = writer.write(batch(forged))
    assert len(written.refused) == 1
    assert query(database_url, "SELECT name FROM spans") == [("s",)]
    ((reason, raw),) = query(database_url, "SELECT reason, raw FROM quarantine")
    assert reason.startswith("conflict")
    assert Span.FromString(decode(raw)[0].raw) == forged


def test_the_same_ids_with_another_start_are_two_spans(writer: Writer, database_url: str) -> None:
    """Zipkin-style traces repeat a span id; the start, to the nanosecond, tells the spans apart."""
    writer.write(batch(span(0), span(0, start=START_NS + 1)))
    assert query(database_url, "SELECT count(*) FROM spans") == [(2,)]


def test_one_row_that_postgresql_refuses_costs_only_itself(writer: Writer, database_url: str) -> None:
    """A row that no check foresaw is found by halving; its neighbours are stored, its bytes are in quarantine."""
    with connect(database_url, application="test") as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '22P02'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER t BEFORE INSERT ON spans FOR EACH ROW WHEN (NEW.name = 'bad') EXECUTE FUNCTION refuse()"
        )
    written = writer.write(batch(*(span(number, name="bad" if number == 37 else "good") for number in range(100))))
    assert (written.spans, len(written.refused)) == (99, 1)
    assert query(database_url, "SELECT count(*) FROM spans") == [(99,)]
    ((reason, raw),) = query(database_url, "SELECT reason, raw FROM quarantine")
    assert "22P02" in reason
    assert Span.FromString(decode(raw)[0].raw).name == "bad"


def test_a_value_that_fits_no_column_costs_only_its_row(writer: Writer, database_url: str) -> None:
    """A row that cannot even be encoded for its column is set aside, and its neighbours are stored."""
    broken = batch(span(0), span(1), span(2))
    broken.spans[1] = broken.spans[1]._replace(row=broken.spans[1].row._replace(kind=2**15))
    written = writer.write(broken)
    assert (written.spans, len(written.refused)) == (2, 1)
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(1,)]


@pytest.mark.parametrize("start", [0, 1, 2**63, 2**64 - 1], ids=["zero", "one", "beyond int64", "largest"])
def test_outlier_times_have_a_partition(writer: Writer, database_url: str, start: int) -> None:
    """A hostile clock makes no partition of its own."""
    outlier = span(0, start=min(start, 2**64 - 2))
    assert writer.write(batch(outlier)).spans == 1
    ((partition,),) = query(database_url, "SELECT tableoid::regclass::text FROM spans")
    assert partition in ("spans_before_2020", "spans_from_2100")


def test_days_beyond_the_limit_are_quarantined(writer: Writer, database_url: str) -> None:
    """At most 32 day partitions are made in a minute; the rest waits in quarantine."""
    day = 86_400_000_000_000
    written = writer.write(batch(*(span(number, start=START_NS + number * day) for number in range(40))))
    assert written.spans + len(written.refused) == 40
    assert 25 <= written.spans <= 32
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(len(written.refused),)]


def test_old_days_never_push_today_aside(writer: Writer, database_url: str) -> None:
    """The days around now are made whatever the quota says, and old days take what is left of it."""
    day = 86_400_000_000_000
    old = [span(number, start=START_NS - (100 + number) * day) for number in range(40)]
    now = span(1000, start=time.time_ns())
    written = writer.write(batch(*old, now))
    assert int.from_bytes(now.span_id) not in [key[1] for key, _ in written.refused]
    assert query(database_url, "SELECT count(*) FROM spans WHERE start_time > now() - interval '1 day'") == [(1,)]


def test_a_detached_day_costs_only_its_own_spans(writer: Writer, database_url: str) -> None:
    """A day whose partition was detached takes no more spans; spans of other days are stored."""
    day = 86_400_000_000_000
    writer.write(batch(span(0)))
    with connect(database_url, application="test") as connection:
        connection.execute("ALTER TABLE spans DETACH PARTITION spans_20251120")
    writer.close()
    written = writer.write(batch(span(1), span(2, start=START_NS + day)))
    assert (written.spans, len(written.refused)) == (1, 1)


def test_a_conflict_that_another_writer_commits_meanwhile_is_seen(database_url: str) -> None:
    """While another transaction holds the same key with other content, we wait for it and then quarantine ours."""
    ours = Writer(database_url)
    ours.write(batch(span(0)))
    ours.write(batch(span(0)))  # a replay: from here on the writer stages
    results: list[Any] = []
    with psycopg.connect(database_url) as other:
        other.execute("SET search_path = agent_otel")
        copied = "INSERT INTO spans SELECT (s).* FROM (SELECT (jsonb_populate_record(x, %s)) AS s FROM spans x) y"
        other.execute(copied, [json.dumps({"span_id": 2, "trace_id": str(uuid.UUID(int=2)), "digest": "other"})])
        thread = threading.Thread(target=lambda: results.append(ours.write(batch(span(1)))))
        thread.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        deadline = time.monotonic() + 20
        while query(database_url, waiting) == [(0,)]:
            assert time.monotonic() < deadline
    thread.join(20)
    assert [(result.spans, len(result.refused)) for result in results] == [(0, 1)]
    assert query(database_url, "SELECT count(*) FROM quarantine") == [(1,)]
    ours.close()


def test_huge_token_counts_break_no_view(writer: Writer, database_url: str) -> None:
    """Counts that no model can reach stay in the attributes; sums over the columns never overflow."""
    huge = {"gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.usage.output_tokens": 1}
    agent = {"gen_ai.operation.name": "invoke_agent"}
    writer.write(batch(span(0, attributes={**huge, **agent}), span(1, attributes={**huge, "aotel.step.kind": "llm"})))
    assert query(database_url, "SELECT total_tokens FROM agent_executions") == [(1,)]
    assert query(database_url, "SELECT input_tokens, output_tokens FROM spans ORDER BY span_id") == [(None, 1)] * 2


def test_quarantine_keeps_one_of_each(writer: Writer, database_url: str) -> None:
    """The same refused item sent again is in quarantine once."""
    for _ in range(2):
        refused = Batch()
        refused.quarantine.append(QuarantineRow("traces", "why", b"raw"))
        writer.write(refused)
    assert query(database_url, "SELECT signal, reason, raw FROM quarantine") == [("traces", "why", b"raw")]


def test_a_lost_connection_is_opened_anew(writer: Writer, database_url: str) -> None:
    """When PostgreSQL ends the writer's connection, the next batch is written over a new one."""
    writer.write(batch(span(0)))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'agent-otel exporter' AND datname = current_database()"
        )
    assert writer.write(batch(span(1))).spans == 1


def test_no_database_is_retryable() -> None:
    """While PostgreSQL is away the sender is told to come back, without the password."""
    with pytest.raises(RetryableError) as caught:
        Writer("postgresql://u:s3cret@127.0.0.1:1/nowhere").write(batch(span(0)))
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:1/nowhere" in str(caught.value)


def test_writers_of_the_same_executions_never_deadlock(database_url: str) -> None:
    """Writers that merge the same executions in different orders take turns instead of deadlocking."""
    executions = [uuid.UUID(int=2**80 + number, version=4) for number in range(20)]
    failures: list[BaseException] = []

    def write(offset: int) -> None:
        own = Writer(database_url)
        try:
            for turn in range(10):
                ordered = executions if (turn + offset) % 2 else executions[::-1]
                spans = [
                    span(
                        offset * 1000 + turn * 50 + n,
                        attributes={"aotel.execution.id": str(e), "gen_ai.operation.name": "invoke_agent"},
                    )
                    for n, e in enumerate(ordered)
                ]
                own.write(batch(*spans))
        except BaseException as error:  # noqa: BLE001  # reported by the test's own thread
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=write, args=(offset,)) for offset in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    assert not failures
    assert query(database_url, "SELECT count(*) FROM executions") == [(20,)]
    assert query(database_url, "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()") == [
        (0,)
    ]
