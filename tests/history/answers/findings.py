"""Answers to the audit questions about how executions went. Rows are dicts with the names of the views' columns."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, Final

from tests.history.answers.figures import last, percent
from tests.history.answers.history import Asked, History, counted
from tests.history.answers.pattern import error_pattern
from tests.history.answers.run import Run

Row = dict[str, Any]

SLOW_MS: Final = 300_000


def slow(history: History, asked: Asked, longer_than: int = SLOW_MS) -> list[Row]:
    """Slower than so many ms, the slowest first."""
    found = [run for run in history.within(asked) if run.duration is not None and run.duration > longer_than]
    found.sort(key=lambda run: (-(run.duration or 0), run.execution_id))
    return [
        _row(run, duration_ms=run.duration, status=run.status, description=run.entry["description"]) for run in found
    ]


def failures(history: History, asked: Asked) -> list[Row]:
    """Each execution that failed."""
    return [
        _row(
            run,
            status=run.status,
            error_type=run.entry["error_type"],
            pattern=error_pattern(run.entry["error_message"]),
            error_message=run.entry["error_message"],
        )
        for run in history.within(asked)
        if run.failed
    ]


def failure_patterns(history: History, asked: Asked) -> list[Row]:
    """How often each agent failed in which way, the most frequent first."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in failures(history, asked):
        groups[row["agent_name"], row["status"], row["error_type"], row["pattern"]].append(row)
    ends = Counter(run.agent for run in counted(history.within(asked)))
    rows = [_pattern(key, group, ends[key[0]]) for key, group in groups.items()]
    return sorted(rows, key=_by_frequency)


def _pattern(key: tuple[Any, ...], group: list[Row], ends: int) -> Row:
    agent, status, error_type, pattern = key
    newest = max(group, key=lambda row: (row["started_at"], row["execution_id"]))
    return {
        "agent_name": agent,
        "status": status,
        "error_type": error_type,
        "pattern": pattern,
        "count": len(group),
        "percent": percent(len(group), ends),
        "first_at": min(row["started_at"] for row in group),
        "last_at": newest["started_at"],
        "example": newest["execution_id"],
    }


def _by_frequency(row: Row) -> tuple[Any, ...]:
    texts = (last(row[name]) for name in ("agent_name", "error_type", "pattern", "status"))
    return -row["count"], *texts


def verdicts(history: History, asked: Asked) -> list[Row]:
    """Whose current verdict is ERROR or MISMATCH."""
    rows = []
    for run in history.within(asked):
        verdict = run.verdict
        if verdict is not None and verdict["status"] in ("ERROR", "MISMATCH"):
            rows.append(_row(run, status=run.status, verification_status=verdict["status"], **_judged(verdict)))
    return rows


def refuted(history: History, asked: Asked) -> list[Row]:
    """Who claims success, but whose current verdict is MISMATCH."""
    rows = []
    for run in history.within(asked):
        verdict = run.verdict
        if run.status == "success" and verdict is not None and verdict["status"] == "MISMATCH":
            expected = run.entry["expected_outcome"]
            rows.append(_row(run, completed_at=run.ended, expected_outcome=expected, **_judged(verdict)))
    return rows


def _judged(verdict: dict[str, Any]) -> Row:
    return {
        "expected_vs_actual": verdict["expected_vs_actual"],
        "success_criteria_failed": verdict["criteria_failed"],
        "confidence_score": verdict["confidence"],
        "verified_at": verdict["at_ns"] // 1000,
        "verified_by": verdict["by"],
    }


def criteria(history: History, asked: Asked) -> list[Row]:
    """Whose success criteria are others than at the start."""
    return [
        _row(
            run,
            success_criteria_at_start=run.entry["criteria_start"],
            criteria_added=run.criteria_added,
            criteria_dropped=run.criteria_dropped,
        )
        for run in history.within(asked)
        if run.criteria_changed
    ]


def quality_low(history: History, asked: Asked) -> list[Row]:
    """Incomplete or inaccurate."""
    return _by_quality(history, asked, lambda labels: "LOW" in (labels.get("completeness"), labels.get("accuracy")))


def quality_high(history: History, asked: Asked) -> list[Row]:
    """Complete, accurate and efficient."""
    return _by_quality(
        history,
        asked,
        lambda labels: all(labels.get(name) == "HIGH" for name in ("completeness", "accuracy", "efficiency")),
    )


def _by_quality(history: History, asked: Asked, wanted: Callable[[dict[str, str]], bool]) -> list[Row]:
    names = ("completeness", "accuracy", "efficiency", "adherence_to_standards")
    return [
        _row(run, **{name: run.labels.get(name) for name in names}, quality_score=run.score)
        for run in history.within(asked)
        if wanted(run.labels)
    ]


def _row(run: Run, **more: Any) -> Row:
    return {"execution_id": run.execution_id, "agent_name": run.agent, "started_at": run.started, **more}
