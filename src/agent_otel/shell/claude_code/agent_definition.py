"""What a sub-agent is: its file ``.claude/agents/<type>.md``, of the project or of the user."""

from __future__ import annotations

import os

from agent_otel import content, plain_json, redaction
from agent_otel import semconv as s
from agent_otel.settings_file import MAX_PARENTS
from agent_otel.shell.claude_code import regular_file
from agent_otel.shell.claude_code.payload import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

_MAX_BYTES: Final = 1024**2
_MAX_LINES: Final = 1_000
_FENCE: Final = "---"


def attributes(agent_type: str, cwd: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Version, description, tools, configuration and instructions of the agent; nothing where it has no file.

    A file that states no version is known by its content: ``sha256:`` and twelve digits.
    """
    text = _definition(agent_type, cwd, environ)
    if not text:
        return {}
    stated, body = parse(text)
    found: dict[str, Any] = {
        s.GEN_AI_AGENT_VERSION: str(stated.get("version") or f"sha256:{redaction.sha256(text)[:12]}")
    }
    if stated.get("description"):
        found[s.GEN_AI_AGENT_DESCRIPTION] = str(stated["description"])
    tools = _listed(stated.get("tools"))
    if tools:
        found[s.GEN_AI_TOOL_DEFINITIONS] = content.tool_definitions(tools)
    if body:
        found[s.GEN_AI_SYSTEM_INSTRUCTIONS] = content.instructions(body)
    configuration = {name: value for name, value in stated.items() if name not in ("description", "version")}
    return {**found, s.AGENT_CONFIGURATION: plain_json.dumps(configuration)} if configuration else found


def parse(text: str) -> tuple[dict[str, Any], str]:
    """Front matter and body: of YAML, what such files use (one line a value, lists, folded texts)."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != _FENCE:
        return {}, text.strip()
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), len(lines))
    stated: dict[str, Any] = {}
    name = ""
    for line in lines[1:end][:_MAX_LINES]:
        if line[:1].isspace() or line.startswith("- "):
            _continue(stated, name, line.strip())
        elif ":" in line and not line.startswith("#"):
            name, _, value = line.partition(":")
            stated[name.strip()] = _value(value.strip())
            name = name.strip()
    return {name: value for name, value in stated.items() if value != ""}, "\n".join(lines[end + 1 :]).strip()


def _continue(stated: dict[str, Any], name: str, line: str) -> None:
    """A further line of the value above."""
    if name not in stated or not line:
        return
    if line.startswith("- "):
        before = stated[name]
        stated[name] = [*(before if isinstance(before, list) else []), _value(line[2:].strip())]
    elif isinstance(stated[name], str):
        stated[name] = f"{stated[name]} {line}".strip()


def _value(text: str) -> Any:
    if text in (">", "|", ">-", "|-"):
        return ""
    if text.startswith("[") and text.endswith("]"):
        return [_value(member.strip()) for member in text[1:-1].split(",") if member.strip()]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text.partition(" #")[0].rstrip()


def _listed(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(member) for member in value]
    return [member.strip() for member in value.split(",") if member.strip()] if isinstance(value, str) else []


def _definition(agent_type: str, cwd: str, environ: Mapping[str, str]) -> str:
    if not agent_type or agent_type.startswith(".") or "/" in agent_type or "\0" in agent_type:
        return ""
    return next(filter(None, (_read(f"{folder}/agents/{agent_type}.md") for folder in _folders(cwd, environ))), "")


def _folders(cwd: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The nearest first: of the working directory and those above it, of the project, of the user."""
    folder = cwd
    for _ in range(MAX_PARENTS):
        if len(folder) > 1:
            yield f"{folder}/.claude"
        folder = os.path.dirname(folder)
    if environ.get("CLAUDE_PROJECT_DIR"):
        yield f"{environ['CLAUDE_PROJECT_DIR']}/.claude"
    yield environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")


def _read(path: str) -> str:
    try:
        with regular_file.opened(path) as file:
            return without_secrets(file.read(_MAX_BYTES).decode(errors="replace"), os.environ)
    except OSError:
        return ""
