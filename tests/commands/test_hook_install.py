"""`agent-otel hook install`: what it writes, once, and what it takes away again."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from agent_otel.commands import hook_entries
from tests.commands.hook_installing import COMMAND, Owner, handlers, owner, tree
from tests.fixtures.shell import AGENT_OTEL

__all__ = ["owner"]

EVENTS = [*hook_entries.wanted()]
#: Laid out as people and programs do; each is restored to the byte.
LAYOUTS = {
    "two blanks": '{\n  "model": "opus",\n  "env": {"A": "1"}\n}\n',
    "four blanks": '{\n    "model": "opus"\n}',
    "tabs": '{\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": [{"type": "command", "command": "me"}]}\n\t\t]\n\t}\n}\n',
    "no indentation": '{\n"model": "opus"\n}\n',
    "one line": '{"model":"opus","hooks":{"Stop":[{"hooks":[{"type":"command","command":"mine"}]}]}}',
    "line ends of Windows": '{\r\n  "model": "opus",\r\n  "hooks": {}\r\n}\r\n',
    "byte order mark": '\ufeff{\n  "model": "opus"\n}\n',
    "strange": '\n\n { "a" :[ 1e400,-0.0 ,12345678901234567890123 ] ,\n"hooks" : { "PreToolUse":[ ] , "X":7 } }\n\n ',
    "empty object": "{}",
    "empty object on two lines": "{\n}\n",
    "nothing": "",
    "blank": " \n\n",
    "empty hooks": '{"hooks": {}}',
    "text": '{\n  "a": "\\u00e9 é \\"hooks\\": { // no comment, \U0001f600"\n}\n',
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_settings_come_back_to_the_byte(owner: Owner, layout: str) -> None:
    """Every event has our hook, the rest means what it meant; twice is as once; uninstalled, the bytes are the same."""
    original = owner.write(LAYOUTS[layout])
    before = json.loads(LAYOUTS[layout].strip("\ufeff \n") or "{}")
    assert "14 events added" in owner.done()
    once = owner.settings.read_bytes()
    now = json.loads(once.decode("utf-8-sig"))
    ours = [(event, command) for event, command in handlers({e: now["hooks"][e] for e in EVENTS}) if command == COMMAND]
    assert sorted(ours) == sorted((event, COMMAND) for event in EVENTS)
    assert {key: value for key, value in now.items() if key != "hooks"} == {
        key: value for key, value in before.items() if key != "hooks"
    }
    for event, groups in before.get("hooks", {}).items():
        assert now["hooks"][event] == groups if event == "X" else now["hooks"][event][:-1] == groups
    assert "there already" in owner.done()
    assert owner.settings.read_bytes() == once
    assert "to the byte" in owner.done("--uninstall")
    assert owner.settings.read_bytes() == original


def test_what_is_added_looks_like_the_rest(owner: Owner) -> None:
    """The file's own indentation, its own line ends; a file on one line stays on one."""
    owner.write('{\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}\n')
    owner.done()
    shown = owner.settings.read_text()
    assert shown == json.dumps(json.loads(shown), indent="\t") + "\n"
    owner.write('{"a": 1}')
    owner.done()
    assert owner.settings.read_bytes().count(b"\n") == 0
    owner.write('{\r\n  "a": 1\r\n}\r\n')
    owner.done()
    assert owner.settings.read_bytes().count(b"\n") == owner.settings.read_bytes().count(b"\r\n") > len(EVENTS)


@pytest.mark.parametrize("scope", ["user", "project", "local"])
def test_without_a_file_it_makes_one_and_removes_it(owner: Owner, scope: str) -> None:
    """The file, the skill and their folders come, and go without a trace."""
    name = "settings.local.json" if scope == "local" else "settings.json"
    folder = owner.claude if scope == "user" else owner.project / ".claude"
    before = tree(owner.home), tree(owner.project)
    owner.done("--scope", scope, "--skill")
    assert handlers(owner.hooks(folder / name)) == [(event, COMMAND) for event in EVENTS]
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["SKILL.md", name]
    said = owner.done("--scope", scope, "--uninstall")
    assert f"{folder / name}: removed" in said
    assert not folder.exists()
    left = {key: value for key, value in tree(owner.home).items() if not key.startswith("agent-otel")}
    assert (left, tree(owner.project)) == before


def test_a_configuration_folder_of_its_own(owner: Owner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """$CLAUDE_CONFIG_DIR is the user's folder, as it is for Claude Code; its blanks do no harm."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "my claude"))
    owner.done("--skill")
    assert handlers(owner.hooks(tmp_path / "my claude" / "settings.json"))
    assert (tmp_path / "my claude" / "skills" / "log-execution" / "SKILL.md").is_file()
    assert not owner.claude.exists()


def test_dry_run_shows_a_diff_and_writes_nothing(owner: Owner) -> None:
    """What `patch` would make of the diff is what the installation makes, both ways."""
    original = owner.write('{\n  "model": "opus"\n}')
    for words in ([], ["--uninstall"]):
        before = tree(owner.home)
        difference = owner.done(*words, "--dry-run")
        assert tree(owner.home) == before
        patched = subprocess.run(
            ["git", "apply", "--unsafe-paths", "-p1", "-"],
            input=difference.replace(f"--- {owner.home}", "--- a").replace(f"+++ {owner.home}", "+++ b").encode(),
            cwd=owner.home,
            capture_output=True,
            check=False,
        )
        assert patched.returncode == 0, patched.stderr
        expected = owner.settings.read_bytes()
        owner.settings.write_bytes(before[".claude/settings.json"][0] or b"")
        owner.done(*words)
        assert owner.settings.read_bytes() == expected
    assert owner.settings.read_bytes() == original
    assert owner.done("--uninstall", "--dry-run") == "nothing to change\n"


def test_dry_run_shows_new_files(owner: Owner) -> None:
    """Settings and skill that are not there yet come from /dev/null, and nothing is made for them."""
    difference = owner.done("--dry-run", "--skill")
    assert difference.count("--- /dev/null\n") == 2
    assert f"+++ {owner.skill}\n" in difference
    assert tree(owner.home) == {}


def test_another_path_is_mended(owner: Owner) -> None:
    """Hooks of an agent-otel that lay elsewhere call this one, each event once; uninstalled, none of both is there."""
    original = owner.write('{\n  "a": 1\n}\n')
    owner.done()
    moved = owner.settings.read_text().replace(AGENT_OTEL, "'/old place/bin/agent-otel'")
    owner.write(moved)
    assert "mended" in owner.done()
    assert handlers(owner.hooks()) == [(event, COMMAND) for event in EVENTS]
    owner.done("--uninstall")
    assert owner.settings.read_bytes() == original


def test_the_installed_command_writes_its_own_path(owner: Owner, tmp_path: Path) -> None:
    """By the path it was called by, a link as it is, with blanks and quotes; and the hook's command can be run."""
    link = tmp_path / "it's here" / "agent-otel"
    link.parent.mkdir()
    link.symlink_to(AGENT_OTEL)
    done = subprocess.run([link, "hook", "install"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    (command,) = {command for _, command in handlers(owner.hooks())}
    assert os.fspath(link).replace("'", "'\"'\"'") in command
    event = b'{"hook_event_name": "none", "session_id": "s"}'
    ran = subprocess.run(["/bin/sh", "-c", command], input=event, capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0
    assert b"not found" not in ran.stderr
    assert "there already" not in owner.done()  # called by its first path, it mends
    assert {command for _, command in handlers(owner.hooks())} == {COMMAND}


def test_links_and_rights_stay(owner: Owner, tmp_path: Path) -> None:
    """A settings file that is a link to one elsewhere stays a link, and the file keeps its rights."""
    elsewhere = tmp_path / "dotfiles" / "claude.json"
    original = owner.write("{}", elsewhere)
    elsewhere.chmod(0o640)
    owner.claude.mkdir()
    owner.settings.symlink_to(elsewhere)
    owner.done()
    assert owner.settings.is_symlink()
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    assert handlers(owner.hooks(elsewhere))
    owner.done("--uninstall")
    assert (elsewhere.read_bytes(), elsewhere.stat().st_mode & 0o777) == (original, 0o640)
    assert [path.name for path in elsewhere.parent.iterdir()] == ["claude.json"]


def test_hooks_that_are_switched_off_are_told(owner: Owner) -> None:
    """With disableAllHooks nothing would be recorded, and it says so; so it does where a path is shared."""
    owner.write('{"disableAllHooks": true}')
    assert "disableAllHooks" in owner.done()
    assert "this machine's" in owner.done("--scope", "project")


def test_nothing_of_the_settings_is_kept_elsewhere(owner: Owner) -> None:
    """Settings may hold secrets: what install remembers has none of them."""
    owner.write('{"env": {"TOKEN": "canary-7731"}}')
    owner.done("--skill")
    kept = [path for path in (owner.home / "agent-otel").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"canary-7731" in path.read_bytes() for path in kept)
