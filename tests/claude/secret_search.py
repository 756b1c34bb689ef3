"""Looking for secrets everywhere that the audit trail keeps something: files, database, Jaeger."""

import json
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from psycopg import sql

from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect

_TABLES: Final = """
  SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'agent_otel' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
#: A row as text has bytea in hex; escape shows what is readable in it.
_FOUND: Final = """
  SELECT count(*) FROM {table} t
  WHERE position(%(value)s IN t::text) > 0 OR position(encode(convert_to(%(value)s, 'UTF8'), 'hex') IN t::text) > 0"""


def find(
    secrets: Mapping[str, str],
    folders: Collection[Path],
    output: Collection[str],
    stack: LocalStack,
    traces: Collection[str],
) -> list[str]:
    """Where a secret was found, by its name: in the folders' files, in what was printed, in tables, in the traces."""
    return [
        f"{name} is in {place}"
        for name, value in secrets.items()
        for place in (
            *_in_files(value, folders),
            *(["the output"] if any(value in text for text in output) else []),
            *_in_database(value, stack),
            *_in_jaeger(value, stack, traces),
        )
    ]


def searched(folders: Collection[Path]) -> int:
    """How many files there are to search."""
    return sum(1 for _ in _files(folders))


def _in_files(value: str, folders: Collection[Path]) -> Iterator[str]:
    return (path.name for path in _files(folders) if value.encode() in path.read_bytes())


def _files(folders: Collection[Path]) -> Iterator[Path]:
    return (path for folder in folders for path in folder.rglob("*") if path.is_file())


def _in_database(value: str, stack: LocalStack) -> Iterator[str]:
    with connect(stack.database_url, application="test", autocommit=True) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            query = sql.SQL(_FOUND).format(table=sql.Identifier("agent_otel", table))
            row = connection.execute(query, {"value": value}).fetchone()
            if row and row[0]:
                yield f"the table {table}"


def _in_jaeger(value: str, stack: LocalStack, traces: Collection[str]) -> Iterator[str]:
    for trace in traces:
        with urllib.request.urlopen(f"{stack.jaeger_query_url}/api/v3/traces/{trace}", timeout=10) as answer:
            if json.dumps(value)[1:-1] in answer.read().decode():
                yield f"Jaeger's trace {trace}"
