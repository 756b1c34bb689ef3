"""What the store makes of what hooks left in the spool."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from agent_otel.exporter.decode_json import decode
from agent_otel.exporter.limits import Limits
from agent_otel.exporter.refusals import Refusals
from agent_otel.exporter.signals import LOGS, TRACES
from agent_otel.record import LOGS as LOG_RECORDS
from agent_otel.record import Record
from agent_otel.segment import Segment
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.claude import tree

_ROWS = """
  SELECT e.execution_id::text, e.parent_execution_id::text, e.correlation_id::text, e.session_id, e.agent_name,
         e.agent_instance_id, e.status, e.error_type, e.input_tokens, e.output_tokens, e.cache_read_tokens,
         e.cache_creation_tokens
  FROM agent_executions e ORDER BY 1"""
_STEPS = (
    "SELECT execution_id::text, tool_call_id, tool, success, error_type FROM agent_execution_steps ORDER BY 1, 2, 3"
)
_EVENTS = "SELECT event_name, count(*) FROM execution_events WHERE execution_id IS NULL GROUP BY 1 ORDER BY 1"


class Rows(NamedTuple):
    """All that is the same however often and in whatever order it is told: everything but times."""

    executions: list[dict[str, Any]]
    steps: list[tuple[Any, ...]]


def differences(found: Rows, expected: Rows) -> list[str]:
    """What is not the same, in words."""
    ours, theirs = ({row["execution_id"]: row for row in each.executions} for each in (found, expected))
    wrong = [f"an execution too much: {ours[key]}" for key in ours.keys() - theirs.keys()]
    wrong += [f"an execution is missing: {theirs[key]}" for key in theirs.keys() - ours.keys()]
    for key in ours.keys() & theirs.keys():
        names = [name for name in ours[key] if ours[key][name] != theirs[key][name]]
        name = theirs[key]["agent_name"]
        wrong += [f"{name}: {column} is {ours[key][column]!r}, not {theirs[key][column]!r}" for column in names]
    steps, expected_steps = Counter(found.steps), Counter(expected.steps)
    wrong += [f"a step too much: {step}" for step in steps - expected_steps]
    return wrong + [f"a step is missing: {step}" for step in expected_steps - steps]


def records(spool: Path) -> Iterator[Record]:
    """What waits for delivery, the oldest first."""
    for path in sorted(spool.glob("*.spool")):
        segment = Segment.adopt(str(path))
        assert segment is not None
        yield from list(segment.window(2**40))
        segment.close()


def store(url: str, spool: Path) -> None:
    """Store what waits, as the exporter does; fails when anything is refused."""
    batch = Batch()
    for record in records(spool):
        signal = LOGS if record.kind == LOG_RECORDS else TRACES
        body = b'{"%s":[%s]}' % (signal.keys[0].encode(), record.payload)
        refusals = Refusals(signal.name, body, len(body))
        batch.extend(signal.to_batch(decode(body, signal, refusals), Limits()))
        assert not refusals.total, refusals.message()
    assert not batch.quarantine
    with closing(Writer(url)) as writer:
        assert not writer.write(batch).refused


def executions(url: str) -> list[tree.Execution]:
    """Every execution with its steps in their order."""
    with connect(url, application="test", autocommit=True) as connection:
        sessions = connection.execute("SELECT DISTINCT session_id FROM agent_executions").fetchall()
    return tree.read(url, [session for (session,) in sessions if session])


def rows(url: str) -> Rows:
    """What must be the same."""
    with connect(url, application="test", autocommit=True) as connection:
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(_ROWS).fetchall()
        return Rows(found, connection.execute(_STEPS).fetchall())


def emptied(url: str) -> None:
    """Forget everything."""
    with connect(url, application="test", autocommit=True) as connection:
        connection.execute("TRUNCATE spans, execution_events, executions, execution_traces, traces, model_requests")


def session_events(url: str) -> dict[str, int]:
    """How often which event without an execution was told."""
    with connect(url, application="test", autocommit=True) as connection:
        return dict(connection.execute(_EVENTS).fetchall())
