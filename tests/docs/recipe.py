"""A page of docs/recipes: its code blocks, and the place in which a reader would run them."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.stack import client_environment, rows, wait_for

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "recipes"
#: Where the commands are installed; in a reader's PATH.
PROGRAMS: Final = Path(sys.executable).parent
#: The address that the pages name; the tests' stack has another port.
ADDRESS: Final = "http://127.0.0.1:4318"
_SECONDS: Final = 60


class Recipe:
    """One page, by its name in docs/recipes or its path, for one reader with a session of their own."""

    def __init__(self, page: str, stack: LocalStack, home: Path) -> None:
        self.text = (ROOT / page if "/" in page else FOLDER / page).read_text(encoding="utf-8")
        self.stack = stack
        self.folder = home / "work"
        self.folder.mkdir()
        self.session = str(uuid.uuid4())
        path = f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin"
        self.environment = client_environment(
            stack, home / "state", PATH=path, HOME=str(home), AGENT_OTEL_SESSION_ID=self.session
        )

    def blocks(self, language: str) -> list[str]:
        """The page's code blocks of a language, with the address of the tests' stack."""
        return [block.replace(ADDRESS, self.stack.endpoint) for block in blocks(self.text, language)]

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the reader's folder, to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment if environment is None else environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    def executions(self, count: int) -> list[dict[str, Any]]:
        """The executions of this reader's session, in order, once all of them have ended."""
        statement = "SELECT row_to_json(e) FROM agent_executions e WHERE session_id = %(session)s ORDER BY started_at"

        def found() -> list[dict[str, Any]]:
            return [row for (row,) in rows(self.stack, statement, {"session": self.session})]

        def ended() -> list[dict[str, Any]]:
            return [row for row in found() if row["completed_at"] and row["span_id"]]

        wait_for(lambda: len(ended()) == count, f"{count} executions of the session")
        assert len(found()) == count
        return ended()

    def steps(self, execution_id: str, count: int) -> list[dict[str, Any]]:
        """The steps of an execution, in order, once there are so many."""
        statement = "SELECT steps FROM agent_episodes WHERE episode_id = %(id)s::uuid"

        def found() -> list[dict[str, Any]]:
            return [step for (steps,) in rows(self.stack, statement, {"id": execution_id}) for step in steps]

        wait_for(lambda: len(found()) == count, f"{count} steps of {execution_id}")
        return found()

    def asks(self) -> list[list[tuple[Any, ...]]]:
        """What the page's SQL finds, by statement; each must find something."""
        statements = [s for block in self.blocks("sql") for s in block.split(";") if s.strip()]
        answers = [rows(self.stack, statement) for statement in statements]
        assert answers
        assert all(answers), "a statement of the page finds nothing"
        return answers


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


Reader = Callable[[str], Recipe]


@pytest.fixture
def reader(stack: LocalStack, tmp_path: Path) -> Reader:
    """Someone who opens a page and has a stack."""
    return lambda page: Recipe(page, stack, tmp_path)
