"""`agent-otel hook install` where somebody edits the settings in between: only what is ours comes and goes."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent_otel.commands import hook_entries
from tests.commands.hook_installing import COMMAND, Owner, handlers, owner
from tests.fixtures.shell import AGENT_OTEL

__all__ = ["owner"]

MINE = {"type": "command", "command": "mine"}


def edit(owner: Owner, change: Callable[[dict[str, Any]], object], indent: int | None = 2) -> dict[str, Any]:
    """As Claude Code does it: read, change, write anew, in a layout of its own. What is left without our hooks."""
    settings = json.loads(owner.settings.read_bytes())
    change(settings)
    owner.write(json.dumps(settings, indent=indent))
    return dict(settings)


@pytest.mark.parametrize("record", [True, False], ids=["", "nothing remembered"])
@pytest.mark.parametrize("indent", [2, 4, None])
def test_an_edit_in_between_stays(owner: Owner, record: bool, indent: int | None) -> None:
    """Our hooks go, and it is said that the file is not the one from before; every other word of it stays."""
    owner.write('{"model": "opus", "hooks": {"Stop": [], "PreToolUse": [{"matcher": "Bash", "hooks": []}]}}')
    owner.done()
    edit(owner, lambda settings: settings.update(model="sonnet", more=[1, {"a": None}]), indent)
    if not record:
        shutil.rmtree(owner.home / "agent-otel")
    said = owner.done("--uninstall")
    assert "our hooks are out" in said
    assert ("edited since" in said) is record
    left = json.loads(owner.settings.read_bytes())
    hooks = left.pop("hooks")
    assert left == {"model": "sonnet", "more": [1, {"a": None}]}
    assert hooks.pop("PreToolUse") == [{"matcher": "Bash", "hooks": []}]
    assert hooks == ({"Stop": []} if record else {})
    assert "no hooks of agent-otel" in owner.done("--uninstall")


def test_only_our_handler_goes_from_a_group_that_is_shared(owner: Owner) -> None:
    """Somebody put a command of their own before and behind ours, and a matcher on a group of ours."""
    owner.done()

    def change(settings: dict[str, Any]) -> None:
        settings["hooks"]["Stop"][0]["hooks"].append(MINE)
        settings["hooks"]["PreToolUse"][0]["hooks"].insert(0, MINE)
        settings["hooks"]["PostToolUse"].insert(0, {"hooks": [MINE]})
        settings["hooks"]["SessionStart"][0]["matcher"] = "startup"

    edit(owner, change)
    assert "there already" in owner.done()
    owner.done("--uninstall")
    assert owner.hooks() == {
        "PreToolUse": [{"hooks": [MINE]}],
        "PostToolUse": [{"hooks": [MINE]}],
        "Stop": [{"hooks": [MINE]}],
    }


def test_what_the_user_tuned_stays(owner: Owner) -> None:
    """Another timeout is no reason to write: the hook is there."""
    owner.done()
    edit(owner, lambda settings: settings["hooks"]["Stop"][0]["hooks"][0].update(timeout=60))
    before = owner.settings.read_bytes()
    assert "there already" in owner.done()
    assert owner.settings.read_bytes() == before


def test_missing_and_double_hooks_are_mended(owner: Owner) -> None:
    """One that was removed comes again, one that stands twice stands once, one of an unknown event goes."""
    owner.write('{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}')
    owner.done()

    def change(settings: dict[str, Any]) -> None:
        hooks = settings["hooks"]
        del hooks["SessionEnd"]
        hooks["PreToolUse"] *= 2
        hooks["Notification"] = hooks["PreToolUse"][:1]

    edit(owner, change)
    assert "mended" in owner.done()
    assert sorted(handlers(owner.hooks())) == sorted(
        [("Stop", "mine"), *((event, COMMAND) for event in hook_entries.wanted())]
    )
    edited = owner.settings.read_bytes()
    owner.done()
    assert owner.settings.read_bytes() == edited
    owner.done("--uninstall")
    assert handlers(owner.hooks()) == [("Stop", "mine")]


def test_hooks_that_others_wrote_are_not_ours(owner: Owner) -> None:
    """A command that is not what install writes stays, even when it calls agent-otel."""
    mine = [
        f"{AGENT_OTEL} hook completion a b success",
        "agent-otel hook",
        "trap '' TERM; echo agent-otel hook || exit 0",
        "trap '' TERM; /bin/other hook || exit 0",
        "trap '' TERM; 'unclosed hook || exit 0",
    ]
    original = owner.write(
        json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": c} for c in mine]}]}})
    )
    owner.done()
    edit(owner, dict)
    owner.done("--uninstall")
    assert [command for _, command in handlers(owner.hooks())] == mine
    assert json.loads(owner.settings.read_bytes()) == json.loads(original)


def test_a_file_that_install_made_goes_when_nothing_else_came_into_it(owner: Owner) -> None:
    """Rewritten by Claude Code it still goes; with something of the user's in it, it stays."""
    owner.done()
    edit(owner, dict, indent=4)
    assert "removed" in owner.done("--uninstall")
    assert not owner.claude.exists()
    owner.done()
    edit(owner, lambda settings: settings.update(model="opus"))
    owner.done("--uninstall")
    assert json.loads(owner.settings.read_bytes()) == {"model": "opus"}


def test_a_file_that_came_after_ours_was_removed_is_the_users(owner: Owner) -> None:
    """What install once made is forgotten with it: the new file comes back as it was."""
    owner.done()
    owner.settings.unlink()
    assert "no such file" in owner.done("--uninstall")
    owner.done()
    owner.settings.unlink()
    original = owner.write("{}")
    owner.done()
    owner.done("--uninstall")
    assert owner.settings.read_bytes() == original


def test_a_folder_with_something_of_the_users_stays(owner: Owner) -> None:
    """Folders that install made go only when they are empty."""
    owner.done("--skill")
    (owner.claude / "CLAUDE.md").write_text("mine")
    owner.done("--uninstall")
    assert [path.name for path in owner.claude.iterdir()] == ["CLAUDE.md"]


def test_the_skill_is_renewed_and_goes_when_unchanged(owner: Owner) -> None:
    """One of an older version of ours is replaced; one that the user changed is left, and that is said."""
    owner.done()
    owner.done("--skill")
    ours = owner.skill.read_bytes()
    assert ours == (hook_entries.PLUGIN / "skills" / "log-execution" / "SKILL.md").read_bytes()
    assert owner.done("--skill").count("is there already") == 1
    owner.skill.write_bytes(ours + b"\nmine\n")
    assert "another skill" in owner.refused("--skill")
    assert "left as it is" in owner.done("--uninstall")
    assert owner.skill.read_bytes() == ours + b"\nmine\n"
    assert not owner.settings.exists()


def test_a_skill_that_was_there_stays(owner: Owner) -> None:
    """The same file, put there by somebody else, is theirs."""
    owner.write((hook_entries.PLUGIN / "skills" / "log-execution" / "SKILL.md").read_bytes(), owner.skill)
    owner.done("--skill")
    owner.done("--uninstall")
    assert owner.skill.exists()


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_killed_between_its_writes_it_can_be_run_again(owner: Owner, renames: int) -> None:
    """Before any of its renames SIGKILL: the settings are the old ones, and both ways lead on from there."""
    original = owner.write('{"a": 1}')
    for following in (["--uninstall"], ["--skill"]):
        killed = subprocess.run([sys.executable, "-c", _KILLED, str(renames)], check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert owner.settings.read_bytes() == original
        owner.done(*following)
    assert owner.skill.exists()
    owner.done("--uninstall")
    assert owner.settings.read_bytes() == original
    assert not owner.skill.exists()


_KILLED = """if True:
    import os, signal, sys
    rename, left = os.replace, [int(sys.argv[1])]
    def replace(source, target):
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        rename(source, target)
    os.replace = replace
    from agent_otel import cli
    cli.main(["hook", "install", "--skill"])"""
