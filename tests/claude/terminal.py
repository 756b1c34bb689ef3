"""The CLI as people use it: in a terminal (a pseudo-terminal of ours), typed to and interrupted."""

import json
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ESCAPE, INTERRUPT = "\x1b", "\x03"
_PROMPT: Final = "\u276f"  # the arrow where one types
_IDLE: Final = "shortcuts"
_WAIT_S: Final = 30.0
_SIZE: Final = (50, 160)


class TerminalError(Exception):
    """The CLI did not show what it was waited for."""


class Terminal:
    """One interactive run; ends with the block."""

    def __init__(self, program: Path, arguments: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        # Dark on white or the other way round, who trusts this folder: what the first start would ask a person.
        config = Path(environ["CLAUDE_CONFIG_DIR"], ".claude.json")
        config.write_text(json.dumps(_answered(environ["ANTHROPIC_API_KEY"], cwd)))
        self._shown = ""
        self._pid, self._descriptor = pty.fork()
        if not self._pid:
            os.chdir(cwd)
            os.execve(program, [str(program), *arguments], dict(environ))  # noqa: S606 - that is what is wanted
        ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))

    def say(self, prompt: str) -> None:
        """Type a prompt and send it off."""
        self.wait_for(_PROMPT)
        self.press(prompt)
        self.wait_for(prompt.partition(" ")[0])  # instead of a blank the CLI moves the cursor
        self.press("\r")

    def press(self, keys: str) -> None:
        """Type; what was shown before does not count for what is waited for next."""
        self._shown = ""
        os.write(self._descriptor, keys.encode())

    def wait_for(self, words: str) -> None:
        """Wait until the screen shows something."""
        self.wait_until(lambda: words in self._shown, words)

    def wait_for_answer(self, words: str) -> None:
        """Wait until the screen shows an answer, and after it what it shows to one who may type."""
        self.wait_until(lambda: _IDLE in self._shown.partition(words)[2], words)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Read the screen until something holds. Raises TerminalError."""
        deadline = time.monotonic() + _WAIT_S
        while not condition():
            if time.monotonic() > deadline or not self._read():
                raise TerminalError(f"waited for {what!r}; the screen says {self._shown[-400:]!r}")

    def leave(self) -> None:
        """Leave as people do: Ctrl-C twice."""
        self.press(INTERRUPT)
        self.wait_for("again")
        self.press(INTERRUPT)
        deadline = time.monotonic() + _WAIT_S
        while self._read():
            if time.monotonic() > deadline:
                raise TerminalError("it did not end")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    def _read(self) -> bool:
        """Take what the CLI draws, for a moment; False when it has ended."""
        ready, _, _ = select.select([self._descriptor], [], [], 0.05)
        if not ready:
            return True
        try:
            drawn = os.read(self._descriptor, 65_536)
        except OSError:  # how a terminal without a program on its other side says so
            return False
        self._shown += drawn.decode(errors="replace")
        return True


def _answered(key: str, cwd: Path) -> dict[str, Any]:
    project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    return {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [key[-20:]], "rejected": []},
        "projects": {str(cwd): project},
    }
