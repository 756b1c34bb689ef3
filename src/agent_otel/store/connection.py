"""Open connections to PostgreSQL. Nothing here or above prints a database URL: it may hold a password."""

from typing import Any, Final

import psycopg
from psycopg import conninfo
from psycopg.rows import TupleRow

from agent_otel.errors import ConfigurationError, DatabaseUnavailableError

SCHEMA: Final = "agent_otel"
CONNECT_TIMEOUT_S: Final = 10
#: A server's host that is gone is noticed within half a minute, by probes or by data that nobody acknowledges; the
#: system's own defaults are two hours and a quarter of an hour. A server that is only stopped still acknowledges.
KEEPALIVES: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
MINIMUM_SERVER: Final = 150000

Connection = psycopg.Connection[TupleRow]


def connect(database_url: str, *, application: str, autocommit: bool = False) -> Connection:
    """Connect with the schema in the search path and UTC as the session's zone.

    Raises ConfigurationError for a URL that cannot be read, or a server before PostgreSQL 15, and
    DatabaseUnavailableError when no server answers; neither message holds the URL's password.
    """
    parameters = _parameters(database_url)
    try:
        connection = psycopg.connect(**parameters, autocommit=True, application_name=f"agent-otel {application}")
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"cannot connect to PostgreSQL at {where(database_url)}: {_reason(error)}"
        ) from None
    if connection.info.server_version < MINIMUM_SERVER:
        connection.close()
        raise ConfigurationError("agent-otel needs PostgreSQL 15 or newer")
    connection.execute(f"SET search_path = {SCHEMA}")  # type: ignore[call-overload,unused-ignore]  # a constant
    connection.execute("SET timezone = 'UTC'")
    connection.autocommit = autocommit
    return connection


def where(database_url: str) -> str:
    """Host, port and database of a URL, without user and password."""
    parameters = _parameters(database_url)
    host = parameters.get("host") or parameters.get("hostaddr") or "the local socket"
    return f"{host}:{parameters.get('port') or 5432}/{parameters.get('dbname') or ''}"


def _parameters(database_url: str) -> dict[str, Any]:
    try:
        return {"connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVES, **conninfo.conninfo_to_dict(database_url)}
    except psycopg.ProgrammingError:
        # libpq's own message repeats the part it stumbled over, which may be the password.
        raise ConfigurationError(
            "AGENT_OTEL_DATABASE_URL cannot be read; it should look like postgresql://user:password@host:5432/database,"
            " with special characters percent-encoded"
        ) from None


def _reason(error: psycopg.Error) -> str:
    return " ".join(str(error).removeprefix("connection failed: ").split()) or "no answer"
