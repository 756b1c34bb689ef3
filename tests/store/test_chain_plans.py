"""The chain of one execution is read from its own rows, however much is stored beside it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, LiteralString

import pytest

from agent_otel.store.connection import Connection, connect
from agent_otel.store.writer import Writer
from tests.fixtures.chains import Call, Chains, Member, batch
from tests.fixtures.executions import START_NS
from tests.store.test_plans import rows_read

_DAY_MS = 86_400_000
DAYS, PER_DAY = 8, 100
_READS: LiteralString = """
SELECT relname, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
WHERE schemaname = 'agent_otel' AND (seq_scan > 0 OR idx_scan > 0)
"""


@pytest.fixture
def tree(database_url: str) -> Chains:
    """Three levels in two traces on the fourth day, with steps, among pairs of executions on eight days."""
    beside = [
        Member(trace=n // 2, start=n % DAYS * _DAY_MS, stated=n - 1 if n % 2 else None, calls=(Call(1, 1),) * 3)
        for n in range(DAYS * PER_DAY)
    ]
    own = Chains(
        [
            Member("foreign", start=3 * _DAY_MS, calls=(Call(1, 1),)),
            Member("foreign", start=3 * _DAY_MS, above=("step", 0), calls=(Call(1, 1),)),
            Member("foreign", start=3 * _DAY_MS, link=1, trace=1, calls=(Call(1, 1),)),
        ],
        START_NS,
    )
    with closing(Writer(database_url)) as writer:
        for chains in (Chains(beside, START_NS), own):
            assert not writer.write(batch(list(chains.records()))).refused
    with connect(database_url, application="test", autocommit=True) as connection:
        connection.execute("ANALYZE")
    return own


@pytest.fixture
def connection(database_url: str, tree: Chains) -> Iterator[Connection]:
    """Autocommit, as the reader role."""
    with connect(database_url, application="test", autocommit=True) as connection:
        connection.execute("SET ROLE agent_otel_reader")
        yield connection


_QUESTIONS: list[tuple[LiteralString, str]] = [
    ("SELECT * FROM agent_chain(%s)", "execution"),
    ("SELECT * FROM agent_execution_chain WHERE execution_id = %s", "execution"),
    ("SELECT * FROM agent_chains(%s)", "trace"),
]


def reads(connection: Connection) -> dict[str, tuple[int, int]]:
    """By table, what was read so far: scans from end to end, rows."""
    return {name: (scans, rows) for name, scans, rows in connection.execute(_READS).fetchall()}


def test_only_the_trees_own_day_is_read(connection: Connection, tree: Chains) -> None:
    """No partition but that of its day, no table from end to end, and few rows; asked often enough for a kept plan."""
    for question, of in _QUESTIONS * 8:
        with connection.transaction():
            before = reads(connection)
            connection.execute(question, [tree.execution_id(2) if of == "execution" else tree.trace_id(1)])
            after = reads(connection)
        added = {
            name: [now - then for now, then in zip(after[name], before.get(name, (0, 0)), strict=True)]
            for name in after
        }
        assert {name for name in added if name.startswith("spans_")} == {"spans_20251123"}
        assert {name for name, (scans, _) in added.items() if scans} <= {"execution_traces"}, question  # empty here
        assert 0 < sum(rows for _, rows in added.values()) < DAYS * PER_DAY / 5, question


_INDEXED: list[tuple[LiteralString, Any]] = [
    ("trace_id = ANY (%s) AND parent_execution_id IS NULL AND parent_span_id IS NOT NULL", lambda t: [t.trace_id(0)]),
    ("link_trace_id = ANY (%s) AND parent_execution_id IS NULL", lambda t: [t.trace_id(0)]),
    ("parent_execution_id = ANY (%s)", lambda t: [t.execution_id(0)]),
]


def test_members_are_found_by_index(connection: Connection, tree: Chains) -> None:
    """By trace, by link, by stated parent: the plan reads hardly more than it returns."""
    explain: LiteralString = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT execution_id FROM executions WHERE "
    for condition, value in _INDEXED:
        (plan,) = connection.execute(explain + condition, [value(tree)]).fetchone() or ()
        assert rows_read(plan[0]["Plan"]) < 10, condition
