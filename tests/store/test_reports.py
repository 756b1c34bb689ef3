"""The reports, on rows that stand at every edge: what they count, in which words, and what an empty day says."""

import datetime as dt
import json
from typing import Any, Final

import pytest

from agent_otel import semconv as s
from tests.fixtures.audited import NOON, ask, ended, execution_id, told, verdict, write

DAY: Final = NOON.date()
HOUR: Final = dt.timedelta(hours=1)
NO_LABELS: Final = {"HIGH": 0, "MEDIUM": 0, "LOW": 0}
NO_STATUS: Final = dict.fromkeys(("in_progress", "success", "partial", "error", "cancelled", "abandoned"), 0)


def daily(
    url: str, day: dt.date = DAY, tz: str = "UTC", *, roots_only: bool = False, project: str | None = None
) -> Any:
    """The report on a day."""
    (row,) = ask(url, "SELECT report_daily(%s, %s, %s, %s)::text AS report", [day, tz, roots_only, project])
    return json.loads(row["report"])


def issue(number: int, kind: str, description: str, **more: str) -> Any:
    """An issue, told days later."""
    told_of = {s.ISSUE_TYPE: kind, s.ISSUE_DESCRIPTION: description, s.STATED_BY: "eve"}
    more_of = {f"aotel.issue.{name}": value for name, value in more.items()}
    return told(number, s.EVENT_ISSUE, told_of | more_of, at=NOON + dt.timedelta(days=5))


def learning(number: int, *improvements: str) -> Any:
    """A learning note."""
    return told(number, s.EVENT_LEARNING, {s.LEARNING_IMPROVEMENTS: list(improvements), s.STATED_BY: "eve"})


def test_an_empty_day_has_all_keys_in_their_order(database_url: str) -> None:
    """Counts are 0, rates and averages null."""
    expected: list[tuple[str, Any]] = [
        ("total_executions", 0),
        ("success_rate", None),
        ("average_duration", None),
        ("agents_used", []),
        ("quality_scores", {"average": None, "scored": 0, "high": 0, "medium": 0, "low": 0, "completeness": NO_LABELS,
                            "accuracy": NO_LABELS, "efficiency": NO_LABELS}),
        ("top_issues", []),
        ("improvement_opportunities", []),
        ("more", {"since": "2025-11-20T00:00:00+00:00", "until": "2025-11-21T00:00:00+00:00", "tz": "UTC",
                  "by_status": NO_STATUS,
                  "verification": {"MATCH": 0, "PARTIAL": 0, "MISMATCH": 0, "ERROR": 0, "unverified": 0},
                  "input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "cost_usd": 0, "p50_duration": None,
                  "p95_duration": None}),
    ]  # fmt: skip
    assert list(daily(database_url).items()) == expected


def test_a_day_of_everything(database_url: str) -> None:
    """Every figure by hand."""
    used = {s.GEN_AI_USAGE_INPUT_TOKENS: 10, s.GEN_AI_USAGE_OUTPUT_TOKENS: 3, s.COST_USD: 0.1}
    labels = {s.QUALITY_COMPLETENESS: "HIGH", s.QUALITY_ACCURACY: "LOW"}
    write(
        database_url,
        ended(1, "a", ms=1000, more={**used, **labels, s.QUALITY_SCORE: 0.8}),
        ended(2, "a", ms=2000, more={**used, s.COST_USD: 0.2, s.QUALITY_SCORE: 0.5}),
        ended(3, "a", "error", ms=4001, more={s.ERROR_TYPE: "Timeout", s.ERROR_MESSAGE: "5 s", s.QUALITY_SCORE: 0.49}),
        ended(4, "b", "error", ms=10, more={s.ERROR_TYPE: "Timeout", s.ERROR_MESSAGE: "6 s"}),
        ended(5, None, "partial", ms=10),
        ended(6, "b", "cancelled", ms=10),
        told(7, s.EVENT_STARTED, {s.GEN_AI_AGENT_NAME: "b"}),
        verdict(1, "MISMATCH", at=NOON + dt.timedelta(days=9)),
        verdict(2, "MATCH"),
        verdict(3, "MISMATCH"),
        ended(8, "a", at=NOON - 13 * HOUR, ms=5),
        ended(9, "a", at=NOON + 12 * HOUR, ms=5),
    )
    report = daily(database_url)
    assert (report["total_executions"], report["success_rate"], report["average_duration"]) == (7, 33.3, 1172)
    assert [tuple(agent.values()) for agent in report["agents_used"]] == [
        ("a", 3, 66.7, 2334, 26, 0.3),
        ("b", 3, 0.0, 10, 0, 0),
        ("(none)", 1, 0.0, 10, 0, 0),
    ]
    assert report["quality_scores"] == {
        "average": 0.597, "scored": 3, "high": 1, "medium": 1, "low": 1,
        "completeness": {"HIGH": 1, "MEDIUM": 0, "LOW": 0}, "accuracy": {"HIGH": 0, "MEDIUM": 0, "LOW": 1},
        "efficiency": NO_LABELS,
    }  # fmt: skip
    more = report["more"]
    assert more["by_status"] == NO_STATUS | {"success": 2, "partial": 1, "error": 2, "cancelled": 1, "abandoned": 1}
    assert more["verification"] == {"MATCH": 1, "PARTIAL": 0, "MISMATCH": 2, "ERROR": 0, "unverified": 4}
    assert [more[name] for name in ("input_tokens", "output_tokens", "total_tokens", "cost_usd")] == [20, 6, 26, 0.3]
    assert (more["p50_duration"], more["p95_duration"]) == (10, 4001)
    assert [tuple(one.values()) for one in report["top_issues"]] == [
        ("Timeout: <n> s", "ERROR", 2, ["a", "b"], str(execution_id(4))),
        ("abandoned", "ERROR", 1, ["b"], str(execution_id(7))),
        ("partial", "ERROR", 1, ["(none)"], str(execution_id(5))),
    ]
    (first, second) = report["improvement_opportunities"]
    assert (first["kind"], first["count"], first["agent"]) == ("success_rate", 1, "a")
    assert "66.7" in first["opportunity"]
    assert (second["kind"], second["count"], second["agent"]) == ("refuted", 1, "a")


def test_what_was_said_counts_by_its_executions_day(database_url: str) -> None:
    """Issues beside failures of the same words, each mention once; improvements before preventions."""
    write(
        database_url,
        ended(1, "a"),
        ended(2, "b"),
        ended(3, "b", "error", more={s.ERROR_TYPE: "slow"}),
        issue(1, "ERROR", "slow", prevention="cache"),
        issue(1, "ERROR", "slow", prevention="cache"),
        issue(2, "WARNING", "slow", prevention="ask"),
        issue(2, "INFO", "odd"),
        learning(1, "test more", "ask"),
        learning(2, "test more"),
        ended(4, at=NOON - 24 * HOUR),
        issue(4, "ERROR", "of another day", prevention="none"),
    )
    report = daily(database_url)
    assert [tuple(one.values()) for one in report["top_issues"]] == [
        ("slow", "ERROR", 3, ["a", "b"], str(execution_id(3))),
        ("odd", "INFO", 1, ["b"], str(execution_id(2))),
        ("slow", "WARNING", 1, ["b"], str(execution_id(2))),
    ]
    assert [tuple(one.values()) for one in report["improvement_opportunities"]] == [
        ("test more", "said", 2, None),
        ("ask", "said", 1, None),
        ("cache", "prevention", 2, None),
        ("ask", "prevention", 1, None),
    ]


def test_ten_issues_at_most(database_url: str) -> None:
    """The most frequent, then by type and words."""
    write(database_url, ended(1), *(issue(1, "INFO", f"issue {number:02}") for number in range(12)))
    assert [one["issue"] for one in daily(database_url)["top_issues"]] == [f"issue {number:02}" for number in range(10)]


@pytest.mark.parametrize(
    ("day", "hours", "first_hour"),
    [("2026-03-29", 23, 23), ("2025-10-26", 25, 22), ("2025-10-27", 24, 23)],
)
def test_a_day_of_a_zone_is_as_long_as_it_is(database_url: str, day: str, hours: int, first_hour: int) -> None:
    """Berlin's days when clocks change: the last minute counts, midnight is the next day's."""
    date = dt.date.fromisoformat(day)
    begin = dt.datetime.combine(date - dt.timedelta(days=1), dt.time(first_hour), dt.UTC)
    end = begin + hours * HOUR
    minute = dt.timedelta(minutes=1)
    write(database_url, ended(1, at=begin - minute), ended(2, at=begin), ended(3, at=end - minute), ended(4, at=end))
    report = daily(database_url, date, "Europe/Berlin")
    assert report["total_executions"] == 2
    assert report["more"]["since"] == begin.isoformat()
    assert report["more"]["until"] == end.isoformat()


def test_roots_only_and_one_project(database_url: str) -> None:
    """Sub-agents count unless they are left out; a parent that nobody knows is a parent."""
    write(
        database_url,
        ended(1, more={s.PROJECT: "p"}),
        ended(2, more={s.PROJECT: "p", s.PARENT_EXECUTION_ID: str(execution_id(1))}),
        ended(3, more={s.PARENT_EXECUTION_ID: str(execution_id(99))}),
        ended(4),
    )
    assert daily(database_url)["total_executions"] == 4
    assert daily(database_url, roots_only=True)["total_executions"] == 2
    assert daily(database_url, project="p")["total_executions"] == 2
    assert daily(database_url, roots_only=True, project="p")["total_executions"] == 1
    assert daily(database_url, project="q")["total_executions"] == 0
