"""Compare what the ledgers say was acknowledged with what SQL shows."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel.store.connection import Connection
from tests.faults import ledger
from tests.faults.ledger import Entry

_TABLES: Final[Any] = """
DROP TABLE IF EXISTS promised_spans, promised_events, promised_progress, promised_executions;
CREATE TEMP TABLE promised_spans (trace_id uuid, span_id int8);
CREATE TEMP TABLE promised_events (event_id uuid);
CREATE TEMP TABLE promised_progress (execution_id uuid, stage text);
CREATE TEMP TABLE promised_executions (execution_id uuid, steps int8, input_tokens int8, output_tokens int8);
"""
#: What is missing. `start_time >= since` keeps the search to the days that it can be in.
_MISSING_SPANS: Final[Any] = """
SELECT count(*) FROM promised_spans p WHERE NOT EXISTS (
  SELECT FROM spans s WHERE s.trace_id = p.trace_id AND s.span_id = p.span_id AND s.start_time >= %(since)s)
"""
_MISSING_EVENTS: Final[Any] = """
SELECT (SELECT count(*) FROM promised_events p WHERE NOT EXISTS (
          SELECT FROM execution_events e WHERE e.event_id = p.event_id AND e.time >= %(since)s))
     + (SELECT count(*) FROM promised_progress p WHERE NOT EXISTS (
          SELECT FROM execution_events e
          WHERE e.execution_id = p.execution_id AND e.time >= %(since)s
            AND e.attributes ->> 'aotel.progress.stage' = p.stage))
"""
#: Executions whose row is missing or whose counters are not those that the client gave.
_WRONG_EXECUTIONS: Final[Any] = """
SELECT count(*) FROM promised_executions p LEFT JOIN agent_executions e USING (execution_id)
WHERE (e.status, e.input_tokens, e.output_tokens) IS DISTINCT FROM ('success', p.input_tokens, p.output_tokens)
   OR p.steps <> (SELECT count(*) FROM agent_execution_steps s WHERE s.execution_id = p.execution_id)
"""
#: Rows that are there twice, and traces whose counter is not the number of their spans.
_DUPLICATES: Final[Any] = """
SELECT (SELECT count(*) - count(DISTINCT (trace_id, span_id)) FROM spans WHERE start_time >= %(since)s)
     + (SELECT count(*) - count(DISTINCT event_id) FROM execution_events WHERE time >= %(since)s)
     + (SELECT count(*) - count(DISTINCT (execution_id, attributes ->> 'aotel.progress.stage'))
        FROM execution_events WHERE time >= %(since)s AND event_name = 'aotel.execution.progress')
"""
_MISCOUNTED: Final[Any] = """
SELECT count(*) FROM traces t
JOIN (SELECT trace_id, count(*) AS spans FROM spans WHERE start_time >= %(since)s GROUP BY trace_id) s USING (trace_id)
WHERE t.min_start >= %(since)s AND t.span_count <> s.spans
"""


class Verdict(NamedTuple):
    """Counts: what was acknowledged; of that missing; stored twice; executions or traces with wrong counters."""

    spans: int
    events: int
    executions: int
    missing_spans: int
    missing_events: int
    duplicates: int
    wrong_counters: int
    lost_by_clients: int

    @property
    def missing(self) -> int:
        """Spans and events."""
        return self.missing_spans + self.missing_events

    @property
    def clean(self) -> bool:
        """Whether nothing acknowledged is missing, nothing is there twice and all counters are right."""
        return not (self.missing or self.duplicates or self.wrong_counters or self.lost_by_clients)


def verify(connection: Connection, ledgers: Iterable[Path], since: datetime) -> Verdict:
    """Compare ledgers with the database. Nothing of the ledgers' clients may have started before `since`."""
    entries = [entry for path in ledgers for entry in ledger.promised(ledger.parse(path.read_text()))]
    connection.execute(_TABLES)
    spans = _copy(connection, "promised_spans (trace_id, span_id)", _spans(entries))
    events = _copy(connection, "promised_events (event_id)", _events(entries))
    progress = _copy(connection, "promised_progress (execution_id, stage)", _fields(entries, ledger.PROGRESS))
    executions = _copy(connection, "promised_executions", _fields(entries, ledger.EXECUTION))
    connection.execute("ANALYZE promised_spans, promised_events, promised_progress, promised_executions")
    return Verdict(
        spans,
        events + progress,
        executions,
        _count(connection, _MISSING_SPANS, since),
        _count(connection, _MISSING_EVENTS, since),
        _count(connection, _DUPLICATES, since),
        _count(connection, _WRONG_EXECUTIONS, since) + _count(connection, _MISCOUNTED, since),
        sum(int(entry.fields[2]) for entry in entries if entry.kind == ledger.END),
    )


def _spans(entries: Sequence[Entry]) -> Iterator[Sequence[object]]:
    for trace_id, span_ids in _fields(entries, ledger.SPANS):
        yield from ((trace_id, int.from_bytes(bytes.fromhex(each), signed=True)) for each in span_ids.split(","))


def _events(entries: Sequence[Entry]) -> Iterator[Sequence[object]]:
    for (event_ids,) in _fields(entries, ledger.EVENTS):
        yield from ([each] for each in event_ids.split(","))


def _fields(entries: Sequence[Entry], kind: str) -> Iterator[list[str]]:
    return (entry.fields for entry in entries if entry.kind == kind)


def _copy(connection: Connection, target: str, rows: Iterable[Sequence[object]]) -> int:
    statement: Any = f"COPY {target} FROM STDIN"
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount


def _count(connection: Connection, statement: Any, since: datetime) -> int:
    row = connection.execute(statement, {"since": since}).fetchone()
    assert row is not None
    return int(row[0])
