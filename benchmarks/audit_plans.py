"""What a question reads: its plan, and which days' partitions were looked into, by PostgreSQL's own counters."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, LiteralString, NamedTuple

from agent_otel.store.connection import Connection

#: Without times: they differ from run to run, and asking the clock for each row slows what is measured.
_EXPLAIN: Final = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) "
_NEVER: Final = "(never executed)"
_ARROW: Final = re.compile(r"^( *)->  ")


class Reads(NamedTuple):
    """What a statement looked into: days of spans, days of events, and how often all of `executions` in order."""

    span_days: int
    event_days: int
    full_scans: int


def reads(connection: Connection, statement: LiteralString, values: Any) -> Reads:
    """Run a statement in a transaction of its own, in which everything it calls is counted, too."""
    # What earlier statements did counts until it is handed over.
    connection.execute("SELECT pg_stat_force_next_flush()")
    with connection.transaction():
        # Other processes would count for themselves.
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        connection.execute(statement, values)
        row = connection.execute(
            "SELECT count(*) FILTER (WHERE relname ~ '^spans_[0-9]'),"
            " count(*) FILTER (WHERE relname ~ '^execution_events_[0-9]'),"
            " coalesce(sum(seq_scan) FILTER (WHERE relname = 'executions'), 0)"
            " FROM pg_stat_xact_user_tables WHERE seq_scan > 0 OR idx_scan > 0"
        ).fetchone()
    assert row is not None
    return Reads(*map(int, row))


def plan(connection: Connection, statement: LiteralString, values: Any) -> list[str]:
    """The lines of the plan, without what never ran (days that were ruled out while it ran)."""
    return _executed(row[0] for row in connection.execute(f"{_EXPLAIN}{statement}".encode(), values))


def plan_within(connection: Connection, function: str, arguments: Mapping[str, Any]) -> list[str]:
    """The plan of the statement that a function in SQL consists of, asked with these arguments.

    A plan shows a function as one line. A function of the same name and parameters, here for as long as the
    connection, explains the same statement instead.
    """
    row = connection.execute(
        "SELECT prosrc, pg_get_function_arguments(oid), array_to_string(proconfig, ' SET ')"
        " FROM pg_proc WHERE proname = %s AND pronamespace = 'agent_otel'::regnamespace",
        [function],
    ).fetchone()
    assert row is not None
    source, parameters, settings = row
    body = (
        f"#variable_conflict use_column\nDECLARE line text; BEGIN FOR line IN {_EXPLAIN} {source.rstrip().rstrip(';')}"
        " LOOP RETURN NEXT line; END LOOP; END"
    )
    connection.execute(
        f"CREATE OR REPLACE FUNCTION pg_temp.{function}({parameters}) RETURNS SETOF text LANGUAGE plpgsql"
        f" {'SET ' + settings if settings else ''} AS $explained$ {body} $explained$".encode()
    )
    given = ", ".join(f"{name} => %({name})s" for name in arguments)
    return _executed(row[0] for row in connection.execute(f"SELECT pg_temp.{function}({given})".encode(), arguments))


def _executed(lines: Iterable[str]) -> list[str]:
    """Without nodes that never ran and what stands below them."""
    kept: list[str] = []
    hidden: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if hidden is not None and indent > hidden:
            continue
        hidden = indent if _NEVER in line and _ARROW.match(line) else None
        if hidden is None:
            kept.append(line)
    return kept
