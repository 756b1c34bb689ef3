"""The end of a prompt: sent once, and not before its transcript is complete."""

import json
import os
import time
from pathlib import Path

import pytest

from agent_otel import semconv as s
from agent_otel.settings import load
from agent_otel.shell.claude_code import stop, sweep
from tests.hook.rows import records
from tests.hook.standard_input import Hook
from tests.hook.test_hostile_payloads import payload


def completed(spool: Path) -> list[str]:
    """The completion events that wait for delivery, as text."""
    return [text for record in records(spool) if f'"{s.EVENT_COMPLETED}"' in (text := record.payload.decode())]


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    """One that has the prompt and not yet the answer."""
    path = tmp_path / "transcript.jsonl"
    path.write_text(json.dumps({"type": "user", "message": {"role": "user", "content": "p"}}) + "\n")
    return path


def test_an_end_that_is_told_again_is_one_event(hook: Hook, spool: Path, tmp_path: Path) -> None:
    """At once, and when it was sent long ago; another answer is another end."""
    prompt = payload("UserPromptSubmit", tmp_path)
    hook.tell(prompt)
    for answer in ("done", "done", "done after all", "done"):
        hook.tell({**prompt, "hook_event_name": "Stop", "last_assistant_message": answer})
    assert len(completed(spool)) == 2


def test_nobody_sends_an_end_that_is_waited_for(
    hook: Hook, spool: Path, tmp_path: Path, transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither another session nor the stack, while the process in the background may live; then they do."""
    monkeypatch.setattr(os, "fork", lambda: 1)  # we are the hook, and what is in the background has not begun
    prompt = payload("UserPromptSubmit", tmp_path, transcript_path=str(transcript), last_assistant_message="done")
    for event in ("UserPromptSubmit", "Stop"):
        hook.tell({**prompt, "hook_event_name": event})
    sweep.all_gone(load())
    assert completed(spool) == []
    late = time.time_ns() + int(3 * stop.WAIT_SECONDS * 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: late)
    sweep.all_gone(load())
    assert len(completed(spool)) == 1
