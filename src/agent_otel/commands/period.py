"""From when to when a question is asked: --since and --until."""

import argparse
import datetime as dt
import re
from typing import Final, NamedTuple

from agent_otel.errors import ConfigurationError

_AGO: Final = re.compile(r"(\d+)([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Period(NamedTuple):
    """All instants from `since` on, before `until`."""

    since: dt.datetime
    until: dt.datetime


def add_arguments(parser: argparse.ArgumentParser, since: str) -> None:
    """Add --since, by default `since`, and --until, by default now."""
    parser.add_argument(
        "--since",
        default=since,
        metavar="WHEN",
        help=f"only executions started since: 30m, 2h, 7d, or an ISO date or time (default: {since})",
    )
    parser.add_argument("--until", metavar="WHEN", help="only those started before, in the same form (default: now)")


def of(arguments: argparse.Namespace) -> Period:
    """The period of --since and --until. Raises ConfigurationError."""
    now = dt.datetime.now(dt.UTC)
    period = Period(instant(arguments.since, now), instant(arguments.until, now, "--until") if arguments.until else now)
    if period.since >= period.until:
        raise ConfigurationError(
            f"--since {arguments.since} is not before --until {arguments.until or 'now'}: no time is between them"
        )
    return period


def instant(text: str, now: dt.datetime | None = None, option: str = "--since") -> dt.datetime:
    """`2h`, `7d` (ago), or an ISO 8601 date or time (UTC when it names no zone). Raises ConfigurationError."""
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return (now or dt.datetime.now(dt.UTC)) - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        parsed = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {text!r} is neither like 2h or 7d nor an ISO date such as 2026-01-31"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
