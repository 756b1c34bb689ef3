"""`agent-otel report daily | agent`: what happened in a day, and how an agent does."""

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from agent_otel.commands import database, period, rendering, section_rendering
from agent_otel.errors import AgentOtelError, ConfigurationError
from agent_otel.store.audit_reader import AuditReader

#: A report and its title.
Titled = tuple[str, Mapping[str, Any]]

_DAYS_BACK: Final = {"today": 0, "yesterday": 1}
_NAMES: Final = 5


def run(argv: Sequence[str]) -> int:
    """Print one of the two; 0, or 2 when it cannot be asked."""
    arguments = _parser().parse_args(argv)
    try:
        with AuditReader(database.url(arguments)) as reader:
            title, report = _daily(reader, arguments) if arguments.report == "daily" else _agent(reader, arguments)
    except AgentOtelError as error:
        print(f"agent-otel report {arguments.report}: {error}", file=sys.stderr)
        return 2
    print(section_rendering.render(report, arguments.format, title))
    return 0


def _daily(reader: AuditReader, arguments: argparse.Namespace) -> Titled:
    tz = reader.zone(arguments.tz)
    day = _day(arguments.date, lambda: reader.today(tz))
    return f"Executions of {day} ({tz})", reader.daily(
        day, tz, roots_only=arguments.roots_only, project=arguments.project
    )


def _agent(reader: AuditReader, arguments: argparse.Namespace) -> Titled:
    since, until = period.of(arguments)
    report = reader.agent(arguments.agent, since, until)
    if not report["execution_count"]:
        print(_unknown(arguments.agent, reader.agents(since, until)), file=sys.stderr)
    return f"Agent {arguments.agent}", report


def _unknown(agent: str, agents: Sequence[str]) -> str:
    """A note on an agent without executions: which of the period's agents may be meant."""
    folded = {name.casefold(): name for name in agents}
    close = [folded[name] for name in get_close_matches(agent.casefold(), folded, _NAMES)]
    named = f"did you mean {' or '.join(map(repr, close))}?" if close else f"its agents: {_listed(agents)}"
    return f"agent-otel report agent: no execution of {agent!r} in this period; {named}"


def _listed(agents: Sequence[str]) -> str:
    if not agents:
        return "none"
    return ", ".join(map(repr, agents[:_NAMES])) + (f" and {len(agents) - _NAMES} more" if len(agents) > _NAMES else "")


def _day(text: str, today: Callable[[], dt.date]) -> dt.date:
    """A day by its date, or today or yesterday where it is asked for. Raises ConfigurationError."""
    if text in _DAYS_BACK:
        return today() - dt.timedelta(days=_DAYS_BACK[text])
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--date {text!r} is no date such as 2026-01-31, nor today or yesterday") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-otel report",
        description="What happened in a day, or how an agent does. Its figures: report_daily(), report_agent() in SQL.",
        epilog="example: agent-otel report daily --date yesterday --tz Europe/Berlin --format markdown",
    )
    reports = parser.add_subparsers(dest="report", required=True, metavar="REPORT")
    daily = reports.add_parser(
        "daily",
        help="one day",
        description="Executions of one day: success rate, agents, quality, issues, what could be better.",
        epilog="example: agent-otel report daily --date 2026-01-31 --tz Europe/Berlin",
    )
    daily.add_argument("--date", default="today", metavar="DAY", help="2026-01-31, today or yesterday (default: today)")
    daily.add_argument("--tz", default="UTC", metavar="ZONE", help="whose day, such as Europe/Berlin (default: UTC)")
    daily.add_argument("--roots-only", action="store_true", help="without executions that another one delegated")
    daily.add_argument("--project", metavar="P", help="only executions of this project")
    agent = reports.add_parser(
        "agent",
        help="one agent",
        description="One agent: success rate, quality, how it fails, which way it goes, what is recommended.",
        epilog="example: agent-otel report agent agent-research --since 90d --format json",
    )
    agent.add_argument("agent", metavar="NAME", help='the agent\'s name; "(none)": executions without one')
    period.add_arguments(agent, "30d")
    for report in (daily, agent):
        report.add_argument("--format", choices=rendering.FORMATS, default="table", help="default: table")
        database.add_argument(report)
    return parser
