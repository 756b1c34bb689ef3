"""Where Claude Code keeps settings and skills, and what its settings say that matters to our hooks."""

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel.commands import json_text
from agent_otel.commands.file_change import content
from agent_otel.errors import ConfigurationError

SCOPES: Final = ("user", "project", "local")
#: Name of our plugin, before the @ of its marketplace.
_PLUGIN: Final = "agent-otel"


class ClaudeFolder(NamedTuple):
    """The settings of one scope, and the folder that they and the skills are in."""

    folder: Path
    settings: Path

    @property
    def skill(self) -> Path:
        """Where our skill goes."""
        return self.folder / "skills" / "log-execution" / "SKILL.md"


def of(scope: str) -> ClaudeFolder:
    """The folder of a scope: the user's, or that of the project in the working directory, as Claude Code has it."""
    if scope == "user":
        own = os.environ.get("CLAUDE_CONFIG_DIR")
        folder = Path(os.path.abspath(own)) if own else Path("~/.claude").expanduser()
        return ClaudeFolder(folder, folder / "settings.json")
    try:
        folder = Path.cwd() / ".claude"
    except FileNotFoundError:
        raise ConfigurationError("the working directory is gone; change to one that exists") from None
    return ClaudeFolder(folder, folder / ("settings.json" if scope == "project" else "settings.local.json"))


def refuse_beside_plugin() -> None:
    """Raises ConfigurationError where the plugin is enabled, whose hooks are the same."""
    for scope in SCOPES:
        path = of(scope).settings
        plugins = _value(path).get("enabledPlugins")
        for name, enabled in (plugins if isinstance(plugins, dict) else {}).items():
            if name.partition("@")[0] == _PLUGIN and enabled:
                raise ConfigurationError(
                    f"the plugin {name} is enabled in {path} and records already; with both, each hook would run "
                    f"twice. Keep the plugin, or: claude plugin disable {name} --scope {scope}"
                )


def hooks_are_off(path: Path) -> bool:
    """Whether a settings file switches every hook off."""
    return _value(path).get("disableAllHooks") is True


def _value(path: Path) -> dict[str, Any]:
    """The settings of a file; of one that Claude Code cannot read either, none."""
    try:
        text = (content(path) or b"").decode()
        start = json_text.document(text)
        found = None if start is None else json_text.value(text, start)
    except (ConfigurationError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
