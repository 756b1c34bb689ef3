"""`--help` of every command: an example, and no colour where nobody can see it."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from agent_otel.cli import HOT, VERBS
from docs.cli_page import commands, help_of
from tests.docs.recipe import PROGRAMS

ESCAPE = b"\x1b"
#: Variables by which programs are made to print colours.
_WANTS_COLOUR = {"TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}


@pytest.mark.parametrize("verb", [*HOT, *VERBS])
def test_every_command_has_help_with_an_example(verb: str) -> None:
    """`agent-otel VERB --help` says how it is used, for instance."""
    (page, *_) = [help_of(words) for words in commands() if words[0] == verb]
    assert page.startswith(f"usage: agent-otel {verb}")
    assert page.partition("\nexample: ")[2].strip()


def test_the_page_knows_every_command() -> None:
    """What `agent-otel --help` lists has its section in docs/cli.md."""
    assert {words[0] for words in commands()} == {*HOT, *VERBS}


def test_help_is_asked_for_in_a_process() -> None:
    """Exit code 0, the help on standard output, nothing on standard error."""
    for words in (["--help"], ["start", "--help"], ["hook", "completion", "--help"], ["list", "--help"]):
        done = subprocess.run([PROGRAMS / "agent-otel", *words], capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"usage: agent-otel")


@pytest.mark.parametrize(
    "words", [["--help"], ["start", "--help"], ["start", "--agent", "a"], ["list", "--help"], ["status"], ["no-such"]]
)
def test_no_colour_when_piped_and_none_with_no_color(words: list[str], tmp_path: Path) -> None:
    """No escape sequence in a pipe or, where NO_COLOR is set, on a terminal."""
    home = {"AGENT_OTEL_HOME": str(tmp_path), "AGENT_OTEL_ENDPOINT": "http://127.0.0.1:9"}
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", *_WANTS_COLOUR)}
    command = [str(PROGRAMS / "agent-otel"), *words]
    piped = subprocess.run(command, env={**inherited, **home}, capture_output=True, check=False, timeout=60)
    assert piped.stdout + piped.stderr
    assert ESCAPE not in piped.stdout + piped.stderr
    shown = _on_a_terminal(command, {**inherited, **home, **_WANTS_COLOUR, "NO_COLOR": "1"})
    assert shown
    assert ESCAPE not in shown


def _on_a_terminal(command: list[str], environment: dict[str, str]) -> bytes:
    """What a person sees."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 65536):
                seen += block
        except OSError:  # Linux: EIO once the other side is closed
            pass
        finally:
            os.close(ours)
        assert process.wait(60) is not None
    return seen
