"""`agent-otel list`: the newest executions."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, Final

from agent_otel.commands import database, terminal
from agent_otel.commands.period import instant
from agent_otel.store.reader import Reader

STATUSES: Final = ("in_progress", "success", "partial", "error", "cancelled", "abandoned")
_COLUMNS: Final = ("started", "agent", "status", "duration", "tokens", "execution", "description")


def run(argv: Sequence[str]) -> int:
    """Print a table of executions, or JSON lines."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.limit < 1:
        parser.error(f"--limit {arguments.limit}: must be 1 or more")
    since = instant(arguments.since) if arguments.since else None
    with Reader(database.url(arguments)) as reader:
        rows = reader.executions(agent=arguments.agent, status=arguments.status, since=since, limit=arguments.limit)
    if arguments.json:
        for row in rows:
            print(json.dumps(row, default=str))
    elif not rows:
        print("no executions" + (" match" if arguments.agent or arguments.status or since else " yet"))
    else:
        print(terminal.table(_COLUMNS, [_cells(row) for row in rows]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-otel list",
        description="The newest executions, newest first.",
        epilog="example: agent-otel list --agent agent-research --status error --since 7d",
    )
    parser.add_argument("--agent", help="only this agent")
    parser.add_argument("--status", choices=STATUSES, help="only this status")
    parser.add_argument("--since", help="only those started since: 30m, 2h, 7d, or an ISO date or time")
    parser.add_argument("--limit", type=int, default=20, help="at most this many (default: 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    database.add_argument(parser)
    return parser


def _cells(row: dict[str, Any]) -> list[str]:
    started = row["started_at"]
    return [
        started.strftime("%Y-%m-%d %H:%M:%S") if started else "",
        row["agent_name"] or "",
        row["status"],
        terminal.duration(row["duration_ms"]),
        str(row["total_tokens"] or ""),
        str(row["execution_id"]),
        row["description"] or row["error_type"] or "",
    ]
