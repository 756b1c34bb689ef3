"""A database of an earlier release, with data in it, becomes what a fresh one is, and keeps its data."""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any, LiteralString

import pytest
from psycopg import sql

from agent_otel.exporter.envelope import decode
from agent_otel.store import migrations
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.quarantine import batch, items, query, resource, span

_RELEASED = Path(__file__).parent / "released"
#: Of an execution, as those releases stored them: lists that unite had no order.
_FACTS = {
    "trace_id": ["", str(uuid.UUID(int=1))],
    "status": ["1", "success"],
    "quality_score": ["1", 0.5],
    "success_criteria": {"b": ["", True], "a": ["", True]},
}
_CATALOG: dict[str, LiteralString] = {
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage,
          a.attcompression, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
          col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'agent_otel'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
          AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY 1, 2""",
    "relations": """
        SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl::text, c.reloptions,
          obj_description(c.oid, 'pg_class'), CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
        FROM pg_class c
        WHERE c.relnamespace = 'agent_otel'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
        ORDER BY 1""",
    "indexes": """
        SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'agent_otel'::regnamespace AND NOT c.relispartition ORDER BY 1""",
    "constraints": """
        SELECT n.conrelid::regclass::text, n.conname, pg_get_constraintdef(n.oid)
        FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid
        WHERE n.connamespace = 'agent_otel'::regnamespace AND NOT c.relispartition ORDER BY 1, 2""",
    "functions": """
        SELECT pg_get_functiondef(p.oid), p.proacl::text FROM pg_proc p
        WHERE p.pronamespace = 'agent_otel'::regnamespace ORDER BY 1""",
    "column rights": """
        SELECT c.relname, a.attname, a.attacl::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'agent_otel'::regnamespace AND a.attacl IS NOT NULL ORDER BY 1, 2""",
}


@pytest.fixture(params=[1, 4])
def release(request: pytest.FixtureRequest) -> int:
    """The last migration of an earlier release."""
    return int(request.param)


@pytest.fixture
def old_database_url(empty_database_url: str, release: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database as that release made it, with a span, a conflict, and steps in two traces."""
    released = (_RELEASED / f"{release:04d}_routines.sql").read_text(encoding="utf-8")
    shipped = migrations._texts

    def texts(folder: str) -> dict[str, LiteralString]:
        if folder == "routines":
            return {"released": released}
        return {name: text for name, text in shipped(folder).items() if int(name[:4]) <= release}

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_texts", texts)
        assert migrations.migrate(empty_database_url).version == release
    _fill(empty_database_url, release)
    return empty_database_url


def _fill(url: str, release: int) -> None:
    with connect(url, application="test") as connection:
        connection.execute("SELECT ensure_partitions('{2025-11-20}')")
        connection.execute("INSERT INTO resources VALUES (1, 'd', 'svc', NULL, '', '{}', 0, NULL)")
        connection.execute("INSERT INTO scopes VALUES (1, 'd', 'scope', '', '', '{}', 0, NULL)")
        connection.execute(
            "INSERT INTO executions (execution_id, facts) VALUES (%s, %s)", [uuid.UUID(int=7), json.dumps(_FACTS)]
        )
        if release > 1:
            connection.execute("INSERT INTO execution_traces VALUES (%s, %s)", [uuid.UUID(int=7), uuid.UUID(int=2)])
        for trace in (1, 2):
            connection.execute(
                "INSERT INTO spans (trace_id, span_id, start_time, end_time, resource_id, scope_id, batch_id, start_ns,"
                " end_ns, kind, status_code, digest, name, attributes, execution_id, step_kind) VALUES"
                " (%s, 9, '2025-11-20', '2025-11-20', 1, 1, 1, 0, 0, 1, 0, 'd', 'step', '{}', %s, 'tool')",
                [uuid.UUID(int=trace), uuid.UUID(int=7)],
            )
        connection.execute(
            "INSERT INTO traces (trace_id, min_start, max_start, max_end, span_count, error_count)"
            " SELECT trace_id, start_time, start_time, end_time, 1, 0 FROM spans"
        )
        raw = _refused()
        connection.execute(
            "INSERT INTO quarantine (signal, reason, sha256, raw) VALUES ('traces', 'why', %s, %s)",
            [hashlib.sha256(raw).digest(), raw],
        )


def _refused() -> bytes:
    (item,) = items(span(50), resource=resource("old"))
    return item.request()


@pytest.mark.parametrize("what", list(_CATALOG))
def test_an_upgraded_database_equals_a_fresh_one(
    old_database_url: str, database_url: str, release: int, what: str
) -> None:
    """Columns, views, indexes, constraints, functions, rights and comments: all the same."""
    before = query(old_database_url, _CATALOG[what])
    migrations.migrate(old_database_url)
    upgraded = query(old_database_url, _CATALOG[what])
    assert upgraded == query(database_url, _CATALOG[what])
    # Else the test would compare nothing that an upgrade changes.
    assert before != upgraded or what == "column rights"


def test_an_upgrade_keeps_the_data_and_goes_on(old_database_url: str, release: int) -> None:
    """What was stored is there, steps in another trace are found, what was refused can be retried, writes go on."""
    tables: list[LiteralString] = ["spans", "traces", "resources", "scopes"]
    before = {table: _all(old_database_url, table) for table in tables}
    applied = migrations.migrate(old_database_url).migrations
    assert [name[:4] for name in applied] == [f"{m.number:04d}" for m in migrations.available() if m.number > release]
    assert {table: _all(old_database_url, table) for table in tables} == before
    assert query(old_database_url, "SELECT count(*) FROM agent_execution_steps") == [(2,)]
    assert query(old_database_url, "SELECT trace_id FROM execution_traces") == [(uuid.UUID(int=2),)]
    known = "status, quality_score, success_criteria, verification_status, verdicts, issues, criteria_changed"
    statement = sql.SQL("SELECT {} FROM agent_executions").format(sql.SQL(known))
    assert query(old_database_url, statement) == [("success", 0.5, ["a", "b"], None, 0, [], False)]
    ((raw, is_open),) = query(
        old_database_url, "SELECT raw, is_open FROM quarantine JOIN agent_quarantine USING (quarantine_id)"
    )
    assert (decode(raw)[0].request(), is_open) == (_refused(), True)
    writer = Writer(old_database_url)
    assert writer.write(batch(span(0), span(50), resource=resource("old"))).spans == 2
    writer.close()


def _all(url: str, table: LiteralString) -> list[tuple[Any, ...]]:
    return query(url, sql.SQL("SELECT * FROM {} ORDER BY 1, 2").format(sql.Identifier(table)))
