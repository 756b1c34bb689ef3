"""The README cannot lie: its Python runs, its SQL runs, its commands exist."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_otel.cli import HOT, VERBS
from agent_otel.store.connection import connect

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("source", blocks("python"))
def test_python_blocks_run(source: str, tmp_path: Path) -> None:
    """Each Python block runs as it stands, without a Collector and without a word on stderr."""
    environment = {**os.environ, "AGENT_OTEL_HOME": str(tmp_path), "AGENT_OTEL_ENDPOINT": "http://127.0.0.1:1"}
    command = [sys.executable, "-W", "error", "-c", source]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("statement", [s for block in blocks("sql") for s in block.split(";") if s.strip()])
def test_sql_blocks_run(statement: Any, database_url: str) -> None:
    """Each SQL statement runs on a migrated database."""
    with connect(database_url, application="test") as connection:
        connection.execute(statement)


def test_commands_exist() -> None:
    """Every `agent-otel` verb and every `make` target that the README names exists."""
    verbs = set(re.findall(r"agent-otel ([a-z]+)", "\n".join(blocks("console")))) | set(
        re.findall(r"`[^`]*agent-otel ([a-z]+)[^`]*`", README)
    )
    assert verbs <= {*HOT, *VERBS}
    targets = set(re.findall(r"make ([a-z]+)", "\n".join(blocks("console")))) | set(
        re.findall(r"`make ([a-z]+)`", README)
    )
    assert targets
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_links_lead_somewhere() -> None:
    """Every relative link in the README and the docs leads to a file."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "collector" / "README.md"]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
