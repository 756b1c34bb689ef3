"""`agent-otel quarantine list | show | retry`: what was refused, why, and another try."""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from agent_otel.commands import database, quarantined_content, terminal
from agent_otel.commands.period import instant
from agent_otel.errors import ConfigurationError, UnknownQuarantineError
from agent_otel.exporter import quarantined
from agent_otel.exporter.retry import Outcome, rehearse, retry
from agent_otel.exporter.signals import SIGNALS
from agent_otel.store.quarantine import Quarantine
from agent_otel.store.reader import Reader
from agent_otel.store.tables import CONFLICT
from agent_otel.store.writer import Writer

_COLUMNS: Final = ("id", "received", "signal", "bytes", "reason")
_REASONS: Final = 5
_ID: Final = re.compile(r"[0-9a-f]{4,64}")
_CONFLICTS_STAY: Final = (
    "A conflict stays in quarantine for as long as the other record is stored: what came first is never overwritten."
)
_RETRY: Final = """\
Map what is in quarantine anew and store what now fits, such as spans of days that could not be made at once, or what
a newer version reads. What does not fit stays, with its present reason. Entries are never removed: `list --all` shows
those that were stored since, too. Safe to interrupt and to run again.

Takes the rights of agent_otel_owner: the local stack's own user, or a superuser or member of that role in
--database-url or AGENT_OTEL_DATABASE_URL. The exporter's user may not: it cannot read what it refused.

--dry-run writes nothing; it finds what cannot be mapped and conflicts, not what only PostgreSQL itself would refuse.
Exit code 0: nothing that was asked for is left in quarantine."""


def run(argv: Sequence[str]) -> int:
    """Run one of the three."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.action == "list":
        if arguments.limit < 1:
            parser.error(f"--limit {arguments.limit}: must be 1 or more")
        return _list(arguments)
    if arguments.action == "show":
        return _show(arguments)
    if bool(arguments.ids) == arguments.all:
        parser.error("retry: name entries (`agent-otel quarantine list` shows their ids), or --all")
    return _retry(arguments)


def _list(arguments: argparse.Namespace) -> int:
    since = instant(arguments.since) if arguments.since else None
    with Reader(database.url(arguments)) as reader:
        entries, reasons = reader.quarantined(
            signal=arguments.signal,
            since=since,
            reason=arguments.reason,
            resolved=arguments.all,
            limit=arguments.limit,
        )
    if arguments.json:
        for entry in entries:
            print(json.dumps(entry, default=str))
    elif not entries:
        print("nothing in quarantine" + (" matches" if since or arguments.signal or arguments.reason else ""))
    else:
        print(terminal.table(_COLUMNS, [_cells(entry) for entry in entries]))
        print(f"\n{_summary((row['reason'], row['entries']) for row in reasons)}")
    return 0


def _cells(entry: dict[str, Any]) -> list[str]:
    stored = "" if entry["is_open"] else f"(stored since {_time(entry['resolved_at'])}) "
    return [
        entry["short_id"],
        _time(entry["received_at"]),
        entry["signal"],
        f"{entry['bytes']:,}",
        stored + entry["reason"],
    ]


def _show(arguments: argparse.Namespace) -> int:
    with Reader(database.url(arguments)) as reader:
        first, *others = _named(reader, arguments.id)
        body = quarantined.request(*reader.quarantined_bytes(first["quarantine_id"]))
    if arguments.raw:
        Path(arguments.raw).write_bytes(body)
        print(f"wrote {len(body):,} bytes to {arguments.raw}", file=sys.stderr)
        return 0
    print(_head(first, len(body)))
    for entry in others:
        print(f"also      {entry['signal']}, received {_time(entry['received_at'])}, {_state(entry)}")
    print(f"\n{quarantined_content.render(quarantined.signal_of(first['signal']), body)}")
    return 0


def _head(entry: dict[str, Any], size: int) -> str:
    lines = [
        f"id        {entry['id']}",
        f"received  {_time(entry['received_at'])} UTC",
        f"signal    {entry['signal']}",
        f"size      {size:,} bytes",
        f"state     {_state(entry)}",
        f"reason    {terminal.clean(entry['reason'], 1000)}",
    ]
    if entry["first_reason"] != entry["reason"]:
        lines.append(f"at first  {terminal.clean(entry['first_reason'], 1000)}")
    return "\n".join(lines)


def _state(entry: dict[str, Any]) -> str:
    if not entry["is_open"]:
        return f"stored since {_time(entry['resolved_at'])} UTC"
    return f"in quarantine, last tried {_time(entry['retried_at'])} UTC" if entry["retried_at"] else "in quarantine"


def _retry(arguments: argparse.Namespace) -> int:
    url = database.url(arguments, write=not arguments.dry_run)
    with Reader(url) as reader:
        named = [_named(reader, text)[0] for text in arguments.ids]
    for entry in named:
        if not entry["is_open"]:
            print(f"{entry['id'][:12]}  stored since {_time(entry['resolved_at'])} UTC")
    ids = None if arguments.all else [entry["quarantine_id"] for entry in named]
    stored, reasons = 0, Counter[str]()
    for outcome in _outcomes(url, ids, dry_run=arguments.dry_run):
        stored += outcome.reason is None
        reasons.update([outcome.reason] if outcome.reason else [])
        if ids is not None:
            told = f"stays: {terminal.clean(outcome.reason)}" if outcome.reason else "stored"
            print(f"{outcome.entry.id[:12]}  {told}")
    would = "would be " if arguments.dry_run else ""
    print(f"{stored:,} {would}stored, {reasons.total():,} stay in quarantine")
    if reasons:
        print(_summary(reasons.most_common()))
    return 1 if reasons else 0


def _outcomes(url: str, ids: Sequence[int] | None, *, dry_run: bool) -> Iterable[Outcome]:
    with Quarantine(url) as quarantine:
        if dry_run:
            yield from rehearse(quarantine, ids)
            return
        quarantine.require_rights()
        writer = Writer(url)
        try:
            yield from retry(quarantine, lambda batch: writer.write(batch).refused, ids)
        finally:
            writer.close()


def _named(reader: Reader, text: str) -> list[dict[str, Any]]:
    """The entries that an id names, open ones first: the same bytes may have been refused more than once."""
    if not _ID.fullmatch(text.lower()):
        raise ConfigurationError(f"{text!r} is no id: 4 to 64 hex digits, as `agent-otel quarantine list` shows them")
    entries = reader.quarantined_as(text.lower())
    found = list(dict.fromkeys(entry["id"] for entry in entries))
    if not found:
        raise UnknownQuarantineError(
            f"nothing in quarantine has the id {text!r}; `agent-otel quarantine list --all` lists ids"
        )
    if len(found) > 1:
        raise UnknownQuarantineError(
            f"{text!r} is the beginning of several ids, give more of it: {', '.join(found[:_REASONS])}"
            + (", …" if len(found) > _REASONS else "")
        )
    return entries


def _summary(reasons: Iterable[tuple[str, int]]) -> str:
    counted = list(reasons)
    lines = [f"{count:>7,} x {terminal.clean(reason)}" for reason, count in counted[:_REASONS]]
    if len(counted) > _REASONS:
        rest = sum(count for _, count in counted[_REASONS:])
        lines.append(f"{rest:>7,} x {len(counted) - _REASONS} more reasons")
    if any(reason == CONFLICT for reason, _ in counted):
        lines.append(_CONFLICTS_STAY)
    return "\n".join(lines)


def _time(instant: Any) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-otel quarantine",
        description="What the exporter refused: it is kept with its bytes and the reason.",
        epilog="example: agent-otel quarantine list --since 1d",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | show | retry")
    listing = actions.add_parser("list", help="the newest entries", description="The newest entries, newest first.")
    listing.add_argument("--limit", type=int, default=20, help="at most this many (default: 20)")
    listing.add_argument("--signal", choices=[signal.name for signal in SIGNALS], help="only this signal")
    listing.add_argument("--since", help="only those refused since: 30m, 2h, 7d, or an ISO date or time")
    listing.add_argument("--reason", metavar="TEXT", help="only those whose reason contains this")
    listing.add_argument("--all", action="store_true", help="also those that were stored since")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    showing = actions.add_parser("show", help="everything about one entry", description="Everything about one entry.")
    showing.add_argument("id", metavar="ID", help="its id, or the beginning of it")
    showing.add_argument("--raw", metavar="FILE", help="write the exact bytes of the request to FILE instead")
    retrying = actions.add_parser(
        "retry",
        help="store what now fits",
        description=_RETRY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    retrying.add_argument("ids", metavar="ID", nargs="*", help="an entry's id, or the beginning of it")
    retrying.add_argument("--all", action="store_true", help="every entry that is open now")
    retrying.add_argument("--dry-run", action="store_true", help="only say what would become of them")
    for action in (listing, showing, retrying):
        database.add_argument(action)
    return parser
