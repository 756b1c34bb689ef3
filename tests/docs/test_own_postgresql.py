"""docs/operations.md, "An own PostgreSQL", as its reader does it: a server of their own, and the roles of the table."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres
from tests.docs import page
from tests.docs.recipe import PROGRAMS

_PAGE = "docs/operations.md"
_OWNER = "CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'of-the-owner'; CREATE DATABASE agent_otel_own OWNER owner"
_RIGHTS = """SELECT r.rolname, r.rolcanlogin,
    has_table_privilege(r.oid, 'agent_otel.spans', 'INSERT'),
    has_table_privilege(r.oid, 'agent_otel.spans', 'SELECT'),
    has_table_privilege(r.oid, 'agent_otel.agent_executions', 'SELECT'),
    bool_or(c.relowner = r.oid)
FROM pg_roles r, pg_class c WHERE r.rolname LIKE 'agent\\_otel\\_%' AND c.relnamespace = 'agent_otel'::regnamespace
GROUP BY r.oid, r.rolname, r.rolcanlogin"""


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that has none of our roles: roles belong to a server, not to a database."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("own"), free_port()) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for statement in _OWNER.split("; "):
                connection.execute(statement.encode())
        yield server


def _commands() -> list[str]:
    """The commands that name a database, with `…` where a reader's own words stand."""
    texts = [code.text for name in (_PAGE, "README.md") for code in page.inline(name)]
    return [text for text in texts if text.startswith("AGENT_OTEL_DATABASE_URL=")]


def test_migrate_makes_the_schema_and_the_roles(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    """As a user that owns the database and has CREATEROLE, and no superuser; safe to run again."""
    (command,) = [text for text in _commands() if " migrate " in text]
    where = f"owner:of-the-owner@127.0.0.1:{own_server.port}/agent_otel_own"
    typed = command.replace("owner:…@host/agent_otel", where)
    assert typed != command
    passwords = {"AGENT_OTEL_INGEST_PASSWORD": "of-ingest", "AGENT_OTEL_READER_PASSWORD": "of-the-reader"}
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": str(tmp_path), **passwords}
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", typed], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    with psycopg.connect(f"postgresql://{where}") as connection:
        rights = {name: tuple(may) for name, *may in connection.execute(_RIGHTS)}
    table = dict(re.findall(r"^\| `(agent_otel_\w+)` \| (.+) \|$", page.text(_PAGE), re.MULTILINE))
    assert set(table) == set(rights)
    expected = {  # logs in, adds spans, reads spans, reads views, owns
        "add rows; read keys and digests, no content": (True, True, False, False, False),
        "read everything": (True, False, True, True, False),
        "nothing yet": (False, False, False, False, False),
        "owns all of it; no login": (False, True, True, True, True),
    }
    assert {name: expected[may] for name, may in table.items()} == rights
    with psycopg.connect(f"postgresql://agent_otel_reader:of-the-reader@127.0.0.1:{own_server.port}/agent_otel_own"):
        pass


def test_up_on_an_own_database_is_run_elsewhere() -> None:
    """The README's command: tests/local_stack/test_stack.py runs the stack on a database that it did not make."""
    assert [text for text in _commands() if text.endswith("agent-otel up")]
    source = page.text("tests/local_stack/test_stack.py")
    assert 'setenv("AGENT_OTEL_DATABASE_URL", empty_database_url)' in source
