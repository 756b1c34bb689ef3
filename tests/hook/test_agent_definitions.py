"""Files .claude/agents/<type>.md in all kinds of front matter: what they say is in the row of the sub-agent.

The payloads are made by hand: recordings have built-in agents only.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from psycopg.rows import dict_row

from agent_otel.store.connection import connect
from tests.hook import rows
from tests.hook.standard_input import Hook, assert_not_broken
from tests.hook.test_hostile_payloads import payload

_ROW = """
  SELECT agent_name, agent_version, agent_description, tools_available, instructions, agent_configuration
  FROM agent_executions WHERE agent_instance_id IS NOT NULL"""


class Definition(NamedTuple):
    """A file, and what of it is in the row."""

    text: str
    description: str | None
    tools: list[str]
    instructions: str | None
    configuration: dict[str, Any] | None
    version: str | None = None


DEFINITIONS = {
    "plain": Definition(
        "---\nname: a\ndescription: Reads code\ntools: Read, Grep\nmodel: haiku\nversion: 1.2.0\n---\n\nYou read.\n",
        "Reads code",
        ["Read", "Grep"],
        "You read.",
        {"name": "a", "tools": "Read, Grep", "model": "haiku"},
        "1.2.0",
    ),
    "list": Definition(
        "---\nname: a\ntools:\n  - Read\n  - Bash\n---\nYou.\n",
        None,
        ["Read", "Bash"],
        "You.",
        {"name": "a", "tools": ["Read", "Bash"]},
    ),
    "flow list": Definition(
        '---\ntools: [Read, "Bash"]\n---\nYou.\n',
        None,
        ["Read", "Bash"],
        "You.",
        {"tools": ["Read", "Bash"]},
    ),
    "list at the margin": Definition(
        "---\ntools:\n- Read\n- Bash\n---\nYou.",
        None,
        ["Read", "Bash"],
        "You.",
        {"tools": ["Read", "Bash"]},
    ),
    "folded": Definition(
        "---\ndescription: >\n  Reads\n  much code\nname: a\n---\nYou.\n",
        "Reads much code",
        [],
        "You.",
        {"name": "a"},
    ),
    "quoted": Definition(
        "---\ndescription: \"Use: when asked # not a comment\"\nname: 'a'\n---\nYou.",
        "Use: when asked # not a comment",
        [],
        "You.",
        {"name": "a"},
    ),
    "comments": Definition(
        "---\n# of the author\nname: a # short\n\ncolor: blue\n---\nYou.",
        None,
        [],
        "You.",
        {"name": "a", "color": "blue"},
    ),
    "windows": Definition(
        "---\r\nname: a\r\ntools: Read\r\n---\r\nYou.\r\nAnd you.\r\n",
        None,
        ["Read"],
        "You.\nAnd you.",
        {"name": "a", "tools": "Read"},
    ),
    "no front matter": Definition("Just words.\n", None, [], "Just words.", None),
    "no end": Definition("---\nname: a\n", None, [], None, {"name": "a"}),
    "rules in the text": Definition(
        "---\nname: a\n---\nAbove\n\n---\n\nBelow", None, [], "Above\n\n---\n\nBelow", {"name": "a"}
    ),
    "byte order mark": Definition("\ufeff---\nname: a\n---\nYou.", None, [], "You.", {"name": "a"}),
    "unicode": Definition("---\nname: größe\n---\nDu 🦊.", None, [], "Du 🦊.", {"name": "größe"}),
}


def row(hook: Hook, spool: Path, url: str, folder: Path) -> dict[str, Any]:
    """The row of a sub-agent that worked in the folder."""
    begin = payload("SubagentStart", folder, agent_type="reader")
    assert_not_broken(hook.tell(begin))
    assert_not_broken(hook.tell({**begin, "hook_event_name": "SubagentStop"}))
    rows.store(url, spool)
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        (found,) = cursor.execute(_ROW).fetchall()
    return found


def write(folder: Path, text: str) -> None:
    """Make the file of the agent `reader`."""
    path = folder / ".claude" / "agents" / "reader.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())


@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_it_says_is_in_the_row(hook: Hook, spool: Path, tmp_path: Path, database_url: str, name: str) -> None:
    """Version (else a digest of the file), description, tools, instructions, and all of its settings."""
    definition = DEFINITIONS[name]
    write(tmp_path, definition.text)
    found = row(hook, spool, database_url, tmp_path)
    digest = hashlib.sha256(definition.text.encode()).hexdigest()[:12]
    assert found["agent_name"] == "reader"
    assert found["agent_version"] == (definition.version or f"sha256:{digest}")
    assert found["agent_description"] == definition.description
    assert [tool for tool in definition.tools if tool not in (found["tools_available"] or "")] == []
    assert bool(found["tools_available"]) == bool(definition.tools)
    assert (definition.instructions or "") in (found["instructions"] or "").replace("\\n", "\n")
    assert bool(found["instructions"]) == bool(definition.instructions)
    assert found["agent_configuration"] == definition.configuration


def test_the_nearest_counts(hook: Hook, spool: Path, tmp_path: Path, database_url: str) -> None:
    """That of the folder before that of the project, and that before the user's."""
    below = tmp_path / "project" / "deep" / "below"
    for folder, version in ((tmp_path, "3"), (tmp_path / "project", "1"), (tmp_path / "config", "2")):
        write(folder, f"---\nversion: {version}\n---\nYou.")
    below.mkdir(parents=True)
    assert row(hook, spool, database_url, below)["agent_version"] == "1"


@pytest.mark.parametrize(
    "text", ["tools:\n" + "- x\n" * 200_000, "description: >\n" + "  words\n" * 120_000, "a: b\n" * 200_000]
)
def test_front_matter_without_end(hook: Hook, tmp_path: Path, text: str) -> None:
    """It is not read for ever."""
    write(tmp_path, f"---\n{text}---\nYou.\n")
    assert_not_broken(hook.tell(payload("SubagentStart", tmp_path, agent_type="reader")))
