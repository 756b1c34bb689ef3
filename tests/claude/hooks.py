"""Which hooks a CLI runs: a recorder, or `agent-otel hook`, by its settings or by the plugin."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PLUGIN: Final = ROOT / "plugins" / "claude-code"
PROGRAMS: Final = Path(sys.executable).parent
#: Every event that the oldest supported version knows, but for those that make worktrees instead of telling of them.
EVENTS: Final = (
    *("SessionStart", "SessionEnd", "Setup", "InstructionsLoaded", "ConfigChange", "CwdChanged", "FileChanged"),
    *("UserPromptSubmit", "UserPromptExpansion", "Stop", "StopFailure", "Notification", "MessageDisplay"),
    *("PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "PermissionRequest", "PermissionDenied"),
    *("SubagentStart", "SubagentStop", "TeammateIdle", "TaskCreated", "TaskCompleted", "PreCompact", "PostCompact"),
    *("Elicitation", "ElicitationResult"),
)
_RECORDER: Final = Path(__file__).with_name("recorder_hook.py")
#: What tools may do without asking, and one thing that they may not.
_PERMISSIONS: Final = {"allow": ["Bash", "Read", "Write", "Edit", "Agent"], "deny": ["Bash(curl:*)"]}


def settings(*commands: str) -> dict[str, Any]:
    """Settings of a user whose every event runs these commands."""
    hooks = [{"type": "command", "command": command} for command in commands]
    registered = {event: [{"hooks": hooks}] for event in EVENTS} if hooks else {}
    return {"hooks": registered, "permissions": _PERMISSIONS}


def recorder(folder: Path) -> str:
    """The command that keeps payloads in `folder`."""
    return _surviving(f"'{sys.executable}' '{_RECORDER}' '{folder}'")


def agent_otel() -> str:
    """The command that records them, as `agent-otel hook install` would register it."""
    return _surviving(f"'{PROGRAMS / 'agent-otel'}' hook")


def environment_to(path: Path) -> str:
    """The command that writes down every hook's own environment, to know what must be found nowhere else."""
    return f"env >> '{path}'"


def plugin_arguments() -> Sequence[str]:
    """What makes the CLI use our plugin."""
    return ("--plugin-dir", str(PLUGIN))


def secrets_of(path: Path) -> Mapping[str, str]:
    """What hooks' environments held that is a secret by its name; not numbers and switches."""
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return {
        name: value
        for name, _, value in lines
        if len(value) >= _SHORTEST_SECRET and any(word in name for word in _SECRET_WORDS)
    }


_SECRET_WORDS: Final = ("TOKEN", "KEY", "SECRET", "PASSWORD")
_SHORTEST_SECRET: Final = 8


def _surviving(command: str) -> str:
    """StopFailure's hook gets a SIGTERM within milliseconds in the newest version."""
    return f"trap '' TERM; exec {command}"
