"""The audit questions about how executions went, on rows that stand at every edge."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, LiteralString

import pytest

from agent_otel import semconv as s
from agent_otel.store import queries
from tests.fixtures.audited import NOON, SINCE, UNTIL, ask, ended, execution_id, told, verdict, write

HOUR = dt.timedelta(hours=1)
PERIOD = {"since": SINCE, "until": UNTIL}


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    """Which executions rows are about."""
    return [row["execution_id"].int >> 80 for row in rows]


def in_period(view: LiteralString, columns: LiteralString = "*") -> LiteralString:
    """A question for the period."""
    return "SELECT " + columns + " FROM " + view + " WHERE started_at >= %(since)s AND started_at < %(until)s"  # noqa: S608


def test_slow_executions_are_those_above_the_limit(database_url: str) -> None:
    """More than five minutes, the slowest first, ties by id; the limit can be set, and a period has a first instant."""
    write(
        database_url,
        ended(1, ms=300_000),
        ended(3, ms=300_001, status="error"),
        ended(2, ms=300_001),
        ended(4, ms=900_000, at=SINCE),
        ended(5, ms=900_001, at=UNTIL),
        ended(6, ms=900_001, at=SINCE - dt.timedelta(microseconds=1)),
        told(7, s.EVENT_STARTED),
    )
    assert numbers(ask(database_url, in_period("audit_slow"), PERIOD)) == [4, 2, 3]
    assert numbers(ask(database_url, in_period("audit_slow"), PERIOD, slow_ms="899999")) == [4]
    assert numbers(ask(database_url, in_period("audit_slow"), PERIOD, slow_ms="")) == [4, 2, 3]


def test_failures_are_counted_by_pattern(database_url: str) -> None:
    """Of what counts; agents without a name are one agent, NULLs come last, the example is the last one."""
    failing = {s.ERROR_TYPE: "Timeout"}
    write(
        database_url,
        ended(1, "a", "error", more={**failing, s.ERROR_MESSAGE: "after 1 s"}),
        ended(2, "a", "error", at=NOON - HOUR, more={**failing, s.ERROR_MESSAGE: "after 22.5 s"}),
        ended(3, "a", "error", more={**failing, s.ERROR_MESSAGE: "after 3 s"}),
        ended(4, "a", "partial"),
        ended(5, "a", "cancelled"),
        ended(6, "a"),
        ended(7, "a"),
        told(8, s.EVENT_STARTED, {s.GEN_AI_AGENT_NAME: "a"}),
        told(9, s.EVENT_STARTED, {s.GEN_AI_AGENT_NAME: "a"}, at=dt.datetime.now(dt.UTC)),
        ended(10, None, "error", more={s.ERROR_MESSAGE: "gone"}),
        ended(11, None),
        ended(12, "b"),
    )
    rows = ask(database_url, "SELECT * FROM audit_failure_patterns(%(since)s, %(until)s)", PERIOD)
    assert [tuple(row.values()) for row in rows] == [
        ("a", "error", "Timeout", "after <n> s", 3, Decimal("42.9"), NOON - HOUR, NOON, execution_id(3)),
        ("a", "abandoned", None, None, 1, Decimal("14.3"), NOON, NOON, execution_id(8)),
        ("a", "partial", None, None, 1, Decimal("14.3"), NOON, NOON, execution_id(4)),
        (None, "error", None, "gone", 1, Decimal("50.0"), NOON, NOON, execution_id(10)),
    ]  # fmt: skip
    only = "SELECT count(*), sum(count) FROM audit_failure_patterns(%(since)s, %(until)s, 'a')"
    assert [tuple(row.values()) for row in ask(database_url, only, PERIOD)] == [(3, 5)]
    listed = ask(database_url, in_period("audit_failures"), PERIOD)
    assert numbers(listed) == [1, 3, 4, 8, 10, 2]
    assert (listed[0]["pattern"], listed[0]["error_message"]) == ("after <n> s", "after 1 s")


def test_when_an_open_execution_is_abandoned_can_be_set(database_url: str) -> None:
    """A failure that is decided when read."""
    write(database_url, told(1, s.EVENT_STARTED))
    assert numbers(ask(database_url, in_period("audit_failures"), PERIOD)) == [1]
    assert ask(database_url, in_period("audit_failures"), PERIOD, abandoned_after="100 years") == []


def test_only_the_current_verdict_counts(database_url: str) -> None:
    """The latest; of two at the same nanosecond the greater id. Whoever gave it may do so days later."""
    low, high = uuid.UUID(int=1, version=4), uuid.UUID(int=2**127, version=4)
    later = NOON + dt.timedelta(days=40)
    write(
        database_url,
        *(ended(number) for number in range(1, 7)),
        verdict(1, "MATCH"),
        verdict(
            1, "MISMATCH", at=later, by="eve", expected_vs_actual="not done", criteria_failed=["x"], confidence=0.9
        ),
        verdict(2, "MISMATCH", at=later),
        verdict(2, "MATCH", at=later + HOUR),
        verdict(3, "ERROR", note=high),
        verdict(3, "MATCH", note=low),
        verdict(4, "ERROR", note=low),
        verdict(4, "MATCH", note=high),
        verdict(5, "PARTIAL"),
    )
    rows = ask(database_url, in_period("audit_verdicts"), PERIOD)
    assert numbers(rows) == [1, 3]
    assert tuple(rows[0].values()) == (
        *(execution_id(1), "a", NOON, "success", "MISMATCH", "not done", ["x"], 0.9, later, "eve"),
    )
    assert numbers(ask(database_url, in_period("agent_refuted_successes"), PERIOD)) == [1]


def test_a_failure_with_a_mismatch_is_no_refuted_success(database_url: str) -> None:
    """It claims nothing; its verdict is listed all the same."""
    write(
        database_url, ended(1, status="error"), verdict(1, "MISMATCH"), told(2, s.EVENT_STARTED), verdict(2, "MISMATCH")
    )
    assert numbers(ask(database_url, in_period("audit_verdicts"), PERIOD)) == [1, 2]
    assert ask(database_url, in_period("agent_refuted_successes"), PERIOD) == []


def test_criteria_that_changed_after_the_start(database_url: str) -> None:
    """Added or dropped; where no start told any, nothing is known to have changed."""
    at_start = {s.SUCCESS_CRITERIA: ["tests pass", "docs"]}
    write(
        database_url,
        told(1, s.EVENT_STARTED, at_start),
        ended(1, more={s.SUCCESS_CRITERIA: ["docs", "it starts"]}),
        told(2, s.EVENT_STARTED, at_start),
        ended(2, more=at_start),
        ended(3, more=at_start),
    )
    (row,) = ask(database_url, in_period("audit_criteria"), PERIOD)
    assert tuple(row.values()) == (
        *(execution_id(1), "a", NOON, ["tests pass", "docs"], ["it starts"], ["tests pass"]),
    )


def test_quality_low_and_high(database_url: str) -> None:
    """By the labels told last; efficiency alone makes nothing low."""

    def labels(*given: str) -> dict[str, str]:
        names = (s.QUALITY_COMPLETENESS, s.QUALITY_ACCURACY, s.QUALITY_EFFICIENCY)
        return dict(zip(names, given, strict=True))

    later = {s.GEN_AI_EVALUATION_NAME: "completeness", s.GEN_AI_EVALUATION_SCORE_LABEL: "LOW"}
    write(
        database_url,
        ended(1, more=labels("LOW", "HIGH", "HIGH")),
        ended(2, more=labels("HIGH", "LOW", "HIGH") | {s.QUALITY_SCORE: 0.25}),
        ended(3, more=labels("HIGH", "HIGH", "LOW")),
        ended(4, more=labels("HIGH", "HIGH", "HIGH")),
        ended(5, more=labels("HIGH", "HIGH", "HIGH")),
        told(5, s.GEN_AI_EVALUATION_RESULT, later, at=NOON + dt.timedelta(days=3)),
        ended(6, more={s.QUALITY_SCORE: 0.0}),
    )
    low = ask(database_url, in_period("audit_quality_low"), PERIOD)
    assert numbers(low) == [1, 2, 5]
    assert tuple(low[1].values())[3:] == ("HIGH", "LOW", "HIGH", None, 0.25)
    assert numbers(ask(database_url, in_period("audit_quality_high"), PERIOD)) == [4]


def test_security_critical_files(database_url: str) -> None:
    """Each file that matches, in whatever case, by a pattern that can be set; authors are not authentication."""
    files = ["src/Auth.py", "AUTHORS", "a/.aws/Credentials", "secrets.yml", "app.cfg", "b/config/x", "docs/readme.md"]
    write(database_url, ended(1, more={s.FILES_MODIFIED: files, s.USER_ID: "eve", s.TRIGGERED_BY: "cron"}), ended(2))
    rows = ask(database_url, in_period("audit_files"), PERIOD)
    assert [tuple(row.values())[3:] for row in rows] == [
        ("a/.aws/Credentials", "Credential", "eve", "cron"),
        ("b/config/x", "config", "eve", "cron"),
        ("secrets.yml", "secret", "eve", "cron"),
        ("src/Auth.py", "Auth", "eve", "cron"),
    ]
    other = ask(database_url, in_period("audit_files", "file, matched"), PERIOD, security_critical=r"(AUTH)ORS|\.cfg$")
    assert [tuple(row.values()) for row in other] == [("AUTHORS", "AUTHORS"), ("app.cfg", ".cfg")]


@pytest.mark.parametrize(
    "name",
    ["slow", "failures", "verdicts", "criteria", "quality_low", "quality_high", "files", "commands", "apis", "who"],
)
def test_nothing_is_found_in_nothing(database_url: str, name: Any) -> None:
    """An empty database answers, with no rows, the reader role."""
    assert ask(database_url, in_period("audit_" + name), PERIOD) == []


def test_the_reader_role_may_ask_everything(database_url: str) -> None:
    """Every named query, with the rights of who only reads."""
    write(database_url, ended(1), verdict(1, "MISMATCH"))
    period = {**PERIOD, "agent": None, "every": True, "limit": None}
    report = {"day": NOON.date(), "tz": "UTC", "roots_only": False, "project": None}
    asked = period | report | {"id": execution_id(1), "name": "slow_ms", "value": "1"}
    answers = {name: ask(database_url, statement, asked) for name, statement in queries.load("audit").items()}
    assert all(answers[name] for name in ("who", "verdicts", "dossier_chain", "dossier_timeline", "report_daily"))
