"""Schema and migrations against a real PostgreSQL."""

import secrets
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg
from psycopg import sql

from agent_otel.errors import ConfigurationError, DatabaseUnavailableError, SchemaError
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store import migrations
from agent_otel.store.connection import connect

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, generation_expression FROM information_schema.columns
WHERE table_schema = 'agent_otel' ORDER BY table_name, ordinal_position
"""


def rows(url: str, statement: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connect(url, application="test") as connection:
        return connection.execute(statement).fetchall()


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    """The second migrate applies no file and leaves the same schema."""
    first = migrations.migrate(empty_database_url)
    before = rows(empty_database_url, _COLUMNS)
    second = migrations.migrate(empty_database_url)
    assert [name[:4] for name in first.migrations] == [f"{m.number:04d}" for m in migrations.available()]
    assert second.migrations == []
    assert rows(empty_database_url, _COLUMNS) == before


def test_everything_belongs_to_the_owner_role(database_url: str) -> None:
    """No object is left to whoever happened to migrate."""
    statement = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'agent_otel'"
    assert rows(database_url, statement) == [(migrations.OWNER,)]


def test_a_users_own_table_is_in_nobodys_way(database_url: str) -> None:
    """A table and a view that a superuser keeps in our schema survive a migrate and do not stop it."""
    with connect(database_url, application="test") as connection:
        connection.execute("CREATE TABLE kept (a int)")
        connection.execute("CREATE VIEW mine AS SELECT agent_name FROM agent_execution_logs")
    migrations.migrate(database_url)
    assert rows(database_url, "SELECT * FROM kept") == []
    assert rows(database_url, "SELECT * FROM mine") == []


def test_a_newer_schema_is_refused(database_url: str) -> None:
    """An old program never writes into a schema that it does not know."""
    with connect(database_url, application="test") as connection:
        connection.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, '9999_x.sql', '')")
    with pytest.raises(SchemaError, match="newer than this version knows"):
        migrations.migrate(database_url)
    with (
        connect(database_url, application="test") as connection,
        pytest.raises(SchemaError, match="upgrade agent-otel"),
    ):
        migrations.check(connection)


def test_an_edited_migration_is_refused(database_url: str) -> None:
    """An applied file whose content has changed is an error, not a silent difference."""
    with connect(database_url, application="test") as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'x' WHERE number = 1")
    with pytest.raises(SchemaError, match=r"0001_spans\.sql was applied with other content"):
        migrations.migrate(database_url)


def test_a_missing_schema_names_the_command(empty_database_url: str) -> None:
    """Without a schema the message says what to run."""
    with (
        connect(empty_database_url, application="test") as connection,
        pytest.raises(SchemaError, match="agent-otel migrate"),
    ):
        migrations.check(connection)


@pytest.mark.parametrize(
    ("role", "statement", "allowed"),
    [
        ("agent_otel_ingest", "SELECT digest FROM spans", True),
        ("agent_otel_ingest", "SELECT attributes FROM spans", False),
        ("agent_otel_ingest", "SELECT raw FROM quarantine", False),
        ("agent_otel_ingest", "SELECT raw FROM quarantine_origins", False),
        ("agent_otel_ingest", "UPDATE quarantine SET resolved_at = now()", False),
        ("agent_otel_ingest", "SELECT * FROM execution_traces", False),
        ("agent_otel_ingest", "UPDATE spans SET name = ''", False),
        ("agent_otel_ingest", "DELETE FROM spans", False),
        ("agent_otel_ingest", "TRUNCATE execution_events", False),
        ("agent_otel_ingest", "DELETE FROM executions", False),
        ("agent_otel_ingest", "DELETE FROM execution_notes", False),
        ("agent_otel_ingest", "SELECT ensure_partitions('{}')", True),
        ("agent_otel_ingest", "CREATE TABLE agent_otel.mine ()", False),
        ("agent_otel_reader", "SELECT * FROM agent_executions", True),
        ("agent_otel_reader", "SELECT * FROM agent_execution_documents", True),
        ("agent_otel_reader", "SELECT * FROM agent_execution_steps", True),
        ("agent_otel_reader", "DELETE FROM execution_notes", False),
        ("agent_otel_reader", "SELECT raw FROM quarantine", True),
        ("agent_otel_reader", "SELECT * FROM agent_quarantine", True),
        ("agent_otel_reader", "UPDATE quarantine SET resolved_at = now()", False),
        ("agent_otel_reader", "INSERT INTO executions (execution_id, facts) VALUES (gen_random_uuid(), '{}')", False),
        ("agent_otel_reader", "SELECT ensure_partitions('{}')", False),
    ],
)
def test_roles_may_do_just_their_work(database_url: str, role: str, statement: Any, allowed: bool) -> None:
    """ingest adds, reader reads; neither changes what is stored."""
    with connect(database_url, application="test") as connection:
        connection.execute(f"SET ROLE {role}")  # type: ignore[call-overload,unused-ignore]  # a name from the table above
        if allowed:
            connection.execute(statement)
        else:
            with pytest.raises(pg.InsufficientPrivilege):
                connection.execute(statement)


def test_ingest_and_reader_log_in_with_the_passwords_of_the_environment(database_url: str) -> None:
    """`migrate --logins` makes the two roles logins; without a password it says which variable is missing."""
    with pytest.raises(ConfigurationError, match="AGENT_OTEL_READER_PASSWORD"):
        migrations.grant_logins(database_url, {"AGENT_OTEL_INGEST_PASSWORD": "one"})
    passwords = {"AGENT_OTEL_INGEST_PASSWORD": "o'ne", "AGENT_OTEL_READER_PASSWORD": "two"}
    migrations.grant_logins(database_url, passwords)
    reader = psycopg.conninfo.make_conninfo(database_url, user="agent_otel_reader", password="two")
    with psycopg.connect(reader) as connection:
        # Unqualified: the role's search_path holds the schema.
        assert connection.execute("SELECT count(*) FROM agent_execution_logs").fetchone() == (0,)


def test_a_password_never_reaches_the_servers_log(postgres: EmbeddedPostgres, database_url: str) -> None:
    """Where statements are logged, the log holds the SCRAM verifier and not the password."""
    with connect(database_url, application="test") as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET log_statement = 'ddl'").format(sql.Identifier(connection.info.dbname))
        )
    passwords = [secrets.token_hex(8), "p\u00e4ss'" + secrets.token_hex(8)]
    migrations.grant_logins(database_url, dict(zip(migrations.LOGIN_PASSWORDS.values(), passwords, strict=True)))
    log = postgres.log.read_text(encoding="utf-8")
    assert 'ALTER ROLE "agent_otel_reader" LOGIN PASSWORD \'SCRAM-SHA-256$' in log
    assert not any(password in log or password[-16:] in log for password in passwords)
    for role, password in zip(migrations.LOGIN_PASSWORDS, passwords, strict=True):
        psycopg.connect(psycopg.conninfo.make_conninfo(database_url, user=role, password=password)).close()


def test_a_wrong_url_never_shows_its_password() -> None:
    """Neither a malformed nor an unreachable URL puts its password into the message."""
    with pytest.raises(ConfigurationError) as malformed:
        connect("postgresql://u:Super%Secret@h/d", application="test")
    with pytest.raises(DatabaseUnavailableError) as unreachable:
        connect("postgresql://u:Secret@127.0.0.1:1/d", application="test")
    assert "Secret" not in str(malformed.value) + str(unreachable.value)


def test_migration_files_are_numbered_without_gaps() -> None:
    """Names are NNNN_what.sql and the pipeline's numbers are consecutive."""
    numbers = [migration.number for migration in migrations.available() if migration.number < 100]
    assert numbers == list(range(1, len(numbers) + 1))
    for migration in migrations.available():
        assert Path(migration.name).suffix == ".sql"
