"""The JSON document of an execution, member for member as the requirements have it, made from the ledger."""

import datetime as dt
from typing import Any, Final

from tests.history.answers.run import Run

Document = dict[str, Any]

_LABELS: Final = ("completeness", "accuracy", "efficiency", "adherence_to_standards")
_OF_ISSUES: Final = ("type", "description", "impact", "resolution", "prevention")


def document(run: Run) -> Document:
    """All of it; what the history never tells is null or empty."""
    entry = run.entry
    return {
        "execution_id": run.execution_id,
        "session_id": entry["session_id"],
        "timestamp_start": _iso(entry["started_ns"]),
        "timestamp_end": _iso(entry["ended_ns"]),
        "duration_ms": run.duration,
        "main_agent_context": {
            "user_request": entry["prompt"],
            "main_agent_reasoning": None,
            "expected_outcome": entry["expected_outcome"],
            "risk_assessment": None,
        },
        "agent_metadata": {
            "name": run.agent,
            "version": entry["version"],
            "tools_available": [],
            "configuration": None,
        },
        "delegation": {
            "prompt_sent": entry["prompt"],
            "prompt_length": len(entry["prompt"]) if entry["prompt"] is not None else None,
            "context_provided": None,
            "instructions": None,
        },
        "execution": {
            "actions_taken": [_action(step) for step in entry["steps"]],
            "real_time_status": _stage(entry["progress"]),
            "resource_usage": None,
        },
        "output": {
            "raw_response": None,
            "structured_data": None,
            "files_modified": entry["files_modified"],
            "commands_executed": entry["commands"],
            "api_calls_made": entry["api_calls"],
        },
        "verification": _verification(run.verdict or {}),
        "quality_metrics": {name: run.labels.get(name) for name in _LABELS},
        "issues": [{name: issue[name] for name in _OF_ISSUES} for issue in _told(entry["issues"])],
        "learning": _learning(_told(entry["learning"])),
    }


def _action(step: dict[str, Any]) -> Document:
    return {
        "sequence": step["sequence"],
        "tool": step.get("tool") or step.get("model"),
        "action": step.get("action"),
        "input": step.get("input"),
        "output": None,
        "timestamp": _iso(step["started_ns"]),
        "success": step["success"],
        "error": step.get("error_message"),
    }


def _stage(progress: list[dict[str, Any]]) -> str | None:
    return f"{progress[-1]['stage']}, {progress[-1]['percent']:g} %" if progress else None


def _verification(verdict: dict[str, Any]) -> Document:
    return {
        "status": verdict.get("status"),
        "expected_vs_actual": verdict.get("expected_vs_actual"),
        "success_criteria_met": verdict.get("criteria_met") or [],
        "success_criteria_failed": verdict.get("criteria_failed") or [],
        "confidence_score": verdict.get("confidence"),
        "manual_verification_required": verdict.get("manual"),
    }


def _learning(told: list[dict[str, Any]]) -> Document:
    return {
        "insights_gained": [text for one in told for text in one["insights"]],
        "process_improvements": [text for one in told for text in one["improvements"]],
        "agent_performance": _last(told, "performance"),
        "recommendation_for_future": _last(told, "recommendation"),
    }


def _last(told: list[dict[str, Any]], name: str) -> str | None:
    return next((one[name] for one in reversed(told) if one[name] is not None), None)


def _told(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(notes, key=lambda note: (note["at_ns"], note["note_id"]))


def _iso(ns: int | None) -> str | None:
    """UTC, whole milliseconds."""
    if ns is None:
        return None
    at = dt.datetime.fromtimestamp(ns // 10**9, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ns % 10**9 // 10**6:03d}Z"
