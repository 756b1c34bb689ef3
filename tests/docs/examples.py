"""How the blocks of each page are run: a new page, or a block of another language, needs a line here."""

from typing import Final, NamedTuple

from tests.docs.page import INDENTED


class Run(NamedTuple):
    """A test, `file::function` in tests/, and how many blocks it runs; None: every one that the page has."""

    test: str
    blocks: int | None = None


#: Pages that are run from the first block to the last (Python, bash, console, SQL, and what these print) by a reader
#: with one bash and a stack: a page needs its line here and nothing else. See tests/docs/story.py.
STORIES: Final[tuple[str, ...]] = ("docs/recipes/audit.md",)

_RECIPES: Final = "docs/test_recipes.py"
_SKILL: Final = "unit/test_claude_plugin_skill.py"
_DRAWINGS: Final = Run("docs/test_drawings.py::test_names_in_drawings_are_known")

#: Page -> language -> what runs its blocks. SQL has a line in all pages, see EVERYWHERE.
RUNS: Final[dict[str, dict[str, Run]]] = {
    "README.md": {
        "": Run("docs/test_drawings.py::test_the_tree_has_lines_that_sessions_have", 2),
        "console": Run("docs/test_readme_console.py::test_the_page_from_up_to_down"),
        "python": Run("docs/test_readme.py::test_python_blocks_run"),
    },
    "collector/README.md": {"": _DRAWINGS},
    "docs/api.md": {
        "python": Run("docs/test_api_examples.py::test_signatures_are_those_of_the_program"),
        INDENTED: Run("docs/test_api_examples.py::test_indented_examples_run"),
    },
    "docs/architecture.md": {"": _DRAWINGS},
    "docs/cli.md": {
        "json": Run("docs/test_answers.py::test_every_example_is_of_a_call_here"),
        "text": Run("docs/test_cli_examples.py::test_help_is_what_the_page_shows"),
    },
    "docs/recipes/bash.md": {"bash": Run(f"{_RECIPES}::test_bash_with_child_processes", 2)},
    "docs/recipes/claude-code.md": {
        "console": Run("docs/test_elsewhere.py::test_the_plugin_is_the_one_that_is_installed", 1),
        "json": Run("docs/test_recipe_claude_code.py::test_claude_code_settings", 1),
        "sh": Run("docs/test_recipe_claude_code.py::test_claude_code", 1),
    },
    "docs/recipes/cron.md": {
        "crontab": Run(f"{_RECIPES}::test_cron", 1),
        "sh": Run(f"{_RECIPES}::test_cron", 1),
    },
    "docs/recipes/docker.md": {
        "console": Run("docs/test_elsewhere.py::test_docker_is_told_of_files_that_are_there", 1),
        "dockerfile": Run("docs/test_elsewhere.py::test_the_folder_of_the_image_is_one_that_is_used", 1),
        "yaml": Run(f"{_RECIPES}::test_docker", 1),
    },
    "docs/recipes/github-actions.md": {"yaml": Run(f"{_RECIPES}::test_github_actions", 1)},
    "docs/recipes/opentelemetry.md": {
        "python": Run(f"{_RECIPES}::test_opentelemetry", 1),
        "sh": Run(f"{_RECIPES}::test_opentelemetry", 1),
    },
    "docs/recipes/steps.md": {
        "bash": Run(f"{_RECIPES}::test_steps"),
        "python": Run(f"{_RECIPES}::test_steps"),
    },
    "plugins/claude-code/skills/log-execution/SKILL.md": {
        "bash": Run(f"{_SKILL}::test_answers_are_those_of_the_page", 5),
        "json": Run(f"{_SKILL}::test_answers_are_those_of_the_page", 5),
    },
}

#: What runs wherever it stands.
EVERYWHERE: Final = {"sql": Run("docs/test_every_example.py::test_sql_runs")}
