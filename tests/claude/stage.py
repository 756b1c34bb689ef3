"""Where a scenario is played: a CLI, its model and its files, in a folder of their own."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent_otel.local_stack.process import wait_until
from tests.claude.cli import Cli, Result
from tests.claude.environment import clean_environment, require_clean
from tests.claude.hooks import PROGRAMS
from tests.claude.ledger import Ledger
from tests.claude.model_server import ModelServer
from tests.claude.script import Scripts, prompt
from tests.claude.terminal import ESCAPE, TerminalError
from tests.faults import process_tree

#: The file by which a tool tells that it has begun.
STARTED: Final = "started"
_STARTED_S: Final = 30.0
_ENDED_S: Final = 15.0
_FLUSH_S: Final = 60


class StageError(Exception):
    """The CLI did something else than a scenario asks for, before anything of ours is looked at."""


class Stage:
    """One scenario's CLI and model. `more`: variables beside the clean environment; they are checked like it."""

    def __init__(self, program: Path, folder: Path, scripts: Scripts, more: Mapping[str, str]) -> None:
        self.folder = folder
        self._scripts = scripts
        self.model = ModelServer(scripts)
        self.environ = {**clean_environment(folder, self.model.url, PROGRAMS), "CLAUDE_CODE_MAX_RETRIES": "2", **more}
        require_clean(self.environ, folder)
        self.cli = Cli(program, folder, self.environ)
        self.session = ""
        self.output: list[str] = []
        self._arguments: Sequence[str] = ()
        (self.cli.work / "notes.txt").write_text("a note\n")

    @property
    def ledger(self) -> Ledger:
        """What the model answered."""
        return self.model.ledger

    def register(self, settings: Mapping[str, Any], arguments: Sequence[str] = ()) -> None:
        """The user's settings, and arguments of every run."""
        self.cli.configure(settings)
        self._arguments = arguments

    def prompt(self, script: str, *arguments: str) -> Result:
        """Let the CLI work on a prompt to the end."""
        return self.command(prompt(script), *arguments)

    def command(self, words: str, *arguments: str) -> Result:
        """Let the CLI do what `words` say, to the end."""
        return self._noted(self.cli.run(words, *self._arguments, *arguments))

    def converse(self, first: str, second: str, *, interject: bool = False) -> Result:
        """Say two prompts to one process, the second after the answer or while the first's tool runs."""
        busy = self._wait_for_tool if interject else None
        return self._noted(self.cli.converse(prompt(first), prompt(second), *self._arguments, busy=busy))

    def interrupt(self, first: str, second: str) -> None:
        """In a terminal: stop the first prompt while its tool runs, say the second, leave."""
        with self.cli.terminal(*self._arguments) as terminal:
            try:
                terminal.say(prompt(first))
                terminal.wait_until((self.cli.work / STARTED).exists, "the tool")
                terminal.press(ESCAPE)
                terminal.wait_for("Interrupted")
                terminal.say(prompt(second))
                terminal.wait_for_answer(self._scripts[second][-1].text)
                terminal.leave()
            except TerminalError as wrong:
                raise StageError(str(wrong)) from None
        self.session = self.ledger.requests()[-1].session

    def kill(self, script: str, number: int) -> None:
        """Start on a prompt, and send the CLI a signal while its first tool runs."""
        process = self.cli.start(prompt(script), *self._arguments)
        try:
            self._wait_for_tool()
            below = process_tree.tree(process.pid)
            os.kill(process.pid, number)
            self.output.append(process.communicate(timeout=_ENDED_S)[1])
        finally:
            process.kill()
            process.wait()
        # What the CLI left running is ours to end.
        process_tree.send([pid for pid in below if not process_tree.gone(pid)], signal.SIGKILL)
        (self.cli.work / STARTED).unlink()
        self.session = self.ledger.requests()[-1].session

    def flush(self, **more: str) -> None:
        """Run `agent-otel flush` as the user would; `more` variables."""
        command = [str(PROGRAMS / "agent-otel"), "flush"]
        environ = {**self.environ, **more}
        subprocess.run(command, env=environ, cwd=self.cli.work, timeout=_FLUSH_S, check=True, capture_output=True)

    def disturbances(self) -> list[str]:
        """How hooks were noticed: by the user, on standard error, or by the model."""
        lines = [line for output in self.output for line in output.splitlines() if "hook" in line.lower()]
        return [f"a hook was noticed: {words[:200]}" for words in (*lines, *sorted(self.model.hook_words))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.model.close()

    def _wait_for_tool(self) -> None:
        if not wait_until((self.cli.work / STARTED).exists, _STARTED_S):
            raise StageError("the tool that was waited for did not start")

    def _noted(self, result: Result) -> Result:
        self.output.append(result.err)
        if result.answer is None:
            raise StageError(f"the CLI gave no result (exit code {result.code}): {result.err[-500:]}")
        self.session = result.answer["session_id"]
        return result
