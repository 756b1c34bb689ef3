"""Our entries in the ``hooks`` of a Claude Code settings file: which there have to be, and how they come and go."""

import json
import re
import shlex
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel.commands import json_text
from agent_otel.commands.json_style import Style
from agent_otel.commands.json_text import Container, Insertion, Part
from agent_otel.errors import ConfigurationError

#: The plugin, whose hooks and skill are those that `agent-otel hook install` writes.
PLUGIN: Final = Path(__file__).with_name("claude_code_plugin")
HOOKS: Final = "hooks"
# Claude Code ends hooks of StopFailure and SessionEnd early, with SIGTERM. And a code of 2 blocks what the agent is
# about to do: an interpreter that finds its script gone, during an upgrade, leaves with that.
_COMMAND: Final = re.compile(r"trap '' TERM; (.+) hook \|\| exit 0", re.DOTALL)


class Found(NamedTuple):
    """A handler of ours, and what it stands in, from outside to inside."""

    event: str
    command: str
    path: tuple[tuple[Container, Part], ...]  # hooks, the event, its group, the handler


def command(program: str) -> str:
    """What Claude Code runs at each event."""
    return f"trap '' TERM; {shlex.quote(program)} hook || exit 0"


def wanted() -> dict[str, int]:
    """The events, with the seconds that a hook of them may take: those of the plugin."""
    events = json.loads((PLUGIN / "hooks" / "hooks.json").read_text(encoding="utf-8"))[HOOKS]
    return {event: group["hooks"][0]["timeout"] for event, (group,) in events.items()}


def found(text: str) -> list[Found]:
    """The handlers of ours in a settings file, whatever program they call."""
    return [*_found(text)]


def complete(text: str, program: str) -> bool:
    """Whether each event has our handler, once, with this program."""
    there = found(text)
    return {each.event for each in there} == {*wanted()} and [each.command for each in there] == [
        command(program)
    ] * len(wanted())


def standing(text: str) -> list[str]:
    """Which of the containers that we need are there: ``hooks`` itself, and events."""
    root = json_text.document(text)
    hooks = None if root is None else json_text.container(text, root).named(HOOKS)
    if hooks is None:
        return []
    return [HOOKS, *(part.key for part in json_text.container(text, hooks.at).parts)]


def insertions(text: str, program: str) -> list[Insertion]:
    """What adds our handlers to a settings file that has none of them. Raises ConfigurationError."""
    group = {event: _group(program, seconds) for event, seconds in wanted().items()}
    start = json_text.document(text)
    if start is None:
        style = Style(text, None)
        return [Insertion(len(text), style.shown({HOOKS: {key: [one] for key, one in group.items()}}, "") + "\n")]
    if text[start] != "{":
        raise ConfigurationError("is not a JSON object, which settings are")
    root = json_text.container(text, start)
    style, hooks = Style(text, root), root.named(HOOKS)
    if hooks is None:
        return [style.added(root, style.first, {HOOKS: {event: [one] for event, one in group.items()}})]
    if text[hooks.at] != "{":
        raise ConfigurationError("has 'hooks' that are not an object; remove them or make them one")
    events = json_text.container(text, hooks.at)
    before = style.within(events, style.first)
    new = [_appended(text, style, part, before, group.pop(part.key)) for part in events.parts if part.key in group]
    missing = {event: [one] for event, one in group.items()}
    return [*new, style.added(events, before, missing)] if missing else new


def removed(text: str, kept: Collection[str]) -> str:
    """The file without our handlers, and without what only they were in, save what `kept` names (see `standing`)."""
    while one := next(_found(text), None):
        start, end = _cut(one, kept)
        text = text[:start] + text[end:]
    return text


def _group(program: str, seconds: int) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command(program), "timeout": seconds}]}


def _appended(text: str, style: Style, event: Part, before: str | None, group: dict[str, Any]) -> Insertion:
    if text[event.at] != "[":
        raise ConfigurationError(f"has hooks of {event.key!r} that are not a list; remove them or make them one")
    groups = json_text.container(text, event.at)
    return style.added(groups, style.within(groups, before), [group])


def _found(text: str) -> Iterator[Found]:
    root = json_text.document(text)
    for hooks in () if root is None else _parts(text, root, "{", HOOKS):
        for event in _parts(text, hooks[1].at, "{"):
            for group in _parts(text, event[1].at, "["):
                for inner in _parts(text, group[1].at, "{", "hooks"):
                    for handler in _parts(text, inner[1].at, "["):
                        called = _ours(json_text.value(text, handler[1].at))
                        if called:
                            yield Found(event[1].key, called, (hooks, event, group, handler))


def _parts(text: str, at: int, bracket: str, key: str | None = None) -> Iterator[tuple[Container, Part]]:
    """The parts of what begins there; of anything else than expected, none."""
    if text[at] != bracket:
        return
    inside = json_text.container(text, at)
    yield from ((inside, part) for part in inside.parts if key in (None, part.key))


def _ours(handler: Any) -> str:
    """The command of a handler of ours, else nothing."""
    if not isinstance(handler, dict) or handler.get("type") != "command":
        return ""
    called = handler.get("command")
    if not isinstance(called, str) or not (match := _COMMAND.fullmatch(called)):
        return ""
    try:
        words = shlex.split(match[1])
    except ValueError:
        return ""
    return called if len(words) == 1 and Path(words[0]).name == "agent-otel" else ""


def _cut(one: Found, kept: Collection[str]) -> tuple[int, int]:
    """From inside to outside, for as long as nothing else is in it."""
    hooks, event, group, handler = one.path
    chosen = handler
    for outer, stays in ((group, False), (event, one.event in kept), (hooks, HOOKS in kept)):
        if len(chosen[0].parts) > 1 or stays:
            break
        chosen = outer
    return json_text.cut(*chosen)
