"""Every audit question and both reports on 100,000 executions with about 1,000,000 spans in 90 days: right, and soon.

The history of tests/history is told to a real exporter over OTLP and HTTP; every answer is compared with what plain
Python makes of the ledger; each question and report with its default period takes at most a second (median of 5), and
looks into the days it is about, not into all 90. Plans are saved to benchmarks/plans.

    python benchmarks/run.py audit [--quick] [--executions 100000] [--seed 1] [--folder F]
"""

import argparse
import datetime as dt
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

from agent_otel.store.connection import Connection
from benchmarks import audit_plans, processes
from benchmarks.pipeline import Pipeline
from tests.history import asking, ledger, reporting
from tests.history.answers.agent import report_agent
from tests.history.answers.daily import report_daily
from tests.history.answers.history import Asked, History
from tests.history.cast import CAST
from tests.history.plan import Plan
from tests.history.telling import Telling
from tests.history.times import DAYS, SECOND

PLANS: Final = Path(__file__).with_name("plans")
EXECUTIONS, QUICK = 100_000, 3_000
TARGET_S: Final = 1.0
_TIMES: Final = 5
_DAY: Final = 86_400 * 10**6
_PERIODS: Final = {"7 days": (7, 0), "30 days": (30, 0), "all": (DAYS + 1, -1), "the slow week": (50, 43)}
#: Days beside its period that a question may look into: executions run over midnight, and traces begin earlier.
_MARGIN_DAYS: Final = 3
_DOCUMENTS: Final = 1000
#: Days a report is asked about, before the last.
_DAYS_BACK: Final = (0, 1, 2, 26, 45)


class Timed(NamedTuple):
    """A question or report with its default period, the days in it, and how its plan is got."""

    name: str
    statement: LiteralString
    values: dict[str, Any]
    days: int
    plan: Callable[[Connection], list[str]]


def told(pipeline: Pipeline, plan: Plan, folder: Path, *, paced: bool) -> list[ledger.Entry]:
    """Tell the history to an exporter of two workers, unless that is done, and return the ledger."""
    path = folder / "ledger.jsonl"
    if path.exists():
        return list(ledger.read(path))
    with pipeline.exporter({"WORKERS": "2"}) as exporter:
        if not paced:
            make_days(pipeline.connection, plan)
        begun = time.monotonic()
        records = Telling(plan, exporter.addresses["http"], path, paced=paced, processes=2).tell()
        seconds = time.monotonic() - begun
    stored = pipeline.stored()
    if stored.executions != plan.executions or stored.quarantined:
        raise SystemExit(f"{stored} of {plan.executions} executions: the run does not count")
    events = pipeline.connection.execute("SELECT count(*) FROM execution_events").fetchone()
    assert events is not None
    if stored.spans + events[0] != records:
        raise SystemExit(f"{stored.spans} spans and {events[0]} events of {records} records: the run does not count")
    print(
        f"{stored.executions:,} executions, {stored.spans:,} spans and {events[0]:,} events in {seconds:.0f} s,"
        f" all acknowledged and there ({records / seconds:,.0f} records/s)",
        flush=True,
    )
    # As autovacuum would have done by the time that somebody asks.
    pipeline.connection.execute("VACUUM ANALYZE")
    return list(ledger.read(path))


def make_days(connection: Connection, plan: Plan) -> None:
    """The partitions of all days at once: of new ones, only 32 a minute would be made."""
    last = dt.datetime.fromtimestamp(plan.until // SECOND, dt.UTC).date()
    days = [last - dt.timedelta(days=number) for number in range(DAYS + 1)]
    for at in range(0, len(days), 28):
        connection.execute("SELECT ensure_partitions(%s)", [days[at : at + 28]])
        connection.execute("TRUNCATE new_partitions")


def compare(connection: Connection, entries: list[ledger.Entry], until: int) -> list[str]:
    """Ask everything at one instant, and say where the answers are not the ledger's."""
    wrong: list[str] = []
    with connection.transaction():
        history = History(entries, asking.now(connection))
        for name, days, asked in _questions(until):
            question = asking.questions()[name]
            found = asking.rows(connection, question.statement, asking.parameters(asked))
            differing = asking.differences(found, question.answer(history, asked))
            print(f"  {name:<16} {days:<14} {asked.agent or 'all agents':<12} {len(found):>8,} rows", flush=True)
            wrong += [f"{name}, {days}: {line}" for line in differing]
        wrong += _wrong_reports(connection, history, until)
        sample = history.runs[:: max(len(history.runs) // _DOCUMENTS, 1)]
        wrong += reporting.wrong_documents(connection, sample)
        print(f"  documents: {len(sample):,}", flush=True)
    return wrong


def _questions(until: int) -> Iterator[tuple[str, str, Asked]]:
    for name in asking.questions():
        for days, (first, end) in _PERIODS.items():
            yield name, days, Asked(until - first * _DAY, until - end * _DAY)
        yield name, "30 days", Asked(until - 30 * _DAY, until, "coder")


def _wrong_reports(connection: Connection, history: History, until: int) -> list[str]:
    wrong = []
    last = asking.instant(until).date()
    for back in _DAYS_BACK:
        for zone, roots_only, project in (("UTC", False, None), ("Asia/Kolkata", True, None), ("UTC", False, "shop")):
            day = last - dt.timedelta(days=back)
            expected = report_daily(history, day, zone, roots_only=roots_only, project=project)
            found = reporting.daily(connection, day, zone, roots_only, project)
            wrong += _report_difference(f"report daily {day} {zone} {roots_only} {project}", found, expected)
    for character in CAST:
        for days in (30, DAYS + 1):
            asked = Asked(until - days * _DAY, until + 1)
            agent = character.name or "(none)"
            found = reporting.of_agent(connection, agent, asked)
            wrong += _report_difference(f"report agent {agent} {days}", found, report_agent(history, agent, asked))
    print(f"  reports: {len(_DAYS_BACK) * 3} of days, {len(CAST) * 2} of agents", flush=True)
    return wrong


def _report_difference(name: str, found: Any, expected: Any) -> list[str]:
    found, expected = reporting.rounded(found), reporting.rounded(expected)
    differing = [key for key in expected if found.get(key) != expected[key]]
    same_keys = reporting.keys(found) == reporting.keys(expected)
    return [f"{name}: {key}: {found.get(key)} instead of {expected[key]}" for key in differing] or (
        [] if same_keys else [f"{name}: other keys"]
    )


def timed(until: int, execution_id: str) -> list[Timed]:
    """Each question with 7 days, the daily report with a whole day, the agent's with 30 days."""
    week = asking.parameters(Asked(until - 7 * _DAY, until))
    found = [
        _question(name, question.statement, week) for name, question in asking.questions().items() if "--" not in name
    ]
    yesterday = asking.instant(until).date() - dt.timedelta(days=1)
    daily = {"day": yesterday, "tz": "UTC", "roots_only": False, "project": None}
    found.append(_report("report_daily", daily, 1))
    month = {"since": asking.instant(until - 30 * _DAY), "until": asking.instant(until)}
    found.append(_report("report_agent", {"agent": "coder", **month}, 30))
    return [*found, _question("dossier", reporting.DOCUMENT, {"execution": execution_id})._replace(days=1)]


def _question(name: str, statement: LiteralString, values: dict[str, Any]) -> Timed:
    called = re.search(r"FROM (audit_\w+)\(", statement)
    if called:  # a function of the period: its own statement tells more than its call
        period = {name: values[name] for name in ("since", "until", "agent")}
        return Timed(
            name, statement, values, 7, lambda connection: audit_plans.plan_within(connection, called[1], period)
        )
    return Timed(name, statement, values, 7, lambda connection: audit_plans.plan(connection, statement, values))


def _report(name: LiteralString, arguments: dict[str, Any], days: int) -> Timed:
    given: LiteralString = {  # each as its function names it
        "report_daily": "day => %(day)s, tz => %(tz)s, roots_only => %(roots_only)s, project => %(project)s",
        "report_agent": "agent => %(agent)s, since => %(since)s, until => %(until)s",
    }[name]
    return Timed(
        name,
        f"SELECT {name}({given})",
        arguments,
        days,
        lambda connection: audit_plans.plan_within(connection, name, arguments),
    )


def measure(connection: Connection, each: Timed, *, save: bool) -> list[str]:
    """Time a question, look what it reads, save its plan; say what it misses."""
    seconds, used = [], _cpu_seconds(connection)
    for _ in range(_TIMES):
        begun = time.perf_counter()
        connection.execute(each.statement, each.values).fetchall()
        seconds.append(time.perf_counter() - begun)
    used = (_cpu_seconds(connection) - used) / _TIMES
    read = audit_plans.reads(connection, each.statement, each.values)
    median = statistics.median(seconds)
    print(
        f"  {each.name:<16} {median * 1000:>7.0f} ms ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f}),"
        f" CPU {used * 1000:.0f} ms,"
        f" spans of {read.span_days} days, events of {read.event_days}, {read.full_scans} full scans of executions",
        flush=True,
    )
    if save:
        PLANS.mkdir(exist_ok=True)
        name = each.name if each.name.startswith(("audit", "report")) else f"audit-{each.name}"
        (PLANS / f"{name}.txt").write_text("\n".join(each.plan(connection)) + "\n", encoding="utf-8")
    missed = [f"{each.name}: {median:.2f} s, target {TARGET_S} s"] if median > TARGET_S else []
    if max(read.span_days, read.event_days) > each.days + _MARGIN_DAYS:
        missed.append(f"{each.name}: looks into {read.span_days} days of spans, {read.event_days} of events")
    if read.full_scans:
        missed.append(f"{each.name}: scans all of executions")
    return missed


def _cpu_seconds(connection: Connection) -> float:
    """What the server's process of the connection has used; on a busy machine it tells more than the clock."""
    pid = connection.info.backend_pid
    return processes.tree(pid)[pid].cpu_seconds


def asked(
    connection: Connection, entries: list[ledger.Entry], until: int, *, save: bool
) -> tuple[list[str], list[str]]:
    """What is wrong, and which targets are missed."""
    print("compared with the ledger:")
    wrong = compare(connection, entries, until)
    busiest = max(entries, key=lambda entry: len(entry["steps"]))["execution_id"]
    print(f"with its default period, median of {_TIMES}:")
    return wrong, [line for each in timed(until, busiest) for line in measure(connection, each, save=save)]


def _end(folder: Path) -> int:
    """The history's last instant, ns: now, or that of the history that is there."""
    noted = folder / "until"
    if not noted.exists():
        folder.mkdir(parents=True, exist_ok=True)
        noted.write_text(str(int(time.time()) * SECOND))
    return int(noted.read_text())


def main() -> int:
    """Return 1 when an answer is wrong or, unless --quick, a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} executions; targets are shown only")
    parser.add_argument("--executions", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep database and ledger there, and ask again what is there")
    arguments = parser.parse_args()
    executions = arguments.executions or (QUICK if arguments.quick else EXECUTIONS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        plan = Plan(arguments.seed, executions, _end(folder))
        with Pipeline(folder) as pipeline:
            print(pipeline.versions)
            entries = told(pipeline, plan, folder, paced=not arguments.quick)
            pipeline.connection.execute("SET ROLE agent_otel_reader")
            wrong, missed = asked(pipeline.connection, entries, plan.until // 1000, save=not arguments.quick)
    for line in [*wrong, *missed]:
        print(f"missed: {line}")
    return int(bool(wrong) or (bool(missed) and not arguments.quick))


if __name__ == "__main__":
    sys.exit(main())
