"""Every block of a page is run by a test; one not in tests/docs/examples.py fails here, as does a line too much."""

import ast
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent_otel.store.connection import connect
from tests.docs import page
from tests.docs.examples import EVERYWHERE, RUNS, STORIES, Run

_TESTS = page.ROOT / "tests"


def unaccounted(name: str, blocks: list[page.Block]) -> list[str]:
    """What of a page's blocks no line of the table runs, and lines that run nothing."""
    if name in STORIES:
        return []
    runs, found = RUNS.get(name, {}), Counter(block.language for block in blocks)
    wrong = [
        f"{name}: nothing runs its {n} blocks of '{each}'"
        for each, n in found.items()
        if each not in {**runs, **EVERYWHERE}
    ]
    for language, run in runs.items():
        if not found[language] or run.blocks not in (None, found[language]):
            wrong.append(f"{name}: {run.test} runs {run.blocks or 'all'} of {found[language]} blocks of '{language}'")
    return wrong


@pytest.mark.parametrize("name", page.pages())
def test_every_block_is_run(name: str) -> None:
    """Each language of the page has a test, which runs as many blocks as there are."""
    assert unaccounted(name, page.blocks(name)) == []


def test_the_table_has_no_page_too_much() -> None:
    """Each page of it exists, and is in it once."""
    assert {*RUNS, *STORIES} <= set(page.pages())
    assert not set(RUNS) & set(STORIES)


@pytest.mark.parametrize(("name", "run"), [(name, run) for name, runs in RUNS.items() for run in runs.values()])
def test_the_tests_of_the_table_exist(name: str, run: Run) -> None:
    """And their file reads the page, by its name or by this table; answers stand in docs/answers.py."""
    file, _, function = run.test.partition("::")
    source = (_TESTS / file).read_text(encoding="utf-8")
    assert function in {each.name for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef)}
    assert any(each in source for each in (Path(name).name, "import RUNS", "docs.answers"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda blocks: [*blocks, blocks[0]], "runs 1 of 2"),
        (lambda blocks: [*blocks, blocks[0]._replace(language="ruby")], "nothing runs"),
        (lambda blocks: [block for block in blocks if block.language == "sql"], "of 0"),
    ],
)
def test_a_block_too_much_or_too_few_is_found(changed: Any, said: str) -> None:
    """As when somebody edits a page."""
    name = "docs/recipes/cron.md"
    blocks = page.blocks(name)
    assert unaccounted(name, blocks) == []
    assert any(said in each for each in unaccounted(name, changed(blocks)))


def test_a_new_page_is_found() -> None:
    """It has no line yet."""
    assert unaccounted("docs/new.md", [page.Block("docs/new.md", 1, "python", "pass\n")])
    assert not unaccounted("docs/new.md", [])


@pytest.mark.parametrize(
    ("name", "statement"), [(name, each) for name in page.pages() for each in page.statements(name)]
)
def test_sql_runs(name: str, statement: Any, database_url: str) -> None:
    """Each statement of each page runs on a migrated database; those of recipes and stories find rows, too."""
    with connect(database_url, application="test") as connection:
        connection.execute(statement)
    connection.close()
