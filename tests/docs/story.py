"""A page that tells a story: its blocks are run in their order, by a reader with one bash and a stack."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.docs.bash_session import BashSession, Told, Typed, typed
from tests.docs.page import Block
from tests.docs.recipe import ADDRESS, Recipe
from tests.fixtures.stack import rows, wait_for

#: A command that says no other code in its comment ends with 0.
_CODE: Final = re.compile(r"\bexit(?:s|s with| code)? (\d+)\b")
#: Blocks that show what the block before them printed.
_OUTPUT: Final = ("", "text", "json", "csv", "markdown")


class Story:
    """Runs blocks for a reader, whose commands find the stack's database by AGENT_OTEL_DATABASE_URL."""

    def __init__(self, reader: Recipe, bash: BashSession) -> None:
        self._reader = reader
        self._bash = bash
        self._printed = ""
        self._tellers: Mapping[str, Callable[[str], None]] = {
            "bash": self._script,
            "sh": self._script,
            "console": self._console,
            "python": self._python,
            "sql": self._sql,
            **dict.fromkeys(_OUTPUT, self._shows),
        }

    def tell(self, blocks: Sequence[Block]) -> None:
        """Run them; a block of a language that nobody can run here fails."""
        for block in blocks:
            try:
                assert block.language in self._tellers, f"nobody runs {block.language}"
                self._tellers[block.language](block.text.replace(ADDRESS, self._reader.stack.endpoint))
            except Exception as error:
                error.add_note(f"{block.page}:{block.line}")
                raise

    def _script(self, text: str) -> None:
        told = self._bash.enter(text, strict=True)
        assert (told.code, told.err) == (0, ""), told
        self._printed = told.out

    def _console(self, text: str) -> None:
        for each in typed(text):
            told = self._bash.enter(each.command)
            require_code(each, told)
            self._printed = told.out
            if each.shown:
                self._shows(each.shown)

    def _python(self, text: str) -> None:
        done = self._reader.run("python", "-W", "error", "-c", text)
        assert (done.returncode, done.stderr) == (0, ""), done
        self._printed = done.stdout

    def _sql(self, text: str) -> None:
        for statement in filter(str.strip, text.split(";")):
            wait_for(lambda asked=statement: rows(self._reader.stack, asked), f"a row of {statement.strip()}")

    def _shows(self, shown: str) -> None:
        require_shape(shown, self._printed)


def require_code(typed_: Typed, told: Told) -> None:
    """The exit code is 0, or the one that the comment behind the command says."""
    said = _CODE.search(typed_.comment)
    assert told.code == (int(said[1]) if said else 0), told


def require_shape(shown: str, printed: str) -> None:
    """What the page shows is formed as what is printed: members of JSON in order, else the words of the first line."""
    if shown.lstrip().startswith(("{", "[")):
        assert keys(json.loads(re.sub(r",?\s*…", "", shown))) == keys(json.loads(printed))
        return
    heads = [next(iter(filter(str.strip, text.splitlines())), "") for text in (shown, printed)]
    assert _words(heads[0]) == _words(heads[1]), printed


def keys(value: Any) -> Any:
    """Names in order, each with the names below it; of lists the first member's."""
    if isinstance(value, dict):
        return [(name, keys(member)) for name, member in value.items()]
    return [keys(member) for member in value[:1]] if isinstance(value, list) else None


def _words(line: str) -> list[str]:
    return re.sub(r"\d[\d.:-]*", "0", line).split()
