"""`agent-otel psql`: psql on the audit trail."""

import argparse
import os
from collections.abc import Sequence

from agent_otel.commands import database
from agent_otel.local_stack import psql


def run(argv: Sequence[str]) -> int:
    """Become psql; its exit code is ours."""
    parser = argparse.ArgumentParser(
        prog="agent-otel psql",
        usage="agent-otel psql [-h] [--database-url URL] [--owner] [-- ARGUMENTS OF PSQL]",
        description="Open psql on the audit trail, as a user who only reads.",
        epilog="example: agent-otel psql -- -c 'SELECT * FROM agent_execution_logs LIMIT 5'",
    )
    database.add_argument(parser)
    parser.add_argument("--owner", action="store_true", help="as the local stack's owner, who may change anything")
    split = list(argv).index("--") if "--" in argv else len(argv)
    arguments = parser.parse_args(argv[:split])
    found = psql.command(database.url(arguments, write=arguments.owner), argv[split + 1 :], os.environ)
    os.execve(found.argv[0], found.argv, found.environ)  # noqa: S606  # we become psql: it owns the terminal
