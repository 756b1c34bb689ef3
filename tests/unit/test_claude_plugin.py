"""The Claude Code plugin: what it registers, and that its hook is harmless whatever happens to it."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_otel.shell.claude_code.told import HANDLERS
from agent_otel.version import VERSION

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "claude-code"
#: The events that the oldest supported version, 2.1.197, knows: the list in its program.
KNOWN = {
    *("PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "Notification", "UserPromptSubmit"),
    *("UserPromptExpansion", "SessionStart", "SessionEnd", "Stop", "StopFailure", "SubagentStart", "SubagentStop"),
    *("PreCompact", "PostCompact", "PermissionRequest", "PermissionDenied", "Setup", "TeammateIdle", "TaskCreated"),
    *("TaskCompleted", "Elicitation", "ElicitationResult", "ConfigChange", "WorktreeCreate", "WorktreeRemove"),
    *("InstructionsLoaded", "CwdChanged", "FileChanged", "MessageDisplay"),
}
#: Those without which something would be missing in the records.
NEEDED = {
    *("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied"),
    *("PostToolBatch", "SubagentStart", "SubagentStop", "Stop", "StopFailure", "PreCompact", "PostCompact"),
    "SessionEnd",
}


def load(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


HOOKS = load(PLUGIN / "hooks" / "hooks.json")["hooks"]


def test_every_event_is_one_that_the_oldest_version_knows() -> None:
    """One unknown name would silently switch off every hook of the plugin there. And `agent-otel hook` takes each."""
    assert len(KNOWN) == 30
    assert set(HOOKS) == NEEDED <= KNOWN
    assert set(HOOKS) == set(HANDLERS)


def test_every_event_has_one_hook_without_a_matcher() -> None:
    """All tools, all sources; waited for, since what is not waited for is lost at the end of a session."""
    for event, groups in HOOKS.items():
        (group,) = groups
        (hook,) = group["hooks"]
        assert list(group) == ["hooks"]
        assert hook == {"type": "command", "command": hook["command"], "timeout": 5 if event == "SessionEnd" else 10}
    assert len({groups[0]["hooks"][0]["command"] for groups in HOOKS.values()}) == 1


def test_manifests_agree() -> None:
    """The marketplace leads to the plugin, under the name that `hook install` looks for, in this version."""
    plugin = load(PLUGIN / ".claude-plugin" / "plugin.json")
    marketplace = load(ROOT / ".claude-plugin" / "marketplace.json")
    (listed,) = marketplace["plugins"]
    assert (ROOT / listed["source"]).resolve() == PLUGIN
    assert plugin["name"] == listed["name"] == "agent-otel"
    assert plugin["version"] == VERSION.replace(".dev", "-dev.")  # the same in the spelling of semver.org


class Session:
    """Runs the plugin's command as Claude Code does."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home"
        self.programs = folder / "programs"
        self.plugin = folder / "a plugin"
        self.home.mkdir()
        self.programs.mkdir()
        shutil.copytree(PLUGIN, self.plugin)
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(self.home),
            "CLAUDE_PLUGIN_ROOT": str(self.plugin),
        }

    def put(self, script: str, folder: Path | None = None) -> Path:
        """A program named agent-otel, which is found first."""
        path = (folder or self.programs) / "agent-otel"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def fire(self, event: str = "Stop") -> subprocess.CompletedProcess[str]:
        """An event, to the end of its hook."""
        command = HOOKS[event][0]["hooks"][0]["command"]
        return subprocess.run(
            ["/bin/sh", "-c", command],
            input='{"hook_event_name": "Stop"}',
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session with the plugin, and no agent-otel yet."""
    return Session(tmp_path)


def test_it_calls_what_is_on_the_path_with_the_event(session: Session) -> None:
    """`agent-otel hook`, with the payload on its standard input, not with SIGTERM's default."""
    seen = session.home / "seen"
    session.put(f'echo "$@" > {shlex.quote(str(seen))}; cat >> {shlex.quote(str(seen))}')
    done = session.fire()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert seen.read_text() == 'hook\n{"hook_event_name": "Stop"}'


def test_it_finds_what_pipx_installed(session: Session) -> None:
    """A PATH without ~/.local/bin, as a desktop's has it, is no reason to record nothing."""
    session.put("echo found >&2", session.home / ".local" / "bin")
    assert session.fire().stderr == "found\n"
    session.put("echo first >&2")
    assert session.fire().stderr == "first\n"


def test_without_the_program_it_says_how_to_get_it(session: Session) -> None:
    """One line on standard error, and the session goes on."""
    done = session.fire()
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("\n") == 1
    assert "pipx install agent-otel" in done.stderr
    del session.environment["HOME"]
    assert session.fire().returncode == 0


@pytest.mark.parametrize(
    "script", ["exit 1", "exit 2", "kill -KILL $$", "exec /no/such/interpreter", "echo words; exit 0"]
)
def test_a_failing_program_never_blocks(session: Session, script: str) -> None:
    """A code of 2 would block the tool or the prompt: an interpreter that finds no script leaves with that."""
    session.put(script)
    assert session.fire("PreToolUse").returncode == 0


def test_a_plugin_that_is_removed_meanwhile_never_blocks(session: Session) -> None:
    """An update may take the folder from under a running session."""
    session.put("exit 0")
    for path in (session.plugin / "scripts" / "hook", session.plugin):
        path.chmod(0o644) if path.is_file() else shutil.rmtree(path)
        assert session.fire("PreToolUse").returncode == 0


def test_sigterm_does_not_end_it(session: Session) -> None:
    """StopFailure's and SessionEnd's hooks get one, within milliseconds; what the program began, it ends."""
    seen = session.home / "seen"
    session.put(f"kill -TERM 0; echo survived > {shlex.quote(str(seen))}")
    command = HOOKS["StopFailure"][0]["hooks"][0]["command"]
    with subprocess.Popen(
        ["/bin/sh", "-c", command], env=session.environment, stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.wait(60) == 0
    assert seen.read_text() == "survived\n"


def test_the_hook_can_be_run() -> None:
    """git keeps its right; and it is a script of /bin/sh that any system has."""
    hook = PLUGIN / "scripts" / "hook"
    assert os.access(hook, os.X_OK)
    assert subprocess.run(["/bin/sh", "-n", hook], check=False).returncode == 0
