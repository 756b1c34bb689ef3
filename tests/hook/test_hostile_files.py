"""What a payload's paths may lead to, what may stand in the state folder: nothing hangs, what can be kept is kept."""

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent_otel.shell.claude_code import transcript
from tests.hook import rows
from tests.hook.standard_input import MARK, Hook, assert_not_broken
from tests.hook.test_hostile_payloads import payload

ENDS = ("aotel.execution.started", "aotel.execution.completed")
_ANSWER: dict[str, Any] = {
    "type": "assistant",
    "timestamp": "2126-01-01T00:00:00.000Z",
    "requestId": "req_1",
    "message": {"model": "m", "usage": {"input_tokens": 3, "output_tokens": 4}, "content": "done"},
}


def told_events(spool: Path) -> list[dict[str, Any]]:
    """Name and attributes of each event that was kept."""
    found = []
    for record in rows.records(spool):
        for scope in json.loads(record.payload).get("scopeLogs", []):
            for each in scope["logRecords"]:
                pairs = {pair["key"]: next(iter(pair["value"].values())) for pair in each["attributes"]}
                found.append({"name": each["eventName"], **pairs})
    return found


def prompt(hook: Hook, path: Path | str, folder: Path, end: str = "Stop", **more: Any) -> None:
    """A prompt and its end, with this transcript."""
    begin = payload("UserPromptSubmit", folder, transcript_path=str(path), **more)
    assert_not_broken(hook.tell(begin))
    assert_not_broken(hook.tell({**begin, "hook_event_name": end}))


def requests(spool: Path) -> list[dict[str, Any]]:
    """What the transcript told the last execution that ended."""
    (*_, text) = [each["aotel.usage.requests"] for each in told_events(spool) if each["name"] == ENDS[1]]
    found: list[dict[str, Any]] = json.loads(text)
    return found


@pytest.mark.parametrize("kind", ["pipe", "folder", "/dev/zero", "/dev/tty", "/dev/stdin", "/proc/self/mem", "nothing"])
@pytest.mark.parametrize("end", ["Stop", "StopFailure", "SessionEnd"])
def test_a_transcript_that_is_no_file(hook: Hook, tmp_path: Path, spool: Path, kind: str, end: str) -> None:
    """The execution begins and ends, without tokens."""
    path = tmp_path / "transcript.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "nothing":
        path.symlink_to(kind)
    prompt(hook, path, tmp_path, end)
    assert {each["name"] for each in told_events(spool)} >= set(ENDS)
    assert requests(spool) == []


@pytest.mark.parametrize("kind", ["pipe", "folder", "/dev/zero", "/dev/tty", "long", "binary"])
def test_files_of_a_sub_agent_that_are_no_files(
    hook: Hook, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its transcript, the file beside that, its definition."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
    begin = payload("SubagentStart", tmp_path)
    below = tmp_path / begin["session_id"] / "subagents" / f"agent-{begin['agent_id']}"
    paths = [
        below.with_suffix(".jsonl"),
        below.with_suffix(".meta.json"),
        tmp_path / ".claude/agents/general-purpose.md",
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind in ("long", "binary"):
            path.write_bytes((b"x" if kind == "long" else b"---\n\0\xff: \xfe\n[") * 1_200_000)
        else:
            path.symlink_to(kind)
    assert_not_broken(hook.tell(begin))
    assert_not_broken(hook.tell({**begin, "hook_event_name": "SubagentStop"}))
    assert {each["name"] for each in told_events(spool)} >= set(ENDS)


def test_a_transcript_that_is_too_long(hook: Hook, tmp_path: Path, spool: Path) -> None:
    """It is not read."""
    path = tmp_path / "transcript.jsonl"
    path.touch()
    begin = payload("UserPromptSubmit", tmp_path, transcript_path=str(path))
    hook.tell(begin)
    with path.open("wb") as file:
        file.truncate(transcript.MAX_BYTES + 2**20)
        file.seek(0, os.SEEK_END)
        file.write(f"\n{json.dumps(_ANSWER)}\n".encode())
    assert_not_broken(hook.tell({**begin, "hook_event_name": "StopFailure"}))
    assert requests(spool) == []


def test_a_line_that_does_not_end_costs_no_memory(hook: Hook, tmp_path: Path, spool: Path) -> None:
    """A transcript that is one line, as long as may be read."""
    path = tmp_path / "transcript.jsonl"
    path.touch()
    begin = payload("UserPromptSubmit", tmp_path, transcript_path=str(path))
    hook.tell(begin)
    with path.open("wb") as file:
        file.truncate(transcript.MAX_BYTES - 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_not_broken(hook.tell({**begin, "hook_event_name": "StopFailure"}))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert requests(spool) == []


@pytest.mark.parametrize("end", ["StopFailure", "SessionEnd"])
def test_lines_that_are_damaged(hook: Hook, tmp_path: Path, spool: Path, end: str) -> None:
    """The others count; the last one is still being written."""
    path = tmp_path / "transcript.jsonl"
    path.touch()
    begin = payload("UserPromptSubmit", tmp_path, transcript_path=str(path))
    hook.tell(begin)
    whole = json.dumps(_ANSWER)
    messages: list[Any] = [None, [], {"usage": 5}, 7, "x"]
    times: list[Any] = [None, 5, [], {}]
    wrong = [{**_ANSWER, "requestId": "m", "message": each} for each in messages]
    wrong += [{**_ANSWER, "requestId": "t", "timestamp": each} for each in times]
    lines = [
        '"assistant"',
        "[" * 100_000 + '"assistant"',
        '{"type": "assistant"',
        '\0"assistant"',
        *map(json.dumps, wrong),
    ]
    path.write_text("\n".join([*lines, whole, whole.replace("req_1", "req_2")]), errors="surrogatepass")
    assert_not_broken(hook.tell({**begin, "hook_event_name": end}))
    found = requests(spool)
    assert [(each["id"], each["input"], each["output"]) for each in found if each["input"]] == [("req_1", 3, 4)]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[1]", b"\xff\0", b'{"session_id": 5}', b"[" * 100_000])
def test_damaged_state(hook: Hook, tmp_path: Path, spool: Path, content: bytes) -> None:
    """Every file of an open prompt is damaged: what comes next is told all the same."""
    begin = payload("UserPromptSubmit", tmp_path)
    hook.tell(begin)
    hook.tell({**begin, "hook_event_name": "PreToolUse"})
    state = spool.parent
    files = [path for name in ("claude_code", "executions") for path in (state / name).rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        path.write_bytes(content)
    for event in ("PostToolUse", "Stop", "UserPromptSubmit", "SessionEnd", "SessionStart"):
        assert_not_broken(hook.tell({**begin, "hook_event_name": event}))
    assert {each["name"] for each in told_events(spool)} >= {"session.start", "session.end"}


def test_what_is_no_folder_of_a_session(hook: Hook, tmp_path: Path, spool: Path) -> None:
    """Files, pipes and links among the sessions' folders."""
    sessions = spool.parent / "claude_code"
    sessions.mkdir(parents=True, mode=0o700)
    spool.parent.chmod(0o700)
    os.mkfifo(sessions / "pipe")
    (sessions / "file").write_text("x")
    (sessions / "link").symlink_to(tmp_path)
    (sessions / "folder").mkdir()
    os.mkfifo(sessions / "folder" / f"{MARK}.run")
    os.mkfifo(sessions / "folder" / f"{MARK}.call")
    assert_not_broken(hook.tell(payload("SessionStart", tmp_path)))
    assert [each["name"] for each in told_events(spool)] == ["session.start"]
    shutil.rmtree(sessions)
