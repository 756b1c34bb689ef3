"""The plain answers, on ledgers small enough to know the answer by looking."""

import datetime as dt
import itertools
import json
import uuid
from typing import Any

import pytest

from tests.history.answers import findings, traffic
from tests.history.answers.agent import agent_health, report_agent
from tests.history.answers.daily import day_of, report_daily
from tests.history.answers.figures import mean, percent, percentile
from tests.history.answers.history import Asked, History
from tests.history.answers.pattern import error_pattern
from tests.history.execution import Execution
from tests.history.ledger import Entry, entry

#: Noon of a day in UTC.
NOON = round(dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC).timestamp()) * 10**6
NOW = NOON + 40 * 86_400 * 10**6
HOUR = 3600 * 10**6
ALL = Asked(0, 2**60)
_NUMBERS = itertools.count(1)


def told(status: str = "success", at: int = NOON, seconds: float | None = 1.0, **more: Any) -> Entry:
    """An entry: an execution that started `at` (µs) and took so many seconds; None: it never ended."""
    number = next(_NUMBERS)
    run = Execution(number, 0, uuid.UUID(int=number), bytes(16), bytes(8), "coder", "1", at * 1000)
    run.ended = None if seconds is None else at * 1000 + round(seconds * 10**9)
    run.status = status
    return {**entry(run), **more}


def history(*entries: Entry) -> History:
    """Asked 40 days later."""
    return History(entries, NOW)


def verdict(status: str, at: int, note_id: str = "0", **more: Any) -> dict[str, Any]:
    """A verdict of so many µs after noon."""
    nothing = dict.fromkeys(("expected_vs_actual", "criteria_failed", "confidence", "by"))
    return {**nothing, "status": status, "at_ns": (NOON + at) * 1000, "note_id": note_id, **more}


def step(tool: str, given: object, sequence: int = 1, success: bool = True) -> dict[str, Any]:
    """A tool step."""
    asked = given if isinstance(given, str) else json.dumps(given)
    return {"kind": "tool", "tool": tool, "input": asked, "sequence": sequence, "success": success}


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        (None, None),
        ("run 0B3D1C3E-6a0f-4a7e-9b57-2f0d2f7a9c11 failed", "run <uuid> failed"),
        ("at 0xdeadbeef, deadbeef, deadbee1 and 12345678", "at <hex>, deadbeef, <hex> and <hex>"),
        ("in /srv/app/main.py not /tmp nor a/b", "in <path> not /tmp nor a/b"),
        ("""'a 1' and "b 2" aren't""", "<text> and <text> aren't"),
        ("7 of 3.25 s\n\t in v2", "<n> of <n> s in v<n>"),
        ("  x" * 200, ("x " * 100)),
    ],
)
def test_patterns(message: str | None, pattern: str | None) -> None:
    """What varies is replaced, in the order of the rules."""
    assert error_pattern(message) == pattern


def test_figures() -> None:
    """Half away from zero, nothing of nothing, the discrete percentile."""
    assert [percent(1, 3), percent(1, 2000), percent(1, 0)] == [33.3, 0.1, None]
    assert [mean([0.0005, 0.0005], 3), mean([], 1), mean([1, 2], 0)] == [0.001, None, 2.0]
    assert [percentile(range(1, 21), 0.95), percentile([4, 1], 0.5), percentile([], 0.5)] == [19, 1, None]


def test_statuses_are_decided_when_asked() -> None:
    """A day of silence, five minutes where there was a heartbeat."""
    silent = 3 * HOUR
    entries = [told("in_progress", NOW - silent, None, heartbeat=beats) for beats in (False, True)]
    assert [run.status for run in history(*entries).runs] == ["in_progress", "abandoned"]
    assert history(told("in_progress", NOW - 25 * HOUR, None)).runs[0].status == "abandoned"


def test_slow_is_longer_than() -> None:
    """The slowest first; as long as the limit is not slow; the period is half open."""
    entries = [told(seconds=300), told(seconds=301), told(seconds=400), told(at=NOON + HOUR, seconds=999)]
    rows = findings.slow(history(*entries), Asked(NOON, NOON + HOUR))
    assert [row["duration_ms"] for row in rows] == [400_000, 301_000]


def test_failure_patterns() -> None:
    """Alike failures are one row; cancelled ones count for nothing."""
    entries = [
        told("error", error_type="E", error_message="1 failed"),
        told("error", NOON + 1, error_type="E", error_message="2 failed"),
        told("partial"), told("cancelled"), told(), told(at=NOON + 2),
    ]  # fmt: skip
    first, second = findings.failure_patterns(history(*entries), ALL)
    assert (first["pattern"], first["count"], first["percent"]) == ("<n> failed", 2, 40.0)
    assert (first["first_at"], first["last_at"]) == (NOON, NOON + 1)
    assert first["example"] == entries[1]["execution_id"]
    assert (second["status"], second["error_type"], second["pattern"], second["percent"]) == (
        "partial",
        None,
        None,
        20.0,
    )


def test_the_latest_verdict_counts() -> None:
    """By time, then by id; a success with MISMATCH is refuted."""
    changed = told(verdicts=[verdict("ERROR", 1), verdict("MATCH", 5)])
    tied = told(verdicts=[verdict("MISMATCH", 5, "b", by="ada"), verdict("MATCH", 5, "a")])
    failed = told("error", verdicts=[verdict("MISMATCH", 3)])
    asked = history(changed, tied, failed, told())
    ids = [tied["execution_id"], failed["execution_id"]]
    assert [row["execution_id"] for row in findings.verdicts(asked, ALL)] == ids
    (row,) = findings.refuted(asked, ALL)
    assert (row["execution_id"], row["verified_by"], row["verified_at"]) == (ids[0], "ada", NOON + 5)


def test_criteria_changed_after_the_start() -> None:
    """Against the last record that states any; none at the start are a list as well."""
    entries = [
        told(criteria_start=["a", "b"], criteria_told=[["a", "b"], ["c", "a"], []]),
        told(criteria_start=["a"], criteria_told=[["a"], []]),
        told(criteria_start=[], criteria_told=[[], ["x"]]),
    ]
    rows = findings.criteria(history(*entries), ALL)
    changes = {(tuple(row["criteria_added"]), tuple(row["criteria_dropped"])) for row in rows}
    assert changes == {(("c",), ("b",)), (("x",), ())}


def test_quality_told_last() -> None:
    """A later label stands in place of the end's."""
    lower = {"at_ns": NOON * 1000 + 9 * 10**9, "name": "accuracy", "label": "LOW", "value": None}
    high = dict.fromkeys(("completeness", "accuracy", "efficiency"), "HIGH")
    entries = [told(labels=high), told(labels=high, evaluations=[lower]), told(labels={"efficiency": "LOW"})]
    assert [row["execution_id"] for row in findings.quality_high(history(*entries), ALL)] == [
        entries[0]["execution_id"]
    ]
    assert [row["accuracy"] for row in findings.quality_low(history(*entries), ALL)] == ["LOW"]


def test_critical_files() -> None:
    """Authors are no auth; the text that matched is told."""
    names = ["AUTHORS", "src/author.py", "a/Auth/x.py", "CONFIG.md", "b/secret_config"]
    rows = traffic.files(history(told(files_modified=names)), ALL)
    assert [(row["file"], row["matched"]) for row in rows] == [
        ("CONFIG.md", "CONFIG"), ("a/Auth/x.py", "Auth"), ("b/secret_config", "secret"),
    ]  # fmt: skip
    assert [row["file"] for row in traffic.files(history(told(files_modified=names)), ALL, "author")] == [
        "AUTHORS",
        "src/author.py",
    ]


def test_commands_once() -> None:
    """The first step that ran it; only stated ones last; what is no command is none."""
    steps = [
        step("Bash", {"command": "b"}, 1, success=False), step("Bash", {"command": "b"}, 2), step("sh", "{", 3),
        step("Read", {"command": "x"}, 4), step("shell", {"command": ["a", "c"]}, 5), step("bash", {"command": 7}, 6),
    ]  # fmt: skip
    rows = traffic.commands(history(told(steps=steps, commands=["z", "b", "y"])), ALL)
    assert [(row["command"], row["step_sequence"], row["success"]) for row in rows] == [
        ("b", 1, False), ("a c", 5, True), ("y", None, None), ("z", None, None),
    ]  # fmt: skip


def test_api_calls_by_host() -> None:
    """Stated ones, addresses in commands and inputs, and programs that call of their own accord."""
    steps = [
        step("Bash", {"command": "sudo A=1 aws s3 ls"}, 1), step("Bash", {"command": "cd x && gh pr list"}, 2),
        step("Bash", {"command": "curl 'https://u:p@API.GitHub.com:443/x?y' http://h:1/"}, 3),
        step("WebFetch", {"url": "https://api.github.com/z"}, 4), step("Bash", {"command": "ghost"}, 5),
    ]  # fmt: skip
    entries = [told(steps=steps, api_calls=["GCP upload", "slack post"]), told(steps=steps[3:4], agent=None)]
    rows = traffic.api_hosts(history(*entries), ALL, every=True)
    assert [(row["host"], row["service"], row["calls"], row["executions"], row["agents"]) for row in rows] == [
        ("api.github.com", "github", 3, 2, ["(none)", "coder"]), ("amazonaws.com", "aws", 1, 1, ["coder"]),
        ("h", None, 1, 1, ["coder"]), (None, "gcp", 1, 1, ["coder"]), (None, None, 1, 1, ["coder"]),
    ]  # fmt: skip
    assert len(traffic.api_hosts(history(*entries), ALL)) == 3


def test_on_whose_behalf() -> None:
    """The root's user, else what triggered it, else its agent; a missing parent ends the climb."""
    root = told(user_id="ada", agent="planner")
    child = told(parent_execution_id=root["execution_id"], description="d")
    grandchild = told(parent_execution_id=child["execution_id"], prompt="p" * 300)
    orphan = told(parent_execution_id=str(uuid.uuid4()), triggered_by="cron")
    rows = {row["execution_id"]: row for row in traffic.who(history(root, child, grandchild, orphan, told()), ALL)}
    row = rows[grandchild["execution_id"]]
    assert (row["on_behalf_of"], row["parent_agent"], len(row["task"])) == ("ada", "coder", 200)
    assert rows[child["execution_id"]]["parent_agent"] == "planner"
    assert (rows[orphan["execution_id"]]["on_behalf_of"], rows[orphan["execution_id"]]["parent_agent"]) == (
        "cron",
        None,
    )


def test_days_in_a_time_zone() -> None:
    """A day in March may have 23 hours."""
    assert day_of(dt.date(2026, 6, 10), "UTC").since == NOON - 12 * HOUR
    spring = day_of(dt.date(2026, 3, 29), "Europe/Berlin")
    assert spring.until - spring.since == 23 * HOUR


def test_the_daily_report() -> None:
    """Each of its parts on six executions; the day after has nothing."""
    issue = {"type": "WARNING", "description": "slow", "prevention": "cache"}
    entries = [
        told(seconds=1, quality_score=0.9, input_tokens=3, cost_usd=0.1, verdicts=[verdict("MISMATCH", 1)]),
        told("error", seconds=2, error_type="E", error_message="no 1", issues=[issue], cost_usd=0.2),
        told("error", error_type="E", error_message="no 2", labels={"accuracy": "LOW"}),
        told("in_progress", seconds=None), told("cancelled", agent=None), told(agent="x", learning=[
            {"improvements": ["read"], "recommendation": None}]),
        told(at=NOON + 12 * HOUR),
    ]  # fmt: skip
    report = report_daily(history(*entries), dt.date(2026, 6, 10))
    assert (report["total_executions"], report["success_rate"], report["average_duration"]) == (6, 40.0, 1200)
    assert [(row["agent"], row["executions"], row["cost_usd"]) for row in report["agents_used"]] == [
        ("coder", 4, 0.3), ("(none)", 1, 0.0), ("x", 1, 0.0),
    ]  # fmt: skip
    assert report["quality_scores"]["accuracy"] == {"HIGH": 0, "MEDIUM": 0, "LOW": 1}
    assert (report["quality_scores"]["average"], report["quality_scores"]["high"]) == (0.9, 1)
    assert [(row["issue"], row["count"]) for row in report["top_issues"]] == [
        ("E: no <n>", 2),
        ("abandoned", 1),
        ("slow", 1),
    ]
    assert [(row["kind"], row["count"], row["agent"]) for row in report["improvement_opportunities"]] == [
        ("said", 1, None), ("prevention", 1, None), ("success_rate", 3, "coder"), ("refuted", 1, "coder"),
    ]  # fmt: skip
    assert report["more"]["verification"] == {"MATCH": 0, "PARTIAL": 0, "MISMATCH": 1, "ERROR": 0, "unverified": 5}
    empty = report_daily(history(*entries), dt.date(2026, 6, 12))
    assert (empty["total_executions"], empty["success_rate"], empty["agents_used"]) == (0, None, [])


def test_failures_that_do_not_say_why() -> None:
    """They are listed by their status, with half of what they say where they say half."""
    entries = [told("partial"), told("error", error_type="E"), told("error", error_message="m")]
    report = report_daily(history(*entries), dt.date(2026, 6, 10))
    assert [row["issue"] for row in report["top_issues"]] == ["E", "m", "partial"]


def test_roots_and_projects_alone() -> None:
    """Filters of the daily report."""
    entries = [told(project="shop"), told(parent_execution_id=str(uuid.uuid4())), told()]
    day = dt.date(2026, 6, 10)
    assert report_daily(history(*entries), day, roots_only=True)["total_executions"] == 2
    assert report_daily(history(*entries), day, project="shop")["total_executions"] == 1


def test_the_report_about_an_agent() -> None:
    """It gets worse between the halves of the period."""
    entries = [told(at=NOON + hour * HOUR) for hour in range(4)]
    entries += [told("error", NOON + hour * HOUR, error_type="E") for hour in (5, 6, 7)] + [told(agent="other")]
    learned = {"improvements": [], "recommendation": "rest"}
    report = report_agent(history(*entries, told(learning=[learned])), "coder", Asked(NOON, NOON + 8 * HOUR))
    assert (report["execution_count"], report["success_rate"]) == (8, 62.5)
    assert report["performance_trend"]["direction"] == "degrading"
    assert report["performance_trend"]["success_rate"] == {"first": 100.0, "second": 0.0}
    assert [(row["kind"], row["count"]) for row in report["recommendations"]] == [
        ("said", 1), ("failure_mode", 3), ("trend", 3),
    ]  # fmt: skip
    assert report["more"]["health"]["health"] == "degraded"
    few = report_agent(history(*entries[:5]), "coder", Asked(NOON, NOON + 8 * HOUR))
    assert few["performance_trend"]["direction"] == "unknown"


def test_trend_by_duration() -> None:
    """Where the success rate stays, the median decides."""
    for seconds, direction in ((1.3, "degrading"), (1.1, "stable"), (0.7, "improving")):
        entries = [told(at=NOON + hour * HOUR, seconds=1 if hour < 4 else seconds) for hour in range(8)]
        trend = report_agent(history(*entries), "coder", Asked(NOON, NOON + 8 * HOUR))["performance_trend"]
        assert trend["direction"] == direction


def test_health() -> None:
    """The last day, else the last twenty; few runs are healthy."""
    assert agent_health(history(told("error"), told("error")), "coder", NOON)["health"] == "healthy"
    good = [told(at=NOON - 10 - number) for number in range(20)]
    bad = [told("error", NOON - number) for number in range(5)]
    assert agent_health(history(*good, *bad), "coder", NOON) == {
        "health": "failed", "n": 25, "error_rate": 20.0, "p50_duration": 1000, "p50_7d": 1000,
    }  # fmt: skip
    assert agent_health(history(*good, *bad), "coder", NOON + 30 * 24 * HOUR)["n"] == 20
    slow = [told(at=NOON + 50 * HOUR, seconds=3) for _ in range(3)]
    assert agent_health(history(*good, *slow), "coder", NOON + 51 * HOUR)["health"] == "degraded"
    assert agent_health(history(*good), "coder", NOON)["health"] == "healthy"
