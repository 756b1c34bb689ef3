"""The report on an agent and its health, on rows that stand at every edge."""

import datetime as dt
import json
from typing import Any, Final

import pytest

from agent_otel import semconv as s
from agent_otel.store.rows import Batch
from tests.fixtures.audited import NOON, ask, ended, execution_id, told, verdict, write

HOUR: Final = dt.timedelta(hours=1)
DAY: Final = dt.timedelta(days=1)
SINCE: Final = NOON - 30 * DAY
NOTHING: Final = {"first": None, "second": None}


def report(url: str, agent: str = "a") -> Any:
    """The report on the 30 days before NOON."""
    asked = "SELECT report_agent(%s, %s, %s)::text AS report"
    (row,) = ask(url, asked, [agent, SINCE, NOON])
    return json.loads(row["report"])


def health(url: str, at: dt.datetime = NOON, agent: str = "a") -> Any:
    """An agent's health at a moment."""
    (row,) = ask(url, "SELECT agent_health(%s, %s)::text AS health", [agent, at])
    return json.loads(row["health"])


def runs(first: int, outcomes: str, at: dt.datetime, ms: int = 1000) -> list[Batch]:
    """Executions an hour apart, in order: + succeeds, - fails, ~ is cancelled."""
    named = {"+": "success", "-": "error", "~": "cancelled"}
    return [
        ended(first + place, status=named[outcome], at=at + place * HOUR, ms=ms)
        for place, outcome in enumerate(outcomes)
    ]


def test_an_agent_that_nobody_knows_has_all_keys_in_their_order(database_url: str) -> None:
    """Counts are 0, rates null."""
    assert list(report(database_url, "nobody").items()) == [
        ("execution_count", 0),
        ("success_rate", None),
        ("average_quality_score", None),
        ("common_failure_modes", []),
        ("performance_trend", {"direction": "unknown", "success_rate": NOTHING, "p50_duration": NOTHING,
                               "quality": NOTHING}),
        ("recommendations", []),
        ("more", {"agent": "nobody", "since": SINCE.isoformat(), "until": NOON.isoformat(),
                  "health": {"health": "healthy", "n": 0, "error_rate": None, "p50_duration": None, "p50_7d": None},
                  "by_status": dict.fromkeys(
                      ("in_progress", "success", "partial", "error", "cancelled", "abandoned"), 0),
                  "average_duration": None, "p95_duration": None, "total_tokens": 0, "cost_usd": 0, "refuted": 0,
                  "versions": []}),
    ]  # fmt: skip


def test_an_agent_of_everything(database_url: str) -> None:
    """Every figure by hand; another agent and another time do not count."""
    failing = {s.ERROR_TYPE: "Timeout", s.ERROR_MESSAGE: "5 s"}
    early, late = SINCE + DAY, NOON - DAY
    said = {s.LEARNING_RECOMMENDATION: "smaller tasks", s.STATED_BY: "eve"}
    write(
        database_url,
        ended(1, at=SINCE, ms=100, more={s.QUALITY_SCORE: 0.5, s.GEN_AI_AGENT_VERSION: "2"}),
        ended(2, at=early, ms=200, more={s.QUALITY_SCORE: 0.6, s.GEN_AI_AGENT_VERSION: "10"}),
        ended(3, status="error", at=early, ms=300, more=failing),
        ended(4, at=late, ms=400, more={s.QUALITY_SCORE: 1.0, s.COST_USD: 0.5, s.GEN_AI_USAGE_INPUT_TOKENS: 7}),
        ended(5, status="error", at=late, ms=500, more=failing),
        ended(6, status="partial", at=late, ms=600),
        ended(7, status="cancelled", at=late, ms=700),
        ended(8, "b", at=late),
        ended(9, at=NOON),
        verdict(4, "MISMATCH"),
        told(1, s.EVENT_LEARNING, said),
        told(5, s.EVENT_LEARNING, said),
    )
    found = report(database_url)
    assert (found["execution_count"], found["success_rate"], found["average_quality_score"]) == (7, 50.0, 0.7)
    assert [tuple(mode.values()) for mode in found["common_failure_modes"]] == [
        ("error", "Timeout", "<n> s", 2, 33.3, late.isoformat(), str(execution_id(5))),
        ("partial", None, None, 1, 16.7, late.isoformat(), str(execution_id(6))),
    ]
    assert found["performance_trend"] == {
        "direction": "degrading",
        "success_rate": {"first": 66.7, "second": 33.3},
        "p50_duration": {"first": 200, "second": 500},
        "quality": {"first": 0.55, "second": 1.0},
    }
    assert [(one["kind"], one["count"]) for one in found["recommendations"]] == [
        *(("said", 2), ("failure_mode", 2), ("trend", 3)),
    ]
    assert found["recommendations"][0]["recommendation"] == "smaller tasks"
    more = found["more"]
    assert (more["average_duration"], more["p95_duration"], more["total_tokens"], more["cost_usd"]) == (
        400,
        700,
        7,
        0.5,
    )
    assert (more["refuted"], more["versions"]) == (1, ["10", "2"])
    assert more["health"] == health(database_url)


def test_executions_without_an_agent_are_one_agent(database_url: str) -> None:
    """NULL and the empty name are reported as (none)."""
    write(database_url, ended(1, None, at=NOON - HOUR), ended(2, "", at=NOON - HOUR), ended(3, at=NOON - HOUR))
    assert report(database_url, "(none)")["execution_count"] == 2


@pytest.mark.parametrize(
    ("first", "second", "durations", "direction"),
    [
        ("++", "+++", (1000, 1000), "unknown"),
        ("+++", "++~", (1000, 1000), "unknown"),
        ("+++", "+++", (1000, 1200), "stable"),
        ("+++", "+++", (1000, 1201), "degrading"),
        ("+++", "+++", (1000, 800), "stable"),
        ("+++", "+++", (1000, 799), "improving"),
        ("+" * 19 + "-", "+" * 20, (1000, 9000), "improving"),
        ("+" * 20, "+" * 19 + "-", (9000, 1000), "degrading"),
        ("+" * 24 + "-", "+" * 25, (1000, 1000), "stable"),
    ],
)
def test_which_way_an_agent_goes(
    database_url: str, first: str, second: str, durations: tuple[int, int], direction: str
) -> None:
    """Five points of success decide before the median duration; fewer than three that count say nothing."""
    early, late = runs(1, first, SINCE, durations[0]), runs(100, second, NOON - 2 * DAY, durations[1])
    write(database_url, *early, *late)
    assert report(database_url)["performance_trend"]["direction"] == direction


@pytest.mark.parametrize(
    ("outcomes", "expected", "rate"),
    [
        ("--", "healthy", 100.0),
        ("---", "failed", 100.0),
        ("+++++-----", "failed", 50.0),
        ("++++++----", "degraded", 40.0),
        ("+" * 13 + "-----", "failed", 27.8),
        ("+" * 9 + "-", "degraded", 10.0),
        ("+" * 10 + "-", "healthy", 9.1),
        ("+++~~~~", "healthy", 0.0),
    ],
)
def test_health_by_the_last_day(database_url: str, outcomes: str, expected: str, rate: float) -> None:
    """By error rate, by the last five; fewer than three are healthy, cancelled ones do not count."""
    write(database_url, *runs(1, outcomes, NOON - 23 * HOUR), ended(900, status="error", at=NOON - 25 * HOUR))
    found = health(database_url)
    assert (found["health"], found["error_rate"]) == (expected, rate)
    assert found["n"] == len(outcomes.replace("~", ""))


def test_health_by_duration(database_url: str) -> None:
    """Degraded when more than twice as slow as in the week."""
    week = [ended(number, at=NOON - 3 * DAY, ms=100) for number in range(1, 9)]
    write(database_url, *week, *(ended(number, at=NOON - HOUR, ms=200) for number in (20, 21, 22)))
    assert health(database_url) == {
        "health": "healthy", "n": 3, "error_rate": 0.0, "p50_duration": 200, "p50_7d": 100,
    }  # fmt: skip
    write(database_url, *(ended(number, at=NOON - HOUR, ms=201) for number in (30, 31, 32, 33)))
    assert health(database_url)["health"] == "degraded"


def test_health_of_an_agent_that_rests(database_url: str) -> None:
    """By its last twenty, however long ago, where the last day has none."""
    write(database_url, *runs(1, "-" * 5 + "+" * 20, NOON - 60 * DAY))
    assert health(database_url) == {
        "health": "healthy", "n": 20, "error_rate": 0.0, "p50_duration": 1000, "p50_7d": None,
    }  # fmt: skip
