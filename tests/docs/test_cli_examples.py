"""docs/cli.md: every help text is what the command prints, and every example in one is typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.local_stack.stack import LocalStack
from docs.cli_page import commands, help_of
from tests.docs import page
from tests.docs.bash_session import BashSession, Told
from tests.docs.recipe import Recipe

_PAGE = "docs/cli.md"
#: What an example of these would start or build: the tests that do are named. Here it must be a command that parses.
_ELSEWHERE = {
    "up": "tests/docs/test_readme_console.py",
    "demo": "tests/e2e/test_demo.py",
    "tools": "tests/local_stack/test_tools.py",
    "exporter": "tests/contract/test_exporter_process.py",
    "migrate": "tests/store/test_migrations.py",
    "down": "tests/docs/test_readme_console.py",
}


def _helps() -> dict[tuple[str, ...], str]:
    """Command -> the block below its heading."""
    found = re.findall(r"^## agent-otel ([a-z -]+)\n\n```text\n(.*?)\n```", page.text(_PAGE), re.MULTILINE | re.DOTALL)
    return {tuple(title.split()): block for title, block in found}


def _examples() -> dict[tuple[str, ...], str]:
    """Command -> the example in its help, on one line."""
    parts = {words: block.partition("\nexample: ")[2].partition("\n\n")[0] for words, block in _helps().items()}
    return {words: " ".join(text.split()) for words, text in parts.items() if text}


def test_help_is_what_the_page_shows() -> None:
    """Of every command, and every block is of one."""
    assert {words: help_of(words) for words in commands()} == _helps()
    assert len(_helps()) == len(page.blocks(_PAGE, "text"))


@pytest.fixture
def told(stack: LocalStack, tmp_path: Path) -> Iterator[dict[tuple[str, ...], Told]]:
    """What the examples of the page said, typed one after the other in one bash; ID is the first one's."""
    reader = Recipe(_PAGE, stack, tmp_path)
    reader.environment["AGENT_OTEL_DATABASE_URL"] = stack.reader_url
    found = {}
    with BashSession(reader.folder, reader.environment) as bash:
        (reader.folder / "test_it.py").write_text("def test_it(): pass\n")
        for words, example in _examples().items():
            if words[0] not in _ELSEWHERE:
                found[words] = bash.enter(f"ID=$({example} --quiet); echo $ID" if words == ("start",) else example)
        yield found


def test_examples_work(told: dict[tuple[str, ...], Told]) -> None:
    """Each ends with 0, or with 1 and an answer; JSON says that all went well, but for an end of what nobody began."""
    answered = {words for words, each in told.items() if each.code == 0 or (each.code, each.err) == (1, "")}
    assert {words: each.err for words, each in told.items() if words not in answered or not each.out} == {}
    for words in (("progress",), ("step",), ("complete",), ("flush",)):
        assert '"success": true' in told[words].out, told[words]
    assert told[("start",)].out.strip()
    assert '"recorded": true' in told[("hook", "completion")].out


@pytest.mark.parametrize("words", [words for words in _examples() if words[0] in _ELSEWHERE], ids=" ".join)
def test_other_examples_are_commands(words: tuple[str, ...]) -> None:
    """They are run elsewhere; here, that verb and options exist."""
    example = _examples()[words]
    if example.startswith("make "):
        assert re.search(rf"^{example[5:]}:", page.text("Makefile"), re.MULTILINE)
    else:
        typed = [word for word in shlex.split(example) if not re.match(r"[A-Z_]+=", word)]
        assert typed[0] == "agent-otel"
        assert tuple(typed[1 : 1 + len(words)]) == words
        options = [word for word in typed if word.startswith("--")]
        assert all(option in help_of(words) for option in options)
    assert (page.ROOT / _ELSEWHERE[words[0]]).is_file()
