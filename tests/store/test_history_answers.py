"""A made-up history through the real write path: every audit question and report equals the ledger's own answer."""

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store.connection import Connection, connect
from tests.contract.conftest import running
from tests.fixtures.postgres import new_database
from tests.history import asking, ledger, reporting
from tests.history.answers.agent import report_agent
from tests.history.answers.daily import report_daily
from tests.history.answers.history import Asked, History
from tests.history.plan import Plan
from tests.history.telling import Telling
from tests.history.times import DAYS, SECOND

EXECUTIONS, SEED = 2000, 11
DAY = 86_400 * 10**6
#: The default, a month, all of it, the slow week, the day of an outage; days before the end.
PERIODS = {"7d": (7, 0), "30d": (30, 0), "all": (DAYS + 1, -1), "slow week": (50, 43), "outage": (27, 26)}
AGENTS = ("coder", "tester", "doc writer", "migrator", "(none)", "nobody")
ZONES = ("UTC", "Asia/Kolkata", "America/Los_Angeles")


class Told(NamedTuple):
    """A history in a database, and its ledger."""

    url: str
    entries: list[ledger.Entry]
    until: int


class Question(NamedTuple):
    """Both sides, at one instant."""

    connection: Connection
    history: History
    until: int

    def period(self, days: tuple[int, int], agent: str | None = None) -> Asked:
        """From so many days before the end until so many."""
        first, end = days
        return Asked(self.until - first * DAY, self.until - end * DAY, agent)


@pytest.fixture(scope="module")
def told(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """2,000 executions of 90 days that end now, written by an exporter."""
    plan = Plan(SEED, EXECUTIONS, int(time.time()) * SECOND)
    path: Path = tmp_path_factory.mktemp("history") / "ledger.jsonl"
    with new_database(postgres, migrated_template) as url, running(url) as exporter:
        _make_days(url, plan)
        Telling(plan, str(exporter.addresses.http), path, paced=False).tell()
        with connect(url, application="test", autocommit=True) as connection:
            connection.execute("ANALYZE")
            assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
        yield Told(url, list(ledger.read(path)), plan.until // 1000)


def _make_days(url: str, plan: Plan) -> None:
    """The partitions of all days at once: as new ones, only 32 a minute would be made."""
    last = dt.datetime.fromtimestamp(plan.until // SECOND, dt.UTC).date()
    days = [last - dt.timedelta(days=number) for number in range(DAYS + 1)]
    with connect(url, application="test", autocommit=True) as connection:
        for at in range(0, len(days), 28):
            connection.execute("SELECT ensure_partitions(%s)", [days[at : at + 28]])
            connection.execute("TRUNCATE new_partitions")


@contextmanager
def _asking(told: Told) -> Iterator[Question]:
    with connect(told.url, application="test") as connection:
        connection.execute("SET ROLE agent_otel_reader")
        yield Question(connection, History(told.entries, asking.now(connection)), told.until)


@pytest.fixture(scope="module")
def question(told: Told) -> Iterator[Question]:
    """One transaction with the rights of a reader, so that all is asked at one instant."""
    with _asking(told) as question:
        yield question


def test_all_of_it_is_there(told: Told, question: Question) -> None:
    """Each execution and each of its steps, once."""
    (counted,) = question.connection.execute("SELECT count(*) FROM agent_executions").fetchone() or ()
    assert counted == EXECUTIONS == len(told.entries)
    (steps,) = question.connection.execute("SELECT count(*) FROM spans WHERE step_kind IS NOT NULL").fetchone() or ()
    assert steps == sum(len(entry["steps"]) for entry in told.entries)


@pytest.mark.parametrize("name", asking.questions())
def test_audit_questions(question: Question, name: str) -> None:
    """The rows in every period and of single agents, in the order that is promised."""
    asked_for = asking.questions()[name]
    asked_of = [(days, None) for days in PERIODS.values()] + [(PERIODS["30d"], agent) for agent in AGENTS[:3]]
    answered = 0
    for days, agent in asked_of:
        asked = question.period(days, agent)
        found = asking.rows(question.connection, asked_for.statement, asking.parameters(asked))
        assert asking.differences(found, asked_for.answer(question.history, asked)) == [], (days, agent)
        answered += len(found)
    assert answered > 20


def test_one_execution_less_would_be_noticed(told: Told, question: Question) -> None:
    """The comparison can fail: of every question that lists executions, by the first that it lists."""
    asked = question.period(PERIODS["30d"])
    for name, asked_for in asking.questions().items():
        found = asking.rows(question.connection, asked_for.statement, asking.parameters(asked))
        missing = found[0].get("execution_id") or found[0].get("example")
        fewer = History((one for one in told.entries if one["execution_id"] != missing), question.history.now)
        assert missing is None or asking.differences(found, asked_for.answer(fewer, asked)), name


def test_documents(question: Question) -> None:
    """The dossier's document of every seventh execution, member for member in the order of the requirements."""
    assert reporting.wrong_documents(question.connection, question.history.runs[::7]) == []


def test_the_daily_report(question: Question) -> None:
    """Of today, yesterday, days with something wrong and one with nothing, in several zones, of roots, of a project."""
    last = asking.instant(question.until).date()
    for back in (0, 1, 3, 26, 45, 300):
        for zone in ZONES:
            for roots_only, project in ((False, None), (True, None), (False, "shop"), (True, "billing")):
                day = last - dt.timedelta(days=back)
                found = reporting.daily(question.connection, day, zone, roots_only, project)
                expected = report_daily(question.history, day, zone, roots_only=roots_only, project=project)
                assert reporting.rounded(found) == reporting.rounded(expected), (day, zone, roots_only, project)
                assert reporting.keys(found) == reporting.keys(expected)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_report_about_an_agent(question: Question, agent: str) -> None:
    """In every period, also about one that gets worse, one without a name and one that nobody knows."""
    for days in PERIODS.values():
        asked = question.period(days)
        found = reporting.of_agent(question.connection, agent, asked)
        expected = report_agent(question.history, agent, asked)
        assert reporting.rounded(found) == reporting.rounded(expected), days
        assert reporting.keys(found) == reporting.keys(expected)


@pytest.mark.parametrize("name", ["failures", "apis", "refuted"])
def test_the_command_prints_the_same(told: Told, question: Question, name: str) -> None:
    """`agent-otel audit`, as a process of its own, gives the rows as JSON; what is a finding ends with 1."""
    asked = question.period(PERIODS["30d"])
    done = _command(told, "audit", name, *_period(asked))
    found = [reporting.with_instants(row) for row in json.loads(done.stdout)]
    assert asking.differences(found, asking.questions()[name].answer(question.history, asked)) == []
    assert done.returncode == (name != "apis")


def test_the_report_command_prints_the_same(told: Told, question: Question) -> None:
    """`agent-otel report`, as a process of its own."""
    day = asking.instant(question.until).date() - dt.timedelta(days=2)
    done = _command(told, "report", "daily", "--date", str(day), "--tz", ZONES[1], "--roots-only")
    expected = report_daily(question.history, day, ZONES[1], roots_only=True)
    assert reporting.rounded(reporting.comparable(json.loads(done.stdout))) == reporting.rounded(expected)
    asked = question.period(PERIODS["30d"])
    done = _command(told, "report", "agent", "doc writer", *_period(asked))
    expected = report_agent(question.history, "doc writer", asked)
    assert reporting.rounded(reporting.comparable(json.loads(done.stdout))) == reporting.rounded(expected)
    assert done.returncode == 0


def _period(asked: Asked) -> list[str]:
    return ["--since", asking.instant(asked.since).isoformat(), "--until", asking.instant(asked.until).isoformat()]


def _command(told: Told, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_otel", *words, "--format", "json", "--database-url", told.url]
    return subprocess.run(command, capture_output=True, text=True, check=False)
