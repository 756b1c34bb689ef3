"""Blocks without a language: drawings, whose names and ports are the program's, and the tree of a prompt."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from agent_otel.local_stack.slots import SLOTS
from agent_otel.local_stack.stack import LocalStack
from tests.claude.recorded import Recorded
from tests.docs import page
from tests.docs.examples import RUNS
from tests.docs.inline import vocabulary
from tests.fixtures.replay import REGISTERED, Replay
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import rows, wait_for

_TREE = "✓ "
_DRAWINGS = [
    pytest.param(block, id=f"{block.page}:{block.line}")
    for name, runs in RUNS.items()
    if "" in runs
    for block in page.blocks(name, "")
    if not block.text.startswith(_TREE)
]
#: What the README's tree is of.
_VERSION = "2.1.330"
_SCENARIOS = ("failing-tool", "parallel-agents")
_ENDED = """SELECT count(*) FROM agent_executions WHERE session_id = %(session)s AND span_id IS NOT NULL
AND total_tokens IS NOT NULL"""


@pytest.mark.parametrize("block", _DRAWINGS)
def test_names_in_drawings_are_known(block: page.Block) -> None:
    """Ports are those of the local stack; what is written as names are, the program's files have, hooks the plugin."""
    ports = {int(port) for port in re.findall(r":(\d{4,5})\b", block.text)}
    assert ports <= {slot.port for slot in SLOTS}
    names = re.findall(r"\b[a-z]+(?:[_][a-z]+)+\b", block.text)
    assert set(names) <= vocabulary()
    hooks = re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", block.text) if "SessionStart" in block.text else []
    assert set(hooks) <= REGISTERED


def test_layers_are_the_enforced_ones() -> None:
    """The layers of docs/architecture.md: each module exists, in the order of the import contract."""
    (drawn,) = [block.text for block in page.blocks("docs/architecture.md", "") if "commands  " in block.text]
    contracts = tomllib.loads(page.text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    place = {name: at for at, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    lines = [re.findall(r"\w+", re.split(" {2,}", line)[0]) for line in drawn.splitlines()]
    package = page.ROOT / "src" / "agent_otel"
    assert all((package / name).is_dir() or (package / f"{name}.py").is_file() for line in lines for name in line)
    places = [[place[name] for name in line if name in place] for line in lines]
    assert all(max(above) <= min(below) for above, below in pairwise(places)), places


def test_the_tree_has_lines_that_sessions_have(stack: LocalStack, tmp_path: Path) -> None:
    """Each line of the README's tree is formed as one of `agent-otel show` is, of sessions of the same version."""
    (tree,) = [block.text for block in page.blocks("README.md", "") if block.text.startswith(_TREE)]
    assert f"A prompt to {_VERSION}, as `agent-otel show last`" in " ".join(page.text("README.md").split())
    shown = "".join(_shown(stack, tmp_path / scenario, scenario) for scenario in _SCENARIOS)
    assert {_form(line) for line in tree.splitlines()} <= {_form(line) for line in shown.splitlines()}


def _shown(stack: LocalStack, folder: Path, scenario: str) -> str:
    """What a recorded session looks like, told to the hooks."""
    folder.mkdir()
    shell = Shell(environment(stack.endpoint, folder / "home", AGENT_OTEL_DATABASE_URL=stack.reader_url), folder)
    told = Replay(Recorded(_VERSION, scenario), shell, folder / "transcripts")
    told.tell(told.payloads)
    session = {"session": next(iter(told.sessions))}
    ends = sum(each.event in ("Stop", "SubagentStop") for each in told.payloads)
    wait_for(lambda: rows(stack, _ENDED, session) == [(ends,)], "the session's executions")
    roots = "SELECT execution_id FROM agent_executions WHERE session_id = %(session)s AND parent_execution_id IS NULL"
    ((root,),) = rows(stack, roots, session)
    return shell.call("show", str(root)).out


def _form(line: str) -> str:
    """Without figures and what the people of the session chose: names, words, which branch is the last."""
    line = re.sub(r"\d[\d.]*(?= tokens)", "N", re.sub(r"\d[\d.]* (?:ms|s|min)\b", "TIME", line))
    line = re.sub(r"(tool: \w+) .+?(?=  )", r"\1 WORDS", re.sub(r"\(.*\)$", "(OUTCOME)", line))
    line = re.sub(r"([✓✗] )[a-z-]+(?=  )", r"\1AGENT", line)
    return line.replace("└", "├").replace("│", " ")
