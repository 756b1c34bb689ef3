"""The command as a process, asked about a database of executions that stand at every edge."""

import datetime as dt
import os
import subprocess
from pathlib import Path

from agent_otel import semconv as s
from agent_otel.cli import main
from tests.docs.recipe import PROGRAMS
from tests.fixtures.audited import NOON, ended, step, told, verdict, write

#: What an agent may call itself, or write, to steer a terminal, a spreadsheet or a page.
HOSTILE = "=cmd|'/C calc'!A0 \x1b[2J|`<b>\u202e"
DAY = NOON.date().isoformat()
PERIOD = ("--since", (NOON - dt.timedelta(days=1)).isoformat(), "--until", (NOON + dt.timedelta(days=1)).isoformat())


def fill(url: str) -> None:
    """A refuted success that touched a secret and called an API, a slow one, failures, and a quiet sub-agent."""
    failing = {s.ERROR_TYPE: "Timeout", s.ERROR_MESSAGE: "after 5 s"}
    files = {s.FILES_MODIFIED: ["secrets.yml"], s.USER_ID: "eve", s.TASK_DESCRIPTION: HOSTILE}
    write(
        url,
        ended(1, "writer", more=files | {s.GEN_AI_OUTPUT_MESSAGES: "line 1\n```\nline 3"}),
        step(1, 1, "Bash", {"command": "gh pr list"}),
        step(1, 2, "WebFetch", {"url": "https://example.org/"}),
        verdict(1, "MISMATCH", by="bob", expected_vs_actual="not done"),
        ended(2, "writer", ms=400_000),
        ended(3, "writer", "error", more=failing),
        ended(4, "reader", "error", more=failing),
        ended(5, HOSTILE),
        told(5, s.EVENT_ISSUE, {s.ISSUE_TYPE: "INFO", s.ISSUE_DESCRIPTION: HOSTILE, s.STATED_BY: "bob"}),
    )


def exit_code(*words: str) -> int:
    """What the command would leave with, run here."""
    try:
        return main(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)


def agent_otel(*words: str, url: str | None, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command; without a URL it knows of no database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_OTEL_")}
    environment |= {"AGENT_OTEL_HOME": str(home)} | ({"AGENT_OTEL_DATABASE_URL": url} if url else {})
    return subprocess.run(
        [PROGRAMS / "agent-otel", *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
