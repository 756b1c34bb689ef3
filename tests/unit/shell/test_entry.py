"""The two commands themselves: what they have, what they refuse, and a reader that goes away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_otel.cli import HOT, SKILL, VERBS

PROGRAMS = Path(sys.executable).parent


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """An installed command, to its end."""
    return subprocess.run([PROGRAMS / program, *words], capture_output=True, text=True, timeout=30, check=False)


def test_agent_otel_lists_every_verb() -> None:
    """With --help as success, without a word as wrong usage."""
    asked, bare = run("agent-otel", "--help"), run("agent-otel")
    assert (asked.returncode, bare.returncode) == (0, 2)
    assert asked.stdout == bare.stdout
    assert all(f"\n  {verb} " in asked.stdout for verb in (*HOT, *VERBS))


def test_log_execution_has_the_verbs_of_the_skill() -> None:
    """Those and no others."""
    asked, bare, other = run("log-execution", "--help"), run("log-execution"), run("log-execution", "up")
    assert (asked.returncode, bare.returncode, other.returncode) == (0, 2, 2)
    listed = [line.split()[0] for line in asked.stdout.splitlines() if line.startswith("  ")]
    assert listed == list(SKILL)
    assert other.stderr == "log-execution: no such command: 'up'; it has start, progress, step, complete\n"


@pytest.mark.parametrize("words", [("--help",), ("start", "--help"), ("--version",), ("start",)])
def test_a_reader_that_goes_away(words: tuple[str, ...]) -> None:
    """No traceback; a call of the hot path still exits 0."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        command = [str(PROGRAMS / "agent-otel"), *words]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_an_error_of_ours_is_none_of_the_callers() -> None:
    """Whatever breaks inside: one JSON object, a line on stderr, exit 0."""
    program = (
        "import sys\nfrom agent_otel import cli\nfrom agent_otel.shell import start\n"
        "start.begin = lambda call: 1 / 0\nsys.exit(cli.main())"
    )
    command = [sys.executable, "-c", program, "start", "--agent", "a"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "agent-otel start: ZeroDivisionError: division by zero\n")
    assert done.stdout == '{"success": false, "recorded": false, "error": "ZeroDivisionError: division by zero"}\n'
    strict = subprocess.run([*command, "--strict"], capture_output=True, timeout=30, check=False)
    assert strict.returncode == 3
