"""`agent-otel hook install`: Claude Code's hooks and our skill, in its settings folder, and out of it again."""

import argparse
import copy
import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent_otel.commands import claude_folder, file_change, install_record
from agent_otel.commands.claude_folder import ClaudeFolder
from agent_otel.commands.file_change import FileChange, missing_folders
from agent_otel.commands.hook_settings import Planned, with_hooks, without_hooks
from agent_otel.commands.hook_skill import with_skill, without_skill
from agent_otel.commands.install_record import InstallRecord
from agent_otel.errors import ConfigurationError

_PROGRAM: Final = "agent-otel"
_ABOUT: Final = """\
Have Claude Code's sessions recorded: writes a hook for each of its events into settings.json,
with the path of this agent-otel, and leaves the rest of the file as it is. Twice is as once; run it
again when agent-otel has moved. The plugin has the same hooks: one of the two is enough, and beside
the enabled plugin this is refused.

Exit code 0: done, or there was nothing to do; 1: refused, and nothing was changed."""


def run(argv: Sequence[str]) -> int:
    """Install or uninstall."""
    arguments = _parser().parse_args(argv)
    place = claude_folder.of(arguments.scope)
    known = install_record.read(place.settings)
    record = copy.deepcopy(known) or InstallRecord(str(place.settings))
    planned = _out(place, record) if arguments.uninstall else _in(place, record, skill=arguments.skill)
    changes = [each.change for each in planned if each.change is not None]
    for change in changes:
        change.check()
    if arguments.dry_run:
        print("".join(change.diff() for change in changes) or "nothing to change", end="" if changes else "\n")
        return 0
    if arguments.uninstall:
        _make([*changes, *([record.removal()] if known else [])])
        file_change.remove_empty([Path(folder) for folder in record.folders])
    elif changes:
        record.add_folders([folder for change in changes for folder in missing_folders(change.path)])
        # First, so that what a kill leaves behind can be undone; the settings last, they are what takes effect.
        _make([record.change(), *reversed(changes)])
    print("\n".join(each.said for each in planned))
    if not arguments.uninstall:
        _notes(arguments.scope, place)
    return 0


def _in(place: ClaudeFolder, record: InstallRecord, *, skill: bool) -> list[Planned]:
    claude_folder.refuse_beside_plugin()
    hooks = with_hooks(place.settings, _program(), record)
    return [hooks, with_skill(place.skill, record)] if skill else [hooks]


def _out(place: ClaudeFolder, record: InstallRecord) -> list[Planned]:
    skill = without_skill(place.skill, record)
    return [without_hooks(place.settings, record), *([skill] if skill else [])]


def _make(changes: Sequence[FileChange]) -> None:
    for change in changes:
        change.check()
    file_change.make(changes)


def _notes(scope: str, place: ClaudeFolder) -> None:
    if claude_folder.hooks_are_off(place.settings):
        print(f"but {place.settings} has disableAllHooks: no hook runs until that is gone")
    if scope == "project":
        print("the path is this machine's: where the file is shared, others need the plugin, or --scope local")
    print("sessions that start from now on are recorded; `agent-otel doctor` says where to, and what is missing")


def _program() -> str:
    """This command, by a path that survives an upgrade: links are not resolved."""
    called = Path(os.path.abspath(sys.argv[0]))
    beside = Path(sysconfig.get_path("scripts")) / _PROGRAM
    candidates = [called if called.name == _PROGRAM else beside, beside, Path(shutil.which(_PROGRAM) or beside)]
    found = next((path for path in candidates if os.access(path, os.X_OK)), None)
    if found is None:
        raise ConfigurationError(
            f"the command agent-otel is not where it is expected, in {beside.parent}; reinstall it"
        )
    try:
        str(found).encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{str(found)!r} is no path that JSON can hold; install agent-otel elsewhere"
        ) from None
    return str(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-otel hook install",
        description=_ABOUT,
        epilog="example: agent-otel hook install --skill",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scope", choices=claude_folder.SCOPES, default="user", help=_SCOPE)
    parser.add_argument("--skill", action="store_true", help="also the skill log-execution, for agents' own tasks")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change, as a unified diff")
    parser.add_argument(
        "--uninstall",
        action="store_true",
        help="the hooks, and the skill if unchanged, out again: the file as it was before, to the byte; where it was "
        "edited since, without our hooks",
    )
    return parser


_SCOPE: Final = (
    "user: every project (settings.json in $CLAUDE_CONFIG_DIR, else ~/.claude); project, local: this folder's "
    ".claude/settings.json or settings.local.json; default: user"
)
