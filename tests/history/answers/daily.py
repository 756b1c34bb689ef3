"""The daily report, reckoned from the ledger."""

import datetime as dt
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from tests.history.answers.figures import (
    FAILED,
    NONE,
    STATUSES,
    last,
    mean,
    percentile,
    spelled,
    success_rate,
    whole_mean,
)
from tests.history.answers.history import Asked, History, counted
from tests.history.answers.pattern import error_pattern
from tests.history.answers.run import Run

Report = dict[str, Any]

_LABELS: Final = ("HIGH", "MEDIUM", "LOW")
_TOP: Final = 10
_ENOUGH, _POOR = 3, 80
_KINDS: Final = ("said", "prevention", "success_rate", "refuted")


def day_of(day: dt.date, zone: str) -> Asked:
    """The period that is a day in a time zone, which may last 23 or 25 hours."""
    midnight = dt.time(tzinfo=zoneinfo.ZoneInfo(zone))
    since, until = (dt.datetime.combine(each, midnight) for each in (day, day + dt.timedelta(days=1)))
    return Asked(round(since.timestamp()) * 10**6, round(until.timestamp()) * 10**6)


def report_daily(
    history: History, day: dt.date, zone: str = "UTC", *, roots_only: bool = False, project: str | None = None
) -> Report:
    """The report of a day. Texts that only say a figure in a sentence are left out (`opportunity` of agents)."""
    asked = day_of(day, zone)
    runs = [run for run in history.within(asked) if not (roots_only and run.entry["parent_execution_id"])]
    runs = [run for run in runs if project is None or run.entry["project"] == project]
    durations = [run.duration for run in runs if run.duration is not None]
    return {
        "total_executions": len(runs),
        "success_rate": success_rate(run.status for run in runs),
        "average_duration": whole_mean(durations),
        "agents_used": _agents(runs),
        "quality_scores": _quality(runs),
        "top_issues": _issues(runs),
        "improvement_opportunities": _opportunities(runs),
        "more": {
            "since": asked.since,
            "until": asked.until,
            "tz": zone,
            "by_status": by_status(runs),
            "verification": _verification(runs),
            "input_tokens": sum(run.entry["input_tokens"] or 0 for run in runs),
            "output_tokens": sum(run.entry["output_tokens"] or 0 for run in runs),
            "total_tokens": sum(run.tokens for run in runs),
            "cost_usd": cost(runs),
            "p50_duration": percentile(durations, 0.5),
            "p95_duration": percentile(durations, 0.95),
        },
    }


def by_status(runs: Iterable[Run]) -> dict[str, int]:
    """How many have each status."""
    found = Counter(run.status for run in runs)
    return {status: found[status] for status in STATUSES}


def cost(runs: Iterable[Run]) -> float:
    """What they cost together, US dollars."""
    return float(sum((spelled(run.entry["cost_usd"] or 0.0) for run in runs), Decimal()))


def agent_of(run: Run) -> str:
    """The agent, also where none is named."""
    return run.agent or NONE


def by_agent(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Executions of each agent."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[agent_of(run)].append(run)
    return groups


def _agents(runs: list[Run]) -> list[Report]:
    rows = [
        {
            "agent": agent,
            "executions": len(own),
            "success_rate": success_rate(run.status for run in own),
            "average_duration": whole_mean([run.duration for run in own if run.duration is not None]),
            "total_tokens": sum(run.tokens for run in own),
            "cost_usd": cost(own),
        }
        for agent, own in by_agent(runs).items()
    ]
    return sorted(rows, key=lambda row: (-row["executions"], row["agent"]))


def _quality(runs: list[Run]) -> Report:
    scores = [run.score for run in runs if run.score is not None]
    labels = {
        name: {label: sum(run.labels.get(name) == label for run in runs) for label in _LABELS}
        for name in ("completeness", "accuracy", "efficiency")
    }
    return {
        "average": mean(scores, 3),
        "scored": len(scores),
        "high": sum(score >= 0.8 for score in scores),
        "medium": sum(0.5 <= score < 0.8 for score in scores),
        "low": sum(score < 0.5 for score in scores),
        **labels,
    }


def _verification(runs: list[Run]) -> dict[str, int]:
    found = Counter(run.verdict["status"] if run.verdict else "unverified" for run in runs)
    return {status: found[status] for status in ("MATCH", "PARTIAL", "MISMATCH", "ERROR", "unverified")}


def _issues(runs: list[Run]) -> list[Report]:
    """Issues that were noted, and failures by what went wrong."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        for issue in run.entry["issues"]:
            groups[issue["type"], issue["description"]].append(run)
        if run.failed:
            groups["ERROR", _failure(run)].append(run)
    rows = []
    for (kind, text), group in groups.items():
        newest = max(group, key=lambda run: (run.started, run.execution_id))
        agents = sorted({agent_of(run) for run in group})
        found: Report = {
            "issue": text,
            "type": kind,
            "count": len(group),
            "agents": agents,
            "example": newest.execution_id,
        }
        rows.append(found)
    return sorted(rows, key=lambda row: (-row["count"], row["type"], row["issue"]))[:_TOP]


def _failure(run: Run) -> str:
    parts = (run.entry["error_type"], error_pattern(run.entry["error_message"]))
    return ": ".join(part for part in parts if part is not None) or run.status


def _opportunities(runs: list[Run]) -> list[Report]:
    said = Counter(text for run in runs for one in run.entry["learning"] for text in one["improvements"])
    prevented = Counter(one["prevention"] for run in runs for one in run.entry["issues"] if one["prevention"])
    rows = [_opportunity("said", count, None, text) for text, count in said.items()]
    rows += [_opportunity("prevention", count, None, text) for text, count in prevented.items()]
    for agent, own in by_agent(runs).items():
        rate = success_rate(run.status for run in own)
        if rate is not None and len(counted(own)) >= _ENOUGH and rate < _POOR:
            rows.append(_opportunity("success_rate", sum(run.status in FAILED for run in own), agent))
        if refuted := sum(is_refuted(run) for run in own):
            rows.append(_opportunity("refuted", refuted, agent))
    return sorted(rows, key=_by_kind)


def _by_kind(row: Report) -> tuple[Any, ...]:
    return _KINDS.index(row["kind"]), -row["count"], row.get("opportunity", ""), last(row["agent"])


def _opportunity(kind: str, count: int, agent: str | None, text: str | None = None) -> Report:
    found: Report = {"kind": kind, "count": count, "agent": agent}
    return found if text is None else {"opportunity": text, **found}


def is_refuted(run: Run) -> bool:
    """Whether it claims success against its verdict."""
    return run.status == "success" and run.verdict is not None and run.verdict["status"] == "MISMATCH"
