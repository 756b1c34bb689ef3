"""`agent-otel hook install` where it cannot or must not: the way out is named, nothing is touched, exit code 1."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_otel.commands import hook_entries
from tests.commands.hook_installing import Owner, owner
from tests.fixtures.shell import AGENT_OTEL
from tests.fixtures.users import as_user, needs_root

__all__ = ["owner"]

BROKEN: dict[str, tuple[bytes, str]] = {
    "cut off": (b'{"hooks": {', "is not JSON (line 1"),
    "comment": (b'{\n  // mine\n  "a": 1\n}', "Comments"),
    "comma at the end": (b'{\n  "a": 1,\n}', "line 3"),
    "something behind it": (b"{} {}", "follows its end"),
    "constant": (b'{"a": NaN}', "NaN is no value of JSON"),
    "another encoding": ('{"a": "é"}'.encode("latin-1"), "is not UTF-8 (byte 7)"),
    "too deep": (b"[" * 200_000, "nested too deeply"),
    "twice": (b'{"hooks": {}, "hooks": {}}', "has 'hooks' twice"),
    "event twice": (b'{"hooks": {"Stop": [], "Stop": []}}', "has 'Stop' twice"),
    "a list": (b"[]", "is not a JSON object"),
    "a text": (b'"settings"', "is not a JSON object"),
    "null": (b"null", "is not a JSON object"),
    "hooks are a list": (b'{"hooks": []}', "'hooks' that are not an object"),
    "hooks are null": (b'{"hooks": null}', "'hooks' that are not an object"),
    "an event is no list": (b'{"hooks": {"Stop": {}}}', "hooks of 'Stop' that are not a list"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_settings_that_cannot_be_edited_are_left(owner: Owner, case: str) -> None:
    """What is wrong is named with the file and the place; also with --dry-run, and the skill does not come either."""
    content, said = BROKEN[case]
    owner.write(content)
    for words in ([], ["--dry-run"], ["--skill"]):
        why = owner.refused(*words)
        assert said in why
        assert str(owner.settings) in why
    assert not (owner.home / "agent-otel").exists()


def test_broken_settings_are_left_by_uninstall_too(owner: Owner) -> None:
    """Broken after the installation, the file is not guessed at, and the skill stays with it."""
    owner.done("--skill")
    owner.write(owner.settings.read_bytes()[:-20])
    assert "is not JSON" in owner.refused("--uninstall")
    assert owner.skill.exists()


def test_other_shapes_are_nothing_to_uninstall(owner: Owner) -> None:
    """Without hooks of ours nothing is wrong, whatever else stands there."""
    for content in (b"[]", b'{"hooks": 7}', b'{"hooks": {"Stop": [7, {"hooks": {}}, {"hooks": [7, {"type": 7}]}]}}'):
        owner.write(content)
        assert "no hooks of agent-otel" in owner.done("--uninstall")
        assert owner.settings.read_bytes() == content


@pytest.mark.parametrize("value", [True, ["1.0.0"]])
@pytest.mark.parametrize("name", ["agent-otel@agent-otel", "agent-otel@company-tools", "agent-otel"])
@pytest.mark.parametrize("scope", ["user", "project", "local"])
def test_beside_the_plugin_it_is_refused(owner: Owner, scope: str, name: str, value: Any) -> None:
    """Wherever it is enabled, from whatever marketplace; how to switch it off is said. Uninstalling goes on."""
    path = {
        "user": owner.settings,
        "project": owner.project / ".claude" / "settings.json",
        "local": owner.project / ".claude" / "settings.local.json",
    }[scope]
    owner.done()
    if path == owner.settings:
        owner.done("--uninstall")
    owner.write(json.dumps({"enabledPlugins": {"other@x": True, name: value}}), path)
    why = owner.refused("--skill")
    assert f"claude plugin disable {name} --scope {scope}" in why
    assert str(path) in why
    owner.done("--uninstall")


def test_a_plugin_that_is_switched_off_is_no_reason(owner: Owner) -> None:
    """Nor is one of another name, nor a file that Claude Code cannot read either."""
    owner.write(json.dumps({"enabledPlugins": {"agent-otel@agent-otel": False, "agent-otel-x@agent-otel": True}}))
    owner.write("{ broken", owner.project / ".claude" / "settings.json")
    owner.write('{"enabledPlugins": []}', owner.project / ".claude" / "settings.local.json")
    owner.done()


def test_read_only_settings_are_left(owner: Owner) -> None:
    """Also to root, who may write to any file: whoever took the right away meant it."""
    owner.write("{}")
    owner.settings.chmod(0o444)
    assert "read-only" in owner.refused("--skill")
    owner.settings.chmod(0o644)
    owner.done("--skill")
    owner.settings.chmod(0o444)
    assert "read-only" in owner.refused("--uninstall")


@pytest.mark.parametrize("words", [[], ["--uninstall"]])
def test_a_folder_that_cannot_be_written_to(owner: Owner, words: list[str]) -> None:
    """As another user than the folder's: nothing is changed, neither settings nor skill."""
    needs_root()
    owner.write('{"a": 1}')
    if words:
        owner.done("--skill")
    for path in (owner.settings, owner.home, owner.project):
        path.chmod(0o777 if path.is_dir() else 0o666)
    before = owner.settings.read_bytes()
    environment = {**os.environ, "AGENT_OTEL_HOME": str(owner.project / "state")}
    done = subprocess.run(
        [*as_user(4711), AGENT_OTEL, "hook", "install", "--skill", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written to" in done.stderr
    assert owner.settings.read_bytes() == before
    assert owner.skill.exists() is bool(words)
    assert not (owner.project / "state").exists()


def test_a_file_that_nobody_may_change(owner: Owner) -> None:
    """An immutable file, or whatever else the check beforehand does not see, is told by the system; nothing stays."""
    owner.write("{}")
    if subprocess.run(["chattr", "+i", owner.settings], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        assert "read-only" in owner.refused("--skill")
    finally:
        subprocess.run(["chattr", "-i", owner.settings], check=True)


@pytest.mark.parametrize("failing", ["settings.json", "SKILL.md"])
def test_a_write_that_fails_undoes_the_others(owner: Owner, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the last of them: no record, no skill, no folder is left behind."""
    owner.write("{}")
    rename = os.replace

    def replace(source: str, target: Path) -> None:
        if target.name == failing:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    assert "No space left on device" in owner.refused("--skill")
    assert not (owner.home / "agent-otel").exists()


def test_somebody_else_writes_at_the_same_time(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came in between reading and writing is not overwritten."""
    owner.write("{}")
    insertions = hook_entries.insertions

    def late(text: str, program: str) -> Any:
        owner.write('{"model": "opus"}')
        return insertions(text, program)

    monkeypatch.setattr(hook_entries, "insertions", late)
    code, _, err = owner.call("--skill")
    assert (code, "changed by somebody else" in err) == (1, True)
    assert owner.settings.read_text() == '{"model": "opus"}'
    assert not owner.skill.exists()


def test_things_that_are_no_files(owner: Owner) -> None:
    """A folder in the file's place, a file in the folder's place, a skill of the user's own."""
    owner.settings.mkdir(parents=True)
    assert "is not a file" in owner.refused()
    owner.settings.rmdir()
    owner.write("mine", owner.skill)
    assert "another skill of this name" in owner.refused("--skill")
    owner.skill.unlink()
    owner.skill.parent.rmdir()
    owner.skill.parent.parent.rmdir()
    owner.claude.rmdir()
    owner.claude.write_text("a file")
    assert str(owner.claude) in owner.refused()


def test_wrong_usage(owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown scopes and options are refused with the usage, exit code 2."""
    for words in (["--scope", "everywhere"], ["--force"], ["claude"]):
        with pytest.raises(SystemExit) as leaving:
            owner.call(*words)
        assert leaving.value.code == 2
        assert "usage: agent-otel hook install" in capsys.readouterr().err
