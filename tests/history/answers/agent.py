"""The report about an agent and its health, reckoned from the ledger."""

from collections import Counter
from typing import Any, Final

from tests.history.answers.daily import agent_of, by_status, cost, is_refuted
from tests.history.answers.figures import mean, percent, percentile, success_rate, whole_mean
from tests.history.answers.findings import failure_patterns
from tests.history.answers.history import Asked, History, counted
from tests.history.answers.run import Run

Report = dict[str, Any]

_TOP: Final = 10
_ENOUGH: Final = 3
_POINTS: Final = 5.0
_SLOWER, _FASTER = 1.2, 0.8
_DAY: Final = 86_400 * 10**6
_LAST, _LAST_ENDED = 5, 20


def report_agent(history: History, agent: str, asked: Asked) -> Report:
    """The report of an agent. Recommendations that say a figure in a sentence have no text."""
    runs = [run for run in history.within(asked._replace(agent=None)) if agent_of(run) == agent]
    durations = _durations(runs)
    modes = _modes(history, agent, asked)
    trend = _trend(runs, asked)
    return {
        "execution_count": len(runs),
        "success_rate": success_rate(run.status for run in runs),
        "average_quality_score": mean(_scores(runs), 3),
        "common_failure_modes": modes,
        "performance_trend": trend,
        "recommendations": _recommendations(runs, modes, trend, asked),
        "more": {
            "agent": agent,
            "since": asked.since,
            "until": asked.until,
            "health": agent_health(history, agent, asked.until),
            "by_status": by_status(runs),
            "average_duration": whole_mean(durations),
            "p95_duration": percentile(durations, 0.95),
            "total_tokens": sum(run.tokens for run in runs),
            "cost_usd": cost(runs),
            "refuted": sum(map(is_refuted, runs)),
            "versions": sorted({run.entry["version"] for run in runs}),
        },
    }


def _durations(runs: list[Run]) -> list[int]:
    return [run.duration for run in runs if run.duration is not None]


def _scores(runs: list[Run]) -> list[float]:
    return [run.score for run in runs if run.score is not None]


def _modes(history: History, agent: str, asked: Asked) -> list[Report]:
    names = ("status", "error_type", "pattern", "count", "percent", "last_at", "example")
    rows = failure_patterns(history, asked._replace(agent=None))
    own = [row for row in rows if (row["agent_name"] or "(none)") == agent]
    return [{name: row[name] for name in names} for row in own][:_TOP]


def _trend(runs: list[Run], asked: Asked) -> Report:
    middle = asked.since + (asked.until - asked.since) // 2
    halves = [[run for run in runs if run.started < middle], [run for run in runs if run.started >= middle]]
    rates = [success_rate(run.status for run in half) for half in halves]
    medians = [percentile(_durations(half), 0.5) for half in halves]
    enough = all(len(counted(half)) >= _ENOUGH for half in halves)
    return {
        "direction": _direction(rates, medians) if enough else "unknown",
        "success_rate": dict(zip(("first", "second"), rates, strict=True)),
        "p50_duration": dict(zip(("first", "second"), medians, strict=True)),
        "quality": dict(zip(("first", "second"), [mean(_scores(half), 3) for half in halves], strict=True)),
    }


def _direction(rates: list[float | None], medians: list[int | None]) -> str:
    first, second = rates
    assert first is not None
    assert second is not None
    if abs(second - first) >= _POINTS:
        return "improving" if second > first else "degrading"
    before, after = medians
    if before is not None and after is not None:
        if after > _SLOWER * before:
            return "degrading"
        if after < _FASTER * before:
            return "improving"
    return "stable"


def _recommendations(runs: list[Run], modes: list[Report], trend: Report, asked: Asked) -> list[Report]:
    told = (one["recommendation"] for run in runs for one in run.entry["learning"])
    said = Counter(text for text in told if text)
    rows: list[Report] = [
        {"recommendation": text, "kind": "said", "count": count}
        for text, count in sorted(said.items(), key=lambda item: (-item[1], item[0]))
    ]
    rows += [{"kind": "failure_mode", "count": mode["count"]} for mode in modes if mode["count"] >= 2]
    if trend["direction"] == "degrading":
        middle = asked.since + (asked.until - asked.since) // 2
        rows.append({"kind": "trend", "count": len(counted(run for run in runs if run.started >= middle))})
    return rows


def agent_health(history: History, agent: str, at: int) -> Report:
    """How an agent does at a moment (µs)."""
    known = [run for run in counted(history.runs) if agent_of(run) == agent and run.started <= at]
    recent = [run for run in known if run.started > at - _DAY] or known[:_LAST_ENDED]
    week = percentile(_durations([run for run in known if run.started > at - 7 * _DAY]), 0.5)
    median = percentile(_durations(recent), 0.5)
    failed = sum(run.failed for run in recent)
    return {
        "health": _health(recent, median, week),
        "n": len(recent),
        "error_rate": percent(failed, len(recent)),
        "p50_duration": median,
        "p50_7d": week,
    }


def _health(recent: list[Run], median: int | None, week: int | None) -> str:
    """`recent` begins with the newest."""
    if len(recent) < _ENOUGH:
        return "healthy"
    rate = 100 * sum(run.failed for run in recent) / len(recent)
    none_of_last = len(recent) >= _LAST and not any(run.status == "success" for run in recent[:_LAST])
    if none_of_last or rate >= 50:
        return "failed"
    slow = median is not None and week is not None and median > 2 * week
    return "degraded" if rate >= 10 or slow else "healthy"
