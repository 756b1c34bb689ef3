"""`agent-otel migrate`: create or upgrade the database schema."""

import argparse
import sys
from collections.abc import Sequence

from agent_otel.commands import database
from agent_otel.store import migrations


def run(argv: Sequence[str]) -> int:
    """Bring the schema up to date and say what was done."""
    parser = argparse.ArgumentParser(
        prog="agent-otel migrate",
        description="Create or upgrade the schema agent_otel; safe to run again.",
        epilog="example: AGENT_OTEL_DATABASE_URL=postgresql://postgres@127.0.0.1/agent_otel agent-otel migrate",
    )
    database.add_argument(parser)
    parser.add_argument(
        "--logins",
        action="store_true",
        help="let the roles agent_otel_ingest and agent_otel_reader log in, with the passwords in"
        " AGENT_OTEL_INGEST_PASSWORD and AGENT_OTEL_READER_PASSWORD",
    )
    arguments = parser.parse_args(argv)
    url = database.url(arguments, write=True)
    applied = migrations.migrate(url)
    for name in applied.migrations:
        print(f"applied {name}", file=sys.stderr)
    if arguments.logins:
        for role in migrations.grant_logins(url):
            print(f"{role} can log in", file=sys.stderr)
    print(f"schema agent_otel is at {applied.version:04d}", file=sys.stderr)
    return 0
