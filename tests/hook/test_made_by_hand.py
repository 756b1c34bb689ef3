"""Events that the CLI cannot be made to send headless: their payloads are MADE BY HAND, after its documentation."""

import os
import uuid
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from agent_otel.store.connection import connect
from tests.hook import rows
from tests.hook.standard_input import Hook, assert_not_broken
from tests.hook.test_hostile_payloads import payload

_STEPS = "SELECT tool, success, error_type, error_message, action FROM agent_execution_steps"
_DEEDS = "SELECT api_calls, files_modified, commands_executed FROM agent_executions"


def told(hook: Hook, spool: Path, url: str, folder: Path, event: str, **more: Any) -> tuple[list[Any], dict[str, Any]]:
    """The steps and the deeds of a prompt with one call, of which this event tells the end; all told twice."""
    begin = payload("UserPromptSubmit", folder, **more)
    for name in ("UserPromptSubmit", "PreToolUse", event, "PostToolBatch", "Stop"):
        calls = [{**begin, "tool_response": "whatever the model was told"}]
        for _ in range(2):
            assert_not_broken(hook.tell({**begin, "hook_event_name": name, "tool_calls": calls}))
    rows.store(url, spool)
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        steps = cursor.execute(_STEPS).fetchall()
        (deeds,) = cursor.execute(_DEEDS).fetchall()
    return steps, deeds


def test_permission_denied(hook: Hook, spool: Path, tmp_path: Path, database_url: str) -> None:
    """MADE BY HAND: fires in auto mode only. A step that did not succeed, with the reason; nothing was done."""
    steps, deeds = told(hook, spool, database_url, tmp_path, "PermissionDenied", reason="too dangerous")
    (step,) = steps
    assert (step["tool"], step["success"], step["error_type"]) == ("Bash", False, "permission_denied")
    assert step["error_message"] == "too dangerous"
    assert not deeds["commands_executed"]


def test_an_interrupted_tool(hook: Hook, spool: Path, tmp_path: Path, database_url: str) -> None:
    """MADE BY HAND: the user pressed Escape in an interactive session."""
    steps, deeds = told(hook, spool, database_url, tmp_path, "PostToolUseFailure", is_interrupt=True, error="stopped")
    (step,) = steps
    assert (step["success"], step["error_type"], step["error_message"]) == (False, "interrupted", "stopped")
    assert not deeds["commands_executed"]


def test_web_fetch(hook: Hook, spool: Path, tmp_path: Path, database_url: str) -> None:
    """MADE BY HAND: what it fetched is an API call of the execution."""
    given = {"url": "https://example.org/page", "prompt": "sum it up"}
    steps, deeds = told(
        hook, spool, database_url, tmp_path, "PostToolUse", tool_name="WebFetch", tool_input=given, tool_response="fine"
    )
    (step,) = steps
    assert (step["tool"], step["success"], step["action"]) == ("WebFetch", True, given["url"])
    assert deeds["api_calls"] == [given["url"]]


def test_without_prompt_id(hook: Hook, spool: Path, tmp_path: Path, database_url: str) -> None:
    """MADE BY HAND: before 2.1.196 there was none; the session is one execution then."""
    steps, _ = told(hook, spool, database_url, tmp_path, "PostToolUse", prompt_id=None)
    assert [step["success"] for step in steps] == [True]


def test_what_is_past_its_time_goes_once_a_day(hook: Hook, tmp_path: Path) -> None:
    """Where nobody flushes and no stack runs, the first session of a day tidies up; the next does not look again."""
    folder = tmp_path / "home" / "state" / "executions"
    folder.mkdir(parents=True, mode=0o700)
    old = [folder / f"{uuid.uuid4()}.closed" for _ in range(2)]
    for number, path in enumerate(old):
        path.touch()
        os.utime(path, (0, 0))
        hook.tell(payload("SessionStart", tmp_path, session_id=str(uuid.uuid4()), source=f"startup {number}"))
    assert [path.exists() for path in old] == [False, True]
