"""What `agent-otel hook install` does with a settings file: our hooks in, and out again."""

from pathlib import Path
from typing import NamedTuple

from agent_otel.commands import hook_entries, json_text
from agent_otel.commands.file_change import FileChange, content
from agent_otel.commands.install_record import InstallRecord
from agent_otel.errors import ConfigurationError


class Planned(NamedTuple):
    """A change, or none where all is as it has to be, and what to tell of it."""

    change: FileChange | None
    said: str


def with_hooks(path: Path, program: str, record: InstallRecord) -> Planned:
    """Our hooks in the file, each once, calling `program`; `record` keeps how. Raises ConfigurationError."""
    old = content(path)
    try:
        text = _text(old)
        ours = hook_entries.found(text)
        if hook_entries.complete(text, program):
            return Planned(None, f"{path}: the hooks are there already")
        base = _before(old, text, record)
        insertions = hook_entries.insertions(base, program)
        if not ours:
            record.created, record.kept = old is None, hook_entries.standing(base)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} {error}; it is left as it is") from None
    new = json_text.inserted(base, insertions).encode()
    record.note(base, insertions, new)
    events = len(hook_entries.wanted())
    said = "the hooks are mended, each event has one again" if ours else f"hooks of {events} events added"
    return Planned(FileChange(path, old, new), f"{path}: {said}")


def without_hooks(path: Path, record: InstallRecord) -> Planned:
    """The file as it was before; where it was edited since, without our hooks. Raises ConfigurationError."""
    old = content(path)
    if old is None:
        return Planned(None, f"{path}: there is no such file")
    undone = record.undone(old)
    try:
        text = _text(old)
        if undone is None and not hook_entries.found(text):
            return Planned(None, f"{path}: has no hooks of agent-otel")
        left = hook_entries.removed(text, record.kept) if undone is None else undone
        if record.created and _is_empty(left):
            return Planned(FileChange(path, old, None), f"{path}: removed, since install had made it")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} {error}; it is left as it is") from None
    if undone is not None:
        return Planned(FileChange(path, old, left.encode()), f"{path}: as it was before, to the byte")
    said = "it was edited since they came, the rest of it stays" if record.after else "the rest of it stays"
    return Planned(FileChange(path, old, left.encode()), f"{path}: our hooks are out; {said}")


def _before(old: bytes | None, text: str, record: InstallRecord) -> str:
    """The text without hooks of ours: that from before, where it is known."""
    undone = None if old is None else record.undone(old)
    return hook_entries.removed(text, record.kept) if undone is None else undone


def _text(data: bytes | None) -> str:
    try:
        text = (data or b"").decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"is not UTF-8 (byte {error.start})") from None
    json_text.document(text)
    return text


def _is_empty(text: str) -> bool:
    start = json_text.document(text)
    return start is None or json_text.value(text, start) == {}
