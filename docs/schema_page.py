"""docs/schema.md: every table and view, read from a freshly migrated PostgreSQL; where the required fields stand."""

import tempfile
from pathlib import Path
from typing import Final

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store.connection import connect
from agent_otel.store.migrations import migrate
from docs import questions, seed_fields

_RELATIONS: Final = """
SELECT c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'agent_otel' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY c.relkind = 'v' DESC, c.relname
"""
_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(a.attrelid, a.attnum), '')
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def page() -> str:
    """The page."""
    lines = [
        "# Database schema",
        "",
        "Generated from a freshly migrated database by `make generate`. Everything is in the schema `agent_otel`.",
        "Read the views: they stay when tables change. Where each required field stands, and",
        "[ten questions](#ten-questions) to start with, is at the end.",
    ]
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), free_port()) as server:
        migrate(server.url)
        with connect(server.url, application="docs") as connection:
            for name, kind, comment in connection.execute(_RELATIONS).fetchall():
                lines += ["", f"## {name} ({'view' if kind == 'v' else 'table'})", ""]
                lines += [comment, ""] if comment else []
                lines += ["| column | type | meaning |", "|---|---|---|"]
                for column, data_type, note in connection.execute(_COLUMNS, [f"agent_otel.{name}"]).fetchall():
                    lines.append(f"| `{column}` | {data_type} | {note} |")
        connection.close()
    return "\n".join([*lines, "", *_required_fields(), "", *questions.section()]) + "\n"


def _required_fields() -> list[str]:
    lines = [
        "## Required fields",
        "",
        "The schemas that users wrote down, field by field: the attribute of the span or event that carries it, and",
        "the column that it is read from, of `agent_executions` where no view is named.",
    ]
    for title, fields in seed_fields.SCHEMAS.items():
        lines += ["", f"### {title}", "", *seed_fields.table(fields)]
    return lines
