"""Secrets of the hook's environment are nowhere: not in the spool, not in state files, not in what was sent or said."""

import json
import os
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.claude.recorded import Recorded
from tests.fixtures.sink import Sink
from tests.hook.standard_input import Hook
from tests.hook.test_hook_process import Command
from tests.hook.test_hostile_payloads import payload

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-s3cr3t-0123456789",
    "CLAUDE_CODE_MESSAGING_TOKEN": 's3cr3t/with"quotes\\and\tblanks é',
    "GITHUB_TOKEN": "ghp_s3cr3tghp_s3cr3t",
    "NPM_AUTH": "ghp_s3cr3tghp_s3cr3t-and-more-s3cr3t",
    "DB_PASS": "s3cr3t-pass",
    "MYSQL_PWD": "s3cr3t-pwd",
    "PGPASSWORD": "s3cr3t-pg",
    "DATABASE_URL": "postgres://me:s3cr3t-in-an-address@db.example:5432/app",
    "PRIVATE_PEM": "-----BEGIN-----\ns3cr3t\n-----END-----",
}
MARK = "s3cr3t"
EVENTS = (
    *("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "SubagentStart", "PostToolUseFailure"),
    *("PermissionDenied", "PostToolBatch", "SubagentStop", "PreCompact", "PostCompact", "StopFailure", "SessionEnd"),
)


def spellings(secret: str) -> str:
    """The secret as a tool may print it: as it is, as JSON, as JSON in JSON."""
    as_json = json.dumps(secret, ensure_ascii=False)
    return f"{secret} {as_json} {json.dumps({'x': as_json}, ensure_ascii=False)}"


def telling(event: str, folder: Path, words: str) -> dict[str, Any]:
    """A payload that has the words in every field that is text."""
    call = {"tool_name": "Write", "tool_input": {"file_path": f"/x/{words}", words: [words]}, "tool_response": words}
    texts = dict.fromkeys(
        ("prompt", "last_assistant_message", "error", "error_details", "compact_summary", "trigger", "source"), words
    )
    more = {**texts, "tool_input": {"command": words, "description": words}, "tool_response": {"stdout": words}}
    return {**payload(event, folder), **more, "effort": {"level": words}, "tool_calls": [{**call, "tool_use_id": "t"}]}


def everything(folder: Path) -> list[str]:
    """Names and contents of all files below."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) + path.read_bytes().decode(errors="replace") for path in paths]


@pytest.mark.parametrize("event", EVENTS)
def test_in_everything_that_a_hook_is_told(sink: Sink, tmp_path: Path, nowhere: str, event: str) -> None:
    """In prompts, inputs, outputs, errors, however it is spelled there; kept, sent and said."""
    words = " ".join(spellings(value) for name, value in SECRETS.items() if name != "DATABASE_URL")
    words += " s3cr3t-in-an-address"
    for endpoint in (sink.endpoint, nowhere):
        command = Command(endpoint, tmp_path / "home")
        told = json.dumps(telling(event, tmp_path, words), ensure_ascii=False).encode()
        assert MARK not in command.give(told, more=SECRETS)
    kept = everything(tmp_path / "home")
    assert kept
    assert not [text for text in kept if MARK in text]
    assert not [each for each in sink.seen if MARK.encode() in each.body]
    assert sink.seen or event == "PreToolUse"


def test_in_names_of_files_and_ids(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the agent works, what its files are called."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    secret = SECRETS["GITHUB_TOKEN"]
    begin = payload("UserPromptSubmit", tmp_path / secret, transcript_path=f"/x/{secret}.jsonl", agent_type=secret)
    for event in ("SessionStart", "UserPromptSubmit", "PreToolUse", "SubagentStart", "Stop", "SessionEnd"):
        hook.tell({**begin, "hook_event_name": event, "tool_use_id": secret})
    assert not [text for text in everything(tmp_path / "home") if MARK in text]


def test_in_the_transcripts_error(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API answered may repeat the key."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "transcript.jsonl"
    path.touch()
    begin = payload("UserPromptSubmit", tmp_path, transcript_path=str(path))
    hook.tell(begin)
    texts = [spellings(value) for name, value in SECRETS.items() if name != "DATABASE_URL"]
    line = {"type": "assistant", "isApiErrorMessage": True, "error": "auth", "timestamp": "2126-01-01T00:00:00.000Z"}
    path.write_text(json.dumps({**line, "message": {"content": [{"type": "text", "text": " ".join(texts)}]}}) + "\n")
    hook.tell({**begin, "hook_event_name": "SessionEnd"})
    kept = everything(tmp_path / "home")
    assert any("invalid" in text or '"auth"' in text for text in kept)
    assert not [text for text in kept if MARK in text]


def test_in_an_agents_definition(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has written it into the file."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / ".claude" / "agents"
    folder.mkdir(parents=True)
    secret = SECRETS["ANTHROPIC_API_KEY"]
    (folder / "general-purpose.md").write_text(f"---\nenv: {secret}\ntools: {secret}\n---\nSay {secret}.\n")
    hook.tell(payload("SubagentStart", tmp_path))
    kept = everything(tmp_path / "home")
    assert any("Say [ANTHROPIC_API_KEY]." in text for text in kept)
    assert not [text for text in kept if MARK in text]


def test_the_environment_is_not_kept(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what is no secret."""
    monkeypatch.setenv("SOMETHING_ELSE", "v4lue-of-a-variable")
    for told in Recorded("2.1.330", "tool").payloads(tmp_path):
        hook.tell(dict(told.payload))
    assert not [text for text in everything(tmp_path / "home") if "v4lue-of-a-variable" in text]


@pytest.mark.parametrize("spelled", ["hex", "url", "halves", "short"])
def test_what_slips_through(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    """Encoded otherwise, cut into pieces, or shorter than eight characters: the recipe says so, and this is why."""
    secret = "s3cr3t+s3cr3t/s3cr3t"
    monkeypatch.setenv("GITHUB_TOKEN", "s3cr3t" if spelled == "short" else secret)
    words = {
        "hex": os.fsencode(secret).hex(),
        "url": urllib.parse.quote_plus(secret),
        "halves": f"{secret[:10]}\n{secret[10:]}",
        "short": "s3cr3t",
    }[spelled]
    hook.tell(payload("PostToolUse", tmp_path, tool_response={"stdout": words}))
    assert [text for text in everything(tmp_path / "home") if words.partition("\n")[0] in text]


@pytest.mark.parametrize("name", ["GIT_AUTHOR_NAME", "XAUTHORITY", "KEYBOARD_LAYOUT", "PWD", "PASSENGER_ROOT"])
def test_what_is_no_secret_is_kept(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A name that only looks like one of a secret costs nobody the words of its value."""
    monkeypatch.setenv(name, "v4lue-of-a-variable")
    hook.tell(payload("PostToolUse", tmp_path, tool_response={"stdout": "v4lue-of-a-variable"}))
    assert [text for text in everything(tmp_path / "home") if "v4lue-of-a-variable" in text]
