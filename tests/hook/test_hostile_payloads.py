"""Payloads as no CLI sends them: every field of another type, of another size, with another meaning."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent_otel.shell.claude_code import told
from tests.hook import rows
from tests.hook.standard_input import MARK, Hook, assert_not_broken


def _deep(levels: int) -> Any:
    value: Any = MARK
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


HOSTILE: dict[str, Any] = {
    "null": None, "true": True, "int": 7, "negative": -(10**30), "huge": 10**300, "float": 1.5, "list": [MARK, 1],
    "object": {MARK: [MARK, {}]}, "empty": "", "path up": f"../../../{MARK}", "long": MARK * 20_000, "nul": f"{MARK}\0",
    "surrogate": f"{MARK}\ud800", "nil": str(uuid.UUID(int=0)), "root": "/", "roots": "//", "device": "/dev/zero",
    "folder": "/", "newlines": f"{MARK}\n\r\u2028", "deep": _deep(400), "quotes": f'"\\{MARK}',
    "many levels": "/a" * 20_000, "markup": f"<task-notification><task-id>{MARK}", "infinite": float("1e999"),
    "infinite inside": {MARK: float("1e999")}, "long number": 10**4_000,
}  # fmt: skip
#: What an event is found by: each alone is hostile; of what else it says, all at once.
IDS = ("session_id", "prompt_id", "agent_id", "agent_type", "cwd", "transcript_path", "tool_use_id")
WORDS = (
    *("tool_name", "tool_input", "tool_response", "tool_calls", "duration_ms", "error", "is_interrupt", "source"),
    *("prompt", "last_assistant_message", "effort", "permission_mode", "trigger", "compact_summary", "error_details"),
    "reason",
)
#: Each call of these leaves at least one record.
TELLING = ("UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "PermissionDenied", "SubagentStart", "StopFailure")


def payload(event: str, project: Path, **more: Any) -> dict[str, Any]:
    """A payload with all fields that any event has."""
    call = {"tool_name": "Bash", "tool_input": {"command": "true"}, "tool_use_id": f"toolu_{uuid.uuid4().hex}"}
    session = str(uuid.uuid4())
    return {
        "hook_event_name": event, "session_id": session, "prompt_id": str(uuid.uuid4()), "cwd": str(project),
        "transcript_path": str(project / f"{session}.jsonl"), **call, "tool_response": {"stdout": "x", "agentId": "a1"},
        "duration_ms": 3, "error": "Exit code 3", "prompt": "do it", "last_assistant_message": "done",
        "tool_calls": [{**call, "tool_response": "fine"}], "source": "startup", "reason": "other", "trigger": "manual",
        **({"agent_id": "a0f2be478d29046fe", "agent_type": "general-purpose"} if "Subagent" in event else {}), **more,
    }  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("event", told.HANDLERS)
def test_a_hostile_value_in_any_field(hook: Hook, tmp_path: Path, spool: Path, event: str, name: str) -> None:
    """It is taken for what can be made of it, and costs nothing else."""
    changes = [*({field: HOSTILE[name]} for field in IDS), dict.fromkeys(WORDS, HOSTILE[name])]
    for change in changes:
        text = json.dumps(payload(event, tmp_path, **change)).replace("Infinity", "1e999")
        assert_not_broken(hook.give(text.encode()))
    assert {path.name for path in tmp_path.iterdir()} <= {"stdin", "home"}
    if event in TELLING:
        assert len(list(rows.records(spool))) >= len(changes)


@pytest.mark.parametrize("levels", [100, 500, 900, *range(940, 1000, 3), 2_000, 100_000])
def test_deep_nesting(hook: Hook, tmp_path: Path, spool: Path, levels: int) -> None:
    """The step is kept, or that something was told that cannot be read."""
    depth = "[" * levels + "]" * levels
    text = json.dumps(payload("PostToolUse", tmp_path, tool_input={"command": "DEPTH"})).replace('"DEPTH"', depth)
    assert_not_broken(hook.give(text.encode()))
    assert len(list(rows.records(spool))) == 1
