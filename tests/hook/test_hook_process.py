"""The installed command on standard input, output and folders as no CLI gives them: exit code 0, nothing on stdout."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.small_disk import SmallDisk
from tests.fixtures.folder_tree import tree
from tests.fixtures.shell import AGENT_OTEL, environment
from tests.fixtures.sink import Sink
from tests.fixtures.users import needs_root
from tests.hook.standard_input import MARK
from tests.hook.test_hostile_payloads import payload

OTHER = 54_321
_S = 60
NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "no JSON": f"{MARK}".encode(),
    "half": f'{{"session_id": "{MARK}'.encode(),
    "array": f'["{MARK}"]'.encode(),
    "two": b"{}{}",
    "no UTF-8": b"\xff\xfe{}",
    "nothing in it": b"{}",
    "no session": f'{{"hook_event_name": "Stop", "session_id": ["{MARK}"]}}'.encode(),
    "deep": b"[" * 200_000,
    "long number": b'{"session_id": ' + b"9" * 10_000 + b"}",
    "NaN": b'{"hook_event_name": "Stop", "session_id": NaN}',
}


class Command:
    """Calls the command."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.environ = environment(endpoint, home, CLAUDE_CONFIG_DIR=str(home / "claude"))
        self.home = home

    def give(self, content: bytes, *, more: dict[str, str] | None = None, redirections: str = "") -> str:
        """What it said on stderr; exit code 0, nothing on stdout, in time."""
        command = ["/bin/sh", "-c", f'exec "$0" hook {redirections}', AGENT_OTEL]
        environ = {**self.environ, **(more or {})}
        done = subprocess.run(command, input=content, env=environ, capture_output=True, timeout=_S, check=False)
        assert (done.returncode, done.stdout) == (0, b"")
        assert MARK.encode() not in done.stderr
        assert len(done.stderr) < 600, done.stderr
        assert all(line.startswith("agent-otel hook: ") for line in done.stderr.decode().splitlines()), done.stderr
        return done.stderr.decode()

    def tell(self, told: dict[str, Any], **more: Any) -> str:
        """Give it a payload."""
        return self.give(json.dumps(told).encode(), **more)


@pytest.fixture
def command(sink: Sink, tmp_path: Path) -> Command:
    """With a receiver that answers."""
    return Command(sink.endpoint, tmp_path / "home")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 16 MiB."""
    needs_root()
    with SmallDisk(tmp_path / "disk", 16) as disk:
        yield disk


def names(sink: Sink) -> list[str]:
    """The events that arrived."""
    return [event["eventName"] for event in sink.events()]


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_payload(command: Command, sink: Sink, name: str) -> None:
    """It is said, and kept that a hook was called and told nothing that can be read."""
    assert "standard input is not what Claude Code gives its hooks" in command.give(NOT_JSON[name])
    assert names(sink) == ["aotel.hook.rejected"]


def test_a_payload_that_is_too_long(command: Command, sink: Sink) -> None:
    """More than 64 MiB is not read."""
    assert "longer than" in command.give(b'{"session_id": "' + b"x" * (64 * 1024**2) + b'"}')
    assert names(sink) == ["aotel.hook.rejected"]


def test_a_payload_that_is_almost_too_long(command: Command, sink: Sink, tmp_path: Path) -> None:
    """The step is there, or it is said that it is not."""
    told = payload("PostToolUse", tmp_path, tool_response={"stdout": "x" * (63 * 1024**2)})
    said = command.tell(told)
    assert said or any(received.path == "/v1/traces" for received in sink.accepted)


@pytest.mark.parametrize("event", ["MessageDisplay", MARK, "x" * 100_000, "\ud800", "../../etc"])
def test_an_unknown_event(command: Command, sink: Sink, tmp_path: Path, event: str) -> None:
    """It is said; of another's words no more than could be a name."""
    assert "is not recorded" in command.tell(payload(event, tmp_path))
    assert names(sink) == []


@pytest.mark.parametrize(
    "redirections", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "</dev/null", ">/dev/full", "2>/dev/full"]
)
def test_closed_descriptors(command: Command, tmp_path: Path, redirections: str) -> None:
    """Whatever is closed, or of no use."""
    command.tell(payload("PostToolUse", tmp_path), redirections=redirections)


@pytest.mark.parametrize("event", ["UserPromptSubmit", "PostToolUse", "Stop"])
@pytest.mark.parametrize("variable", ["AGENT_OTEL_DISABLED", "OTEL_SDK_DISABLED"])
def test_disabled(command: Command, sink: Sink, tmp_path: Path, event: str, variable: str) -> None:
    """Nothing is read, kept, sent or said."""
    assert command.tell(payload(event, tmp_path), more={variable: "true"}) == ""
    assert command.give(b"{", more={variable: "true"}) == ""
    assert sink.seen == []
    assert not (command.home / "state").exists()


@pytest.mark.parametrize("answer", ["done", ""])
def test_a_folder_that_cannot_be_used(sink: Sink, tmp_path: Path, answer: str) -> None:
    """A state folder that is a file: said, and delivered directly, the end too."""
    command = Command(sink.endpoint, tmp_path / "home")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "state").write_text("a file")
    assert_delivered_directly(command, sink, tmp_path, answer)


def test_a_read_only_folder(sink: Sink, disk: SmallDisk, tmp_path: Path) -> None:
    """Nothing of it changes; delivered directly."""
    command = Command(sink.endpoint, disk.folder / "home")
    command.tell(payload("UserPromptSubmit", tmp_path))
    sink.accepted.clear()
    disk.forbid_writing()
    before = tree(command.home)
    assert_delivered_directly(command, sink, tmp_path)
    assert tree(command.home) == before


def test_a_full_disk(sink: Sink, disk: SmallDisk, tmp_path: Path) -> None:
    """As far as it can be delivered directly, it is."""
    command = Command(sink.endpoint, disk.folder / "home")
    command.tell(payload("SessionStart", tmp_path))
    sink.accepted.clear()
    disk.fill(left=0)
    assert_delivered_directly(command, sink, tmp_path)


@pytest.mark.parametrize("place", ["", "state", "state/executions", "state/claude_code"])
def test_a_foreign_folder(command: Command, sink: Sink, tmp_path: Path, place: str) -> None:
    """It is left as it is; delivered directly."""
    needs_root()
    command.tell({**payload("UserPromptSubmit", tmp_path)})
    sink.accepted.clear()
    for path in [command.home / place, *(command.home / place).rglob("*")]:
        os.chown(path, OTHER, OTHER)
    before = tree(command.home / place)
    assert_delivered_directly(command, sink, tmp_path)
    assert tree(command.home / place) == before


def assert_delivered_directly(command: Command, sink: Sink, folder: Path, answer: str = "done") -> None:
    """A prompt with one tool, of which nothing could be kept between the hooks."""
    begin = payload("UserPromptSubmit", folder, last_assistant_message=answer)
    events = ("UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop")
    said = [command.tell({**begin, "hook_event_name": event}) for event in events]
    assert said[0]
    assert names(sink) == ["aotel.execution.started", "aotel.execution.completed"]
    assert [received.path for received in sink.accepted].count("/v1/traces") == 1
