"""Running the real CLI: headless, in the clean environment, bounded in time, ended by pid."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Timer
from typing import Any, Final, NamedTuple

from tests.claude.environment import require_clean
from tests.claude.terminal import Terminal

MODEL: Final = "claude-sonnet-4-5"
_RUN_S: Final = 60.0


class Result(NamedTuple):
    """What a run gave back; `answer` is its JSON result, None when it printed none."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any] | None:
        """The last line of standard output as JSON."""
        lines = self.out.strip().splitlines()
        found: dict[str, Any] | None = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None
        return found


class Cli:
    """One version of the CLI for agents that live in `folder`."""

    def __init__(self, program: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.work = folder / "work"
        self._program = program
        self._folder = folder
        self._environ = environ
        for name in ("home", "config", "tmp", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the user's settings."""
        (self._folder / "config" / "settings.json").write_text(json.dumps(settings))

    def start(self, prompt: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a headless run; whoever starts it ends it."""
        return self._start(subprocess.DEVNULL, prompt, "--output-format", "json", *arguments)

    def converse(self, first: str, second: str, *arguments: str, busy: Callable[[], object] | None = None) -> Result:
        """One process for two prompts, the second said when the first is answered; the last answer's result.

        With `busy`, the second is said as soon as that returns, while the CLI works on the first.
        """
        stream = ("--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
        with self._start(subprocess.PIPE, *stream, *arguments) as process:
            # Whatever hangs then comes to an end.
            late = Timer(_RUN_S, process.kill)
            late.start()
            try:
                _say(process, first)
                _ = busy() if busy else _answer(process)
                _say(process, second)
                answer = _answer(process)
                _, err = process.communicate()
            finally:
                late.cancel()
                process.kill()
        return Result(process.returncode, answer, err)

    def terminal(self, *arguments: str) -> Terminal:
        """An interactive run."""
        # For the title 2.1.197 has the prompt summed up, by a request whose answer is none of the conversation's.
        environ = {**self._environ, "TERM": "xterm-256color", "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1"}
        require_clean(environ, self._folder)
        mode = ("--model", MODEL, "--permission-mode", "default")
        return Terminal(self._program, [*mode, *arguments], environ, self.work)

    def run(self, prompt: str, *arguments: str) -> Result:
        """A headless run to its end; subprocess.TimeoutExpired when it does not come to one."""
        with self.start(prompt, *arguments) as process:
            try:
                out, err = process.communicate(timeout=_RUN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Result(process.returncode, out, err)

    def _start(self, stdin: int, *arguments: str) -> "subprocess.Popen[str]":
        require_clean(self._environ, self._folder)
        return subprocess.Popen(
            [self._program, "-p", *arguments, "--model", MODEL],
            cwd=self.work,
            env=dict(self._environ),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _say(process: "subprocess.Popen[str]", prompt: str) -> None:
    assert process.stdin
    message = {"role": "user", "content": [{"type": "text", "text": prompt}]}
    process.stdin.write(json.dumps({"type": "user", "message": message}) + "\n")
    process.stdin.flush()


def _answer(process: "subprocess.Popen[str]") -> str:
    """The next line with a result; empty when the CLI ended instead."""
    assert process.stdout
    return next((line for line in process.stdout if json.loads(line)["type"] == "result"), "")
