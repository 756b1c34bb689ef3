"""docs/cli.md: every command with its help, and what the calls of an agent answer."""

import io
import os
from contextlib import redirect_stdout, suppress
from typing import Final

from agent_otel.cli import HOT, SKILL, VERBS, main
from agent_otel.shell.help import PAGES
from docs.answers import ABOUT, EXAMPLES, INTRODUCTIONS

#: Columns of the help texts.
_WIDTH: Final = "100"
#: Commands that have commands of their own.
_PARTS: Final = {
    "hook": ("install",),
    "report": ("daily", "agent"),
    "quarantine": ("list", "show", "retry"),
    "tools": ("install", "list"),
}


def page() -> str:
    """The page."""
    lines = [
        "# Command line",
        "",
        "Generated from the program by `make generate`. Recipes: [recipes](recipes/README.md). Settings:",
        "[settings](settings.md).",
        "",
        *_table("For agents, scripts and jobs: they never fail their caller", HOT),
        *_table("For people", VERBS),
        f"`log-execution` is a second name of {', '.join(f'`{verb}`' for verb in SKILL)}.",
        "",
        ABOUT,
    ]
    for words in commands():
        lines += ["", f"## agent-otel {' '.join(words)}", "", "```text", help_of(words), "```"]
        for answered, example in EXAMPLES.items():
            if answered.partition(" --")[0] == " ".join(words):
                lines += ["", INTRODUCTIONS.get(answered, "Answers, as one line:"), "", "```json", example, "```"]
    return "\n".join(lines) + "\n"


def commands() -> list[tuple[str, ...]]:
    """Every command that has a help of its own, in the order of `agent-otel --help`."""
    found: list[tuple[str, ...]] = []
    for verb in HOT:
        found += [tuple(page.split()) for page in PAGES if page.split()[0] == verb]
        found += [(verb, part) for part in _PARTS.get(verb, ())]
    for verb in VERBS:
        found += [(verb,), *((verb, part) for part in _PARTS.get(verb, ()))]
    return found


def help_of(words: tuple[str, ...]) -> str:
    """What `--help` prints, at a fixed width."""
    shown, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    try:
        with redirect_stdout(shown), suppress(SystemExit):
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return shown.getvalue().rstrip()


def _table(title: str, verbs: dict[str, tuple[str, str]]) -> list[str]:
    rows = [f"| `{verb}` | {text} |" for verb, (_, text) in verbs.items()]
    return [f"{title}:", "", "| command | what it does |", "|---|---|", *rows, ""]
