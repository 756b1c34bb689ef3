"""Which database a command talks to: --database-url, else AGENT_OTEL_DATABASE_URL, else the running local stack."""

import argparse
import os
from pathlib import Path

from agent_otel import places
from agent_otel.errors import ConfigurationError
from agent_otel.local_stack import state


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add --database-url to a command."""
    parser.add_argument(
        "--database-url", help="PostgreSQL to use (default: AGENT_OTEL_DATABASE_URL, else the running local stack)"
    )


def url(arguments: argparse.Namespace, *, write: bool = False) -> str:
    """The database's URL, by default of a user that only reads. Raises ConfigurationError when there is none."""
    found = arguments.database_url or known_url(write=write)
    if found is None:
        raise ConfigurationError(
            "no database: start the local stack with `agent-otel up --detach`, or set AGENT_OTEL_DATABASE_URL"
        )
    return str(found)


def known_url(*, write: bool = False) -> str | None:
    """The database that nobody had to name, by default for a user that only reads; None when there is none."""
    given = os.environ.get("AGENT_OTEL_DATABASE_URL")
    if given:
        return given
    stack = running_stack()
    if stack is None:
        return None
    return stack.database_url if write else stack.reader_url


def running_stack() -> state.State | None:
    """The local stack, when it runs."""
    stack = state.read(Path(places.state_dir()))
    return stack if stack and stack.runs else None
