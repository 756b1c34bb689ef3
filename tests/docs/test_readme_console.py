"""What the README types, typed: in one bash, by a user who has nothing but the commands, on a stack of their own."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack import state, tools
from agent_otel.local_stack.ports import free_ports
from agent_otel.local_stack.slots import SLOTS
from tests.docs import page
from tests.docs.bash_session import BashSession, Told, Typed, typed
from tests.docs.recipe import PROGRAMS
from tests.docs.story import require_code, require_shape
from tests.fixtures.stack import wait_for
from tests.local_stack.running_stack import select

#: What a user's shell does not have, as this one may; make would tell of the folders it enters below another make.
_FOREIGN = ("AGENT_OTEL_", "OTEL_", "CLAUDE", "XDG_", "TRACEPARENT", "BAGGAGE", "MAKE", "MFLAGS")
#: A settings file as people have them, which is nobody's to spell anew.
_SETTINGS = '{"model" : "opus",\n\n   "hooks": {}}'
_MAKEFILE = "test:\n\t@echo tested\n"


class User:
    """Someone with a home, ports that are free, and one bash open."""

    def __init__(self, bash: BashSession, home: Path) -> None:
        self.bash = bash
        self.home = home
        self.told: dict[str, Told] = {}

    def types(self, command: Typed) -> Told:
        """Type it; the code is the one the page says."""
        told = self.bash.enter(command.command)
        require_code(command, told)
        if command.shown:
            require_shape(command.shown, told.out)
        self.told[" ".join(command.command.partition("#")[0].split())] = told
        return told

    def asks(self, statement: Any) -> list[Any]:
        """Rows of the user's own database."""
        found = state.read(self.home / ".local/state/agent-otel")
        assert found
        return select(found.reader_url, statement)


@pytest.fixture
def user(real_tools: None, tmp_path: Path) -> Iterator[User]:
    """A user in a folder of their own; a stack that the page has not stopped is stopped."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "Makefile").write_text(_MAKEFILE)
    home = tmp_path / "home"
    home.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    ports = {slot.setting: slot.value(port) for slot, port in zip(SLOTS, free_ports(len(SLOTS)), strict=True)}
    environment = {
        **inherited,
        **ports,
        "HOME": str(home),
        "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
        "AGENT_OTEL_TOOLS_DIR": str(tools.tools_dir()),
        "AGENT_OTEL_ENDPOINT": f"http://{ports['AGENT_OTEL_COLLECTOR_HTTP']}",
        # What is not about time must not depend on how busy the machine is.
        "AGENT_OTEL_SEND_MILLISECONDS": "20000",
    }
    try:
        with BashSession(tmp_path / "work", environment) as bash:
            yield User(bash, home)
    finally:
        # Not by the bash, which may have ended before its commands.
        subprocess.run([PROGRAMS / "agent-otel", "down"], env=environment, capture_output=True, check=True, timeout=120)


def _commands(section: str | None = None) -> list[Typed]:
    """Every command of the page, or of a section."""
    blocks = [block for block in page.blocks("README.md", "console") if section in (None, page.heading(block))]
    return [each for block in blocks for each in typed(block.text)]


def _is(command: Typed, *verbs: str) -> bool:
    return command.command.startswith(tuple(f"agent-otel {verb}" for verb in verbs))


def test_the_page_from_up_to_down(user: User) -> None:
    """The stack first and its end last; all between in the order of the page, in Python, bash and SQL."""
    commands = [each for each in _commands() if not re.match(r"make \w+", each.command)]
    last = [each for each in commands if _is(each, "down")]
    look = [*_commands("Look"), *_commands("Audit")]
    assert last
    assert look
    for command in (each for each in commands if _is(each, "up", "status")):
        user.types(command)
    _python(user)
    for command in (each for each in commands if each not in (*look, *last) and not _is(each, "up", "status")):
        (_hook if _is(command, "hook install") else User.types)(user, command)
    _has_arrived(user)
    for command in look:
        user.types(command)
    _said(user)
    _sql(user)
    for command in last:
        user.types(command)
    assert state.read(user.home / ".local/state/agent-otel") is None
    assert len(user.told) == len({each.command for each in commands if not _is(each, "hook install")})


def _python(user: User) -> None:
    for number, block in enumerate(page.blocks("README.md", "python")):
        (user.home / f"{number}.py").write_text(block.text)
        assert user.bash.enter(f"python -W error ~/{number}.py").code == 0


def _hook(user: User, command: Typed) -> None:
    """The change is shown, made, and taken back to the byte, by the options that the comment names."""
    settings = user.home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(_SETTINGS)
    show, undo = re.findall(r"--[a-z-]+", command.comment)
    call = command.command.partition("#")[0].strip()
    shown = user.bash.enter(f"{call} {show}")
    assert shown.code == 0
    assert "+" in shown.out
    assert settings.read_text() == _SETTINGS
    assert user.bash.enter(command.command).code == 0
    assert "agent-otel" in json.dumps(json.loads(settings.read_text())["hooks"])
    assert (settings.parent / "skills" / "log-execution" / "SKILL.md").is_file()
    assert user.bash.enter(f"agent-otel hook install {undo}").code == 0
    assert settings.read_text() == _SETTINGS


def _has_arrived(user: User) -> None:
    """The rows of the page's executions: what it says of them, by agent."""
    statement = """SELECT e.agent_name, e.status, e.stage, e.percent, e.quality_score, array_agg(s.tool)
    FROM agent_executions e JOIN agent_execution_steps s USING (execution_id) GROUP BY e.execution_id, 1, 2, 3, 4, 5"""
    expected = {
        ("agent-research", "success", "gathering-docs", 50.0, 0.95, ("cargo",)),
        ("researcher", "success", "searching", 30.0, 0.95, ("grep",)),
    }
    wait_for(lambda: {(*row[:-1], tuple(row[-1])) for row in user.asks(statement)} >= expected, "the page's executions")
    refuted = "SELECT agent_name, verified_by FROM agent_refuted_successes"
    wait_for(lambda: user.asks(refuted) == [("reviewer", "ci")], "the verdict")
    ended = "SELECT status, description FROM agent_executions WHERE agent_name = 'ci-tests' AND span_id IS NOT NULL"
    wait_for(lambda: user.asks(ended) == [("success", "make test")], "the execution of `exec`")


def _said(user: User) -> None:
    """What each command printed: one JSON object, a bare id, the command's own output, a table or a tree."""
    for call, told in user.told.items():
        verb = call.partition(" ")[2].partition(" ")[0]
        if verb in ("progress", "step", "complete"):
            assert json.loads(told.out)["success"] is True, told
        elif call.startswith("ID="):
            assert (told.out, told.err) == ("", "")
        elif verb == "exec":
            assert told.out == "tested\n"
        elif verb == "list":
            assert "researcher" in told.out
        elif verb == "show":
            assert re.match(r"✓ [a-z-]+  success  ", told.out), told
        elif verb == "status":
            assert all(part in told.out for part in {slot.part for slot in SLOTS})
    assert user.told["agent-otel quarantine list"].err == ""


def _sql(user: User) -> None:
    """Every statement finds rows, with an execution that runs for those that ask for one."""
    assert user.bash.enter("agent-otel start --agent somebody --quiet").code == 0
    for statement in page.statements("README.md"):
        wait_for(lambda asked=statement: user.asks(asked), f"a row of {statement}")


def test_make_targets() -> None:
    """What the page makes: the demo, which tests/e2e/test_demo.py runs, and these tests."""
    made = [each.command for each in _commands() if each.command.startswith("make")]
    targets = re.findall(r"^make (\w+)", "\n".join(made), re.MULTILINE)
    assert targets == ["demo", "test"]
    makefile = (page.ROOT / "Makefile").read_text()
    rules = dict(re.findall(r"^(\w+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    assert "agent-otel demo" in rules["demo"]
    assert "pytest" in rules["test"]
    assert '"demo"' in (page.ROOT / "tests/e2e/test_demo.py").read_text()
