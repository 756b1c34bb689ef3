"""`agent-otel audit` as a process: every question in every form, exit codes, and what is wrong usage."""

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from agent_otel import semconv as s
from agent_otel.commands import rendering
from agent_otel.reports.questions import QUESTIONS
from tests.commands.auditing import DAY, HOSTILE, PERIOD, agent_otel, exit_code, fill
from tests.fixtures.audited import ended, execution_id, verdict, write

#: Question -> how many rows it has.
ROWS = {
    "slow": 1,
    "failures": 2,
    "verdicts": 1,
    "refuted": 1,
    "criteria": 0,
    "quality-low": 0,
    "quality-high": 0,
    "files": 1,
    "apis": 1,
    "commands": 1,
    "who": 5,
}
NEVER_SHOWN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture
def filled(database_url: str) -> str:
    """URL of a database with executions."""
    fill(database_url)
    return database_url


def asked(url: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command says of the period."""
    return agent_otel("audit", *words, *PERIOD, url=url, home=home)


def test_every_question_in_every_form(filled: str, tmp_path: Path) -> None:
    """As many rows in each; findings exit with 1; nothing reaches a terminal that could steer it."""
    for question in QUESTIONS:
        said = {form: asked(filled, tmp_path, question.name, "--format", form) for form in rendering.FORMATS}
        expected = int(question.is_finding and ROWS[question.name] > 0)
        assert {(done.returncode, done.stderr) for done in said.values()} == {(expected, "")}, question.name
        rows = json.loads(said["json"].stdout)
        read = list(csv.DictReader(io.StringIO(said["csv"].stdout)))
        assert len(rows) == len(read) == ROWS[question.name]
        if rows:
            assert list(rows[0]) == list(read[0])
            assert set(question.shown) <= set(rows[0])
        assert len(said["markdown"].stdout.splitlines()) == 2 + ROWS[question.name]
        assert len(said["table"].stdout.splitlines()) == 1 + ROWS[question.name]
        assert not any(NEVER_SHOWN.search(done.stdout) for done in said.values())


def test_without_a_question_all_are_counted(filled: str, tmp_path: Path) -> None:
    """The rows of each; 1 because of findings, 0 where none are, or where they do not matter."""
    done = asked(filled, tmp_path, "--format", "json")
    assert {row["question"]: row["rows"] for row in json.loads(done.stdout)} == ROWS
    assert done.returncode == 1
    assert asked(filled, tmp_path, "--no-fail").returncode == 0
    assert asked(filled, tmp_path, "--agent", "nobody").returncode == 0
    assert asked(filled, tmp_path, "failures", "--no-fail").returncode == 0


def test_options_of_a_question(filled: str, tmp_path: Path) -> None:
    """Another limit, other files, all hosts, one agent."""

    def rows(*words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(asked(filled, tmp_path, *words, "--format", "json").stdout)
        return found

    assert rows("slow", "--min-duration", "400000") == []
    assert len(rows("slow", "--min-duration", "999")) == 5
    assert [row["matched"] for row in rows("files", "--pattern", r"\.YML$")] == [".yml"]
    assert [(row["host"], row["service"], row["agents"]) for row in rows("apis", "--all")] == [
        ("example.org", None, ["writer"]),
        ("github.com", "github", ["writer"]),
    ]
    assert [(row["agent_name"], row["percent"]) for row in rows("failures", "--agent", "writer")] == [("writer", 33.3)]


def test_a_table_has_an_end(database_url: str, tmp_path: Path) -> None:
    """Fifty rows and how many more; fewer or more where asked; other forms are whole, or say it beside."""
    write(database_url, *(ended(number) for number in range(1, 53)))
    assert asked(database_url, tmp_path, "who").stdout.splitlines()[-1] == "2 more; --limit shows them"
    assert len(asked(database_url, tmp_path, "who", "--limit", "52").stdout.splitlines()) == 53
    assert len(json.loads(asked(database_url, tmp_path, "who", "--format", "json").stdout)) == 52
    cut = asked(database_url, tmp_path, "who", "--format", "csv", "--limit", "50")
    assert (len(cut.stdout.splitlines()), cut.stderr) == (51, "2 more; --limit shows them\n")


def test_the_dossier_of_one_execution(filled: str, tmp_path: Path) -> None:
    """Under any of its names, in every form; a text of many lines cannot leave its block."""
    name = str(execution_id(1))
    done = agent_otel("audit", "dossier", name, "--format", "json", url=filled, home=tmp_path)
    dossier = json.loads(done.stdout)
    assert done.returncode == 0
    assert dossier["document"]["execution_id"] == dossier["summary"]["execution_id"] == name
    assert [(one["status"], one["verified_by"], one["is_current"]) for one in dossier["verdicts"]] == [
        ("MISMATCH", "bob", True)
    ]
    assert [one["command"] for one in dossier["commands"]] == ["gh pr list"]
    assert {one["api_call"] for one in dossier["api_calls"]} == {"gh pr list", "https://example.org/"}
    assert [(one["execution_id"], one["is_this"]) for one in dossier["chain"]] == [(name, True)]
    assert [one["event"] for one in dossier["timeline"]] == ["verification", "step 1", "step 2"]
    for form in ("table", "csv", "markdown"):
        page = agent_otel("audit", "dossier", execution_id(1).hex, "--format", form, url=filled, home=tmp_path).stdout
        assert "not done" in page
        assert not NEVER_SHOWN.search(page)
        if form == "markdown":
            assert "````\n  line 1\n  ```\n  line 3\n  ````" in page
    last = agent_otel("audit", "dossier", "last", url=filled, home=tmp_path)
    assert last.returncode == 0


@pytest.mark.parametrize("form", rendering.FORMATS)
@pytest.mark.parametrize("depth", [100, 1000])
def test_json_within_json_is_shown_or_refused(
    database_url: str, depth: int, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an agent returns may be nested as deeply as it likes: there is an answer, never a traceback."""
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", database_url)
    write(database_url, ended(1, more={s.OUTPUT_STRUCTURED: "[" * depth + "7" + "]" * depth}))
    left = exit_code("audit", "dossier", "last", "--format", form)
    told = capsys.readouterr()
    assert left == 0 or (depth == 1000 and "nested too deeply" in told.err)
    assert str(execution_id(1)) in told.out or left == 2


def test_a_spreadsheet_runs_nothing(filled: str, tmp_path: Path) -> None:
    """A text that begins like a formula is a text."""
    rows = csv.DictReader(io.StringIO(asked(filled, tmp_path, "who", "--format", "csv").stdout))
    task = next(row["task"] for row in rows if row["task"])
    assert task.startswith("'=cmd")
    assert HOSTILE.startswith("=cmd")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["no-such"], "invalid choice"),
        (["slow", "--format", "xml"], "invalid choice"),
        (["slow", "--limit", "0"], "must be 1 or more"),
        (["slow", "--min-duration", "-1"], "must be 0 or more"),
        (["slow", "--min-duration", "x"], "invalid int"),
        (["slow", "--pattern", "x"], "--pattern belongs to files"),
        (["who", "--all"], "--all belongs to apis"),
        (["files", "--pattern", ""], "in every name"),
        (["files", "--pattern", "("], "invalid regular expression"),
        (["slow", "--since", "soon"], "--since 'soon'"),
        (["slow", "--until", "2026-13-01"], "--until '2026-13-01'"),
        (["slow", "--since", "1d", "--until", "2d"], "is not before"),
        (["slow", "last"], "EXECUTION belongs to dossier"),
        (["dossier"], "dossier needs it"),
        (["dossier", "no-such-execution"], "no execution or correlation"),
        (["slow", "--database-url", "postgresql://127.0.0.1:1/x"], "cannot connect"),
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
    assert exit_code("audit", *words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert reason in told.err


def test_without_a_database(tmp_path: Path) -> None:
    """Exit code 2, and what to do."""
    done = agent_otel("audit", url=None, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "agent-otel up" in done.stderr


def test_an_id_that_only_a_verdict_names(filled: str, tmp_path: Path) -> None:
    """A mistyped id is nobody's work: no report, list or question counts it; its dossier has the verdict."""
    write(filled, verdict(99, "MATCH", by="bob"))
    told = json.loads(asked(filled, tmp_path, "who", "--format", "json").stdout)
    assert str(execution_id(99)) not in {row["execution_id"] for row in told}
    report = agent_otel("report", "daily", "--date", DAY, "--format", "json", url=filled, home=tmp_path)
    assert json.loads(report.stdout)["total_executions"] == ROWS["who"]
    assert str(execution_id(99)) not in agent_otel("list", url=filled, home=tmp_path).stdout
    done = agent_otel("audit", "dossier", str(execution_id(99)), "--format", "json", url=filled, home=tmp_path)
    assert [one["verified_by"] for one in json.loads(done.stdout)["verdicts"]] == ["bob"]
