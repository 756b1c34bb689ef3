"""What `agent-otel hook install --skill` does with the skill's file: in, and out again."""

from pathlib import Path
from typing import Final

from agent_otel.commands import hook_entries
from agent_otel.commands.file_change import FileChange, content
from agent_otel.commands.hook_settings import Planned
from agent_otel.commands.install_record import InstallRecord, digest
from agent_otel.errors import ConfigurationError

_OURS: Final = hook_entries.PLUGIN / "skills" / "log-execution" / "SKILL.md"


def with_skill(path: Path, record: InstallRecord) -> Planned:
    """The skill of this version; one of the user's own is not overwritten. Raises ConfigurationError."""
    old, new = content(path), _OURS.read_bytes()
    if old == new:
        return Planned(None, f"{path}: is there already")
    if old is not None and not _is_ours(old, record):
        raise ConfigurationError(f"{path} is another skill of this name; move it away, or do without --skill")
    record.skill_digest = digest(new)
    return Planned(FileChange(path, old, new), f"{path}: {'written' if old is None else 'updated'}")


def without_skill(path: Path, record: InstallRecord) -> Planned | None:
    """No file of ours any more; None when install wrote none."""
    old = content(path)
    if old is None or not record.skill_digest:
        return None
    if not _is_ours(old, record):
        return Planned(None, f"{path}: was changed since install wrote it, and is left as it is")
    return Planned(FileChange(path, old, None), f"{path}: removed")


def _is_ours(found: bytes, record: InstallRecord) -> bool:
    return digest(found) == record.skill_digest
