"""What `agent-otel hook install` did to one settings file, kept so that it can be undone to the byte."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from agent_otel import places
from agent_otel.commands.file_change import FileChange, content
from agent_otel.commands.json_text import Insertion


@dataclass
class InstallRecord:
    """Nothing of the file itself is kept, which may hold secrets: only where in it our additions are."""

    settings: str  # whose record this is
    created: bool = False  # there was no settings file
    before: str = ""  # SHA-256 of the settings file before
    after: str = ""  # and with our additions
    added: list[tuple[int, int]] = field(default_factory=list)  # places of those in it: from, to
    kept: list[str] = field(default_factory=list)  # containers that were there before, see hook_entries.standing
    skill_digest: str = ""  # SHA-256 of the skill's file, when install wrote it
    folders: list[str] = field(default_factory=list)  # those that install made, the innermost first

    def note(self, base: str, insertions: Sequence[Insertion], new: bytes) -> None:
        """Keep how `new` came from `base`."""
        self.before, self.after = digest(base.encode()), digest(new)
        self.added, shift = [], 0
        for at, more in sorted(insertions):
            self.added.append((at + shift, at + shift + len(more)))
            shift += len(more)

    def undone(self, now: bytes) -> str | None:
        """The settings file as it was before, when it is as install left it; else None."""
        if not self.after or digest(now) != self.after:
            return None
        text = now.decode()
        for start, end in reversed(self.added):
            text = text[:start] + text[end:]
        return text if digest(text.encode()) == self.before else None

    def add_folders(self, folders: Sequence[Path]) -> None:
        """Remember folders that install makes."""
        new = {*self.folders, *map(str, folders)}
        self.folders = sorted(new, key=len, reverse=True)

    def change(self) -> FileChange:
        """What keeps it."""
        return FileChange(_path(self.settings), content(_path(self.settings)), json.dumps(asdict(self)).encode())

    def removal(self) -> FileChange:
        """What forgets it."""
        return FileChange(_path(self.settings), content(_path(self.settings)), None)


def read(settings: Path) -> InstallRecord | None:
    """The record of that settings file; None without one, or where it cannot be used."""
    try:
        fields = json.loads(content(_path(str(settings))) or b"null")
        return None if fields is None else InstallRecord(**{**fields, "added": [(a, b) for a, b in fields["added"]]})
    except (ValueError, TypeError, KeyError):
        return None


def digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


def _path(settings: str) -> Path:
    name = hashlib.sha256(os.fsencode(settings)).hexdigest()[:32]
    return Path(places.state_dir()) / "hook-install" / f"{name}.json"
