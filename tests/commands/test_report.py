"""`agent-otel report` as a process: both reports in every form, days, exit codes, and what is wrong usage."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from agent_otel.commands import rendering
from tests.commands.auditing import DAY, HOSTILE, PERIOD, agent_otel, exit_code, fill
from tests.commands.test_audit import NEVER_SHOWN


@pytest.fixture
def filled(database_url: str) -> str:
    """URL of a database with executions."""
    fill(database_url)
    return database_url


def report(url: str, home: Path, *words: str) -> Any:
    """A report as JSON."""
    done = agent_otel("report", *words, "--format", "json", url=url, home=home)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("words", [("daily", "--date", DAY), ("agent", "writer", *PERIOD)], ids=["daily", "agent"])
def test_a_report_in_every_form(filled: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The same figures in each, failures or not; nothing that could steer a terminal or a spreadsheet."""
    found = report(filled, tmp_path, *words)
    for form in rendering.FORMATS:
        done = agent_otel("report", *words, "--format", form, url=filled, home=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert not NEVER_SHOWN.search(done.stdout)
        assert str(found["success_rate"]) in done.stdout
        if form == "csv":
            rows = dict(csv.reader(io.StringIO(done.stdout)))
            assert rows["success_rate"] == str(found["success_rate"])
            assert not any(value.startswith("=") for value in rows.values())
        if form == "markdown":
            assert done.stdout.startswith("# ")
            assert all(f"## {key.replace('_', ' ')}" in done.stdout for key, value in found.items() if value == [])


def test_keys_are_those_of_the_requirements(filled: str, tmp_path: Path) -> None:
    """Seven of a day, six of an agent, in their order, and more."""
    assert list(report(filled, tmp_path, "daily", "--date", DAY)) == [
        *("total_executions", "success_rate", "average_duration", "agents_used", "quality_scores", "top_issues"),
        *("improvement_opportunities", "more"),
    ]
    assert list(report(filled, tmp_path, "agent", "writer", *PERIOD)) == [
        *("execution_count", "success_rate", "average_quality_score", "common_failure_modes", "performance_trend"),
        *("recommendations", "more"),
    ]


def test_which_day_it_is(filled: str, tmp_path: Path) -> None:
    """A date, today or yesterday, in a zone of whatever spelling; a project; without sub-agents."""
    assert report(filled, tmp_path, "daily", "--date", DAY)["total_executions"] == 5
    assert report(filled, tmp_path, "daily", "--date", DAY, "--roots-only")["total_executions"] == 5
    assert report(filled, tmp_path, "daily", "--date", DAY, "--project", "p")["total_executions"] == 0
    far = report(filled, tmp_path, "daily", "--date", DAY, "--tz", "pacific/kiritimati")
    assert (far["total_executions"], far["more"]["tz"]) == (0, "Pacific/Kiritimati")
    today = report(filled, tmp_path, "daily")["more"]
    yesterday = report(filled, tmp_path, "daily", "--date", "yesterday")["more"]
    assert yesterday["until"] in (today["since"], today["until"])


def test_an_agent_that_nobody_knows(filled: str, tmp_path: Path) -> None:
    """All keys, exit code 0, and a note that names whom it may be."""
    done = agent_otel("report", "agent", "Writers", *PERIOD, "--format", "json", url=filled, home=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["execution_count"] == 0
    assert done.stderr == "agent-otel report agent: no execution of 'Writers' in this period; did you mean 'writer'?\n"
    other = agent_otel("report", "agent", "x", *PERIOD, url=filled, home=tmp_path)
    assert "'reader', 'writer'" in other.stderr
    assert HOSTILE[-9:] not in other.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "required"),
        (["weekly"], "invalid choice"),
        (["daily", "--date", "2026-02-30"], "--date '2026-02-30' is no date"),
        (["daily", "--date", "tomorrow"], "nor today or yesterday"),
        (["daily", "--tz", "Mars/Olympus"], "--tz 'Mars/Olympus' is no time zone"),
        (["daily", "--tz", "+02:00"], "is no time zone"),
        (["daily", "--format", "xml"], "invalid choice"),
        (["agent"], "required: NAME"),
        (["agent", "a", "--since", "soon"], "--since 'soon'"),
        (["agent", "a", "--since", "2026-02-02", "--until", "2026-02-02"], "is not before"),
        (["daily", "--database-url", "postgresql://127.0.0.1:1/x"], "cannot connect"),
    ],
)
def test_what_cannot_be_asked_is_told(
    database_url: str,
    words: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and the reason; nothing on standard output."""
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    assert exit_code("report", *words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert reason in told.err


def test_without_a_database(tmp_path: Path) -> None:
    """Exit code 2, and what to do."""
    done = agent_otel("report", "daily", url=None, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "agent-otel up" in done.stderr
