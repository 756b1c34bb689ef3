"""Notes are written by several writers at once, with the ingest role's rights, and read with those of the reader."""

import random
import threading
import time
import uuid
from contextlib import closing

import psycopg
import pytest

from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures import mandatory
from tests.fixtures.executions import START_NS
from tests.fixtures.notes import verdict
from tests.fixtures.quarantine import query

_VIEWS = (
    *("agent_executions", "agent_execution_documents", "agent_verifications", "agent_issues", "agent_learning"),
    *("agent_errors", "agent_evaluations", "agent_refuted_successes"),
)


def test_writers_of_the_same_notes_never_deadlock(database_url: str) -> None:
    """Each writes all notes of all executions, in an order of its own; every note is one row in the end."""
    executions = [uuid.uuid4() for _ in range(10)]
    notes = [(execution, verdict("MATCH", place)) for execution in executions for place in range(10)]
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        order = random.Random(seed)
        try:
            with closing(Writer(database_url)) as own:
                for _ in range(8):
                    batch = Batch()
                    for execution, said in order.sample(notes, len(notes)):
                        batch.extend(said._replace(offset_ns=order.randrange(9)).record(execution))
                    own.write(batch)
        except BaseException as error:  # noqa: BLE001  # reported by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    assert not failures
    assert query(database_url, "SELECT count(*), count(*) FILTER (WHERE is_current) FROM agent_verifications") == [
        (100, 10)
    ]
    assert query(database_url, "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()") == [
        (0,)
    ]


def test_the_ingest_role_may_write_them(database_url: str) -> None:
    """New, told again, and told later under the same id."""
    execution_id, note_id = uuid.uuid4(), uuid.uuid4()
    url = psycopg.conninfo.make_conninfo(database_url, options="-c role=agent_otel_ingest")
    with closing(Writer(url)) as writer:
        for offset in (1, 1, 2):
            writer.write(verdict("MATCH" if offset == 1 else "ERROR", offset, note_id).record(execution_id))
    assert query(database_url, "SELECT status, is_current FROM agent_verifications") == [("ERROR", True)]


@pytest.mark.parametrize("view", _VIEWS)
def test_the_reader_may_read_them_with_any_search_path(database_url: str, view: str) -> None:
    """To the last column, on rows; a member of the role has no search_path of ours."""
    written = mandatory.execution(START_NS)
    with closing(Writer(database_url)) as writer:
        for batch in written.batches:
            writer.write(batch)
        if view == "agent_refuted_successes":
            writer.write(verdict("MISMATCH", 10**12).record(written.execution_id))
    with connect(database_url, application="test") as connection:
        connection.execute("SET search_path = public")
        connection.execute("SET ROLE agent_otel_reader")
        statement = psycopg.sql.SQL("SELECT * FROM agent_otel.{}").format(psycopg.sql.Identifier(view))
        rows = connection.execute(statement).fetchall()
    assert len(rows) == (0 if view == "agent_evaluations" else 1)
