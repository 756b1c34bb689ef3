"""Create and upgrade the schema: numbered files run once, views and functions are applied anew after each migrate."""

import hashlib
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, LiteralString, NamedTuple

from psycopg import errors as pg
from psycopg import sql

from agent_otel.errors import ConfigurationError, SchemaError
from agent_otel.store.connection import SCHEMA, Connection, connect

#: Any two programs that migrate the same database take turns on this advisory lock.
LOCK: Final = 0x616F_7465_6C00_0001
OWNER: Final = "agent_otel_owner"
LOGIN_PASSWORDS: Final = {
    "agent_otel_ingest": "AGENT_OTEL_INGEST_PASSWORD",
    "agent_otel_reader": "AGENT_OTEL_READER_PASSWORD",
}
_ROLES: Final = (OWNER, "agent_otel_ingest", "agent_otel_reader", "agent_otel_retention")
_FILE_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    text: LiteralString

    @property
    def checksum(self) -> str:
        """SHA-256 of the file: an applied migration is never edited."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Applied(NamedTuple):
    """What `migrate` did."""

    migrations: list[str]
    version: int


def migrate(database_url: str) -> Applied:
    """Bring the schema to this version's; safe to run at any time, by several programs at once.

    Raises SchemaError when the schema is newer than this program or an applied file has changed, ConfigurationError
    when the user may not create what is missing.
    """
    connection = connect(database_url, application="migrate")
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            _prepare(connection)
            pending = _pending(connection)
            for migration in pending:
                _apply(connection, migration)
            for text in _texts("routines").values():
                connection.execute(text)
    except pg.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"the database user may not do this: {error.diag.message_primary}. Migrate as a user that owns the database"
            " and has CREATEROLE"
        ) from None
    finally:
        connection.close()
    return Applied([migration.name for migration in pending], latest_version())


def grant_logins(database_url: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Let ingest and reader log in, with the passwords that AGENT_OTEL_INGEST_PASSWORD and …_READER_PASSWORD hold."""
    given = {role: environ.get(variable, "") for role, variable in LOGIN_PASSWORDS.items()}
    missing = [LOGIN_PASSWORDS[role] for role, password in given.items() if not password]
    if missing:
        raise ConfigurationError(f"--logins needs {' and '.join(missing)} in the environment")
    with connect(database_url, application="migrate") as connection:
        for role, password in given.items():
            # A server may log statements: only the verifier of the password goes there, never the password.
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            )
    connection.close()
    return list(given)


def check(connection: Connection) -> None:
    """Raise SchemaError unless the schema is the one that this version writes."""
    try:
        found = connection.execute("SELECT max(number) FROM schema_migrations").fetchone()
    except (pg.UndefinedTable, pg.InsufficientPrivilege):
        raise SchemaError("the database has no agent_otel schema yet; run `agent-otel migrate`") from None
    current, wanted = (found[0] if found else None) or 0, latest_version()
    if current < wanted:
        raise SchemaError(f"the schema is at {current:04d}, this version needs {wanted:04d}; run `agent-otel migrate`")
    if current > wanted:
        raise SchemaError(_newer(current, wanted))


def latest_version() -> int:
    """The number of the newest migration that this version ships."""
    return max(migration.number for migration in available())


def available() -> list[Migration]:
    """The migrations that this version ships, in order."""
    found = []
    for name, text in _texts("migrations").items():
        match = _FILE_NAME.fullmatch(name)
        if match is None:
            raise SchemaError(f"migration {name} is not named NNNN_what.sql")
        found.append(Migration(int(match[1]), name, text))
    return found


def _prepare(connection: Connection) -> None:
    """Roles, schema and the ledger of migrations; everything from here on belongs to the owner role."""
    for role in _ROLES:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
            _create_role(connection, role)
    connection.execute(sql.SQL("GRANT {} TO current_user").format(sql.Identifier(OWNER)))
    connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(sql.Identifier(SCHEMA), sql.Identifier(OWNER))
    )
    # Replays go through temporary tables; a hardened server takes that right from everybody.
    connection.execute(
        sql.SQL("GRANT TEMPORARY ON DATABASE {} TO agent_otel_ingest").format(sql.Identifier(connection.info.dbname))
    )
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(OWNER)))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number int PRIMARY KEY, name text NOT NULL,"
        " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )


def _create_role(connection: Connection, role: str) -> None:
    # Roles belong to the whole server: a migration of another database may create the same one right now.
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL("ALTER ROLE {} SET search_path = {}").format(sql.Identifier(role), sql.Identifier(SCHEMA))
            )
    except (pg.DuplicateObject, pg.UniqueViolation):
        return


def _pending(connection: Connection) -> list[Migration]:
    rows = connection.execute("SELECT number, name, checksum FROM schema_migrations ORDER BY number").fetchall()
    shipped = {migration.number: migration for migration in available()}
    for number, name, checksum in rows:
        if number not in shipped:
            raise SchemaError(_newer(number, max(shipped)))
        if shipped[number].checksum != checksum:
            raise SchemaError(f"migration {name} was applied with other content than this version ships")
    done = {number for number, _, _ in rows}
    return [migration for migration in shipped.values() if migration.number not in done]


def _apply(connection: Connection, migration: Migration) -> None:
    connection.execute(migration.text)
    connection.execute(
        "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
        [migration.number, migration.name, migration.checksum],
    )


def _newer(found: int, known: int) -> str:
    return f"the schema is at {found:04d}, newer than this version knows ({known:04d}); upgrade agent-otel"


def _texts(folder: str) -> dict[str, LiteralString]:
    place = files("agent_otel.store").joinpath("sql", folder)
    names = sorted(entry.name for entry in place.iterdir() if entry.name.endswith(".sql"))
    return {name: place.joinpath(name).read_text(encoding="utf-8") for name in names}
