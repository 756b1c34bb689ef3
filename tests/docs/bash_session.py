"""One bash, in which a reader types what a page shows: variables stay from command to command."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from agent_otel.local_stack.process import wait_until

#: `up --detach` makes a database.
_SECONDS: Final = 120
_COMMENT: Final = re.compile(r"\s#\s(.*)$")


class Typed(NamedTuple):
    """A command of a `console` block, and what the page shows below it."""

    command: str
    shown: str

    @property
    def comment(self) -> str:
        """What stands behind the command."""
        found = _COMMENT.search(self.command)
        return found[1] if found else ""


class Told(NamedTuple):
    """What a command gave back."""

    command: str
    code: int
    out: str
    err: str


class BashSession:
    """A bash that lives as long as the block; it is ended with what it runs, but for what detached itself."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._places = folder.parent / "typed"
        self._places.mkdir()
        self._count = 0
        self._bash = subprocess.Popen(
            ["bash", "--norc", "-u"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def enter(self, command: str, *, strict: bool = False) -> Told:
        """Run a command, or the lines of a script; `strict`: the first that fails ends the session, and the test."""
        self._count += 1
        script, out, err, code = (self._places / f"{self._count}.{kind}" for kind in ("sh", "out", "err", "code"))
        script.write_text(f"{'set -eo pipefail' if strict else 'set +eo pipefail'}\n{command}\n", encoding="utf-8")
        line = f'. "{script}" > "{out}" 2> "{err}" < /dev/null; echo $? > "{code}.new"; mv "{code}.new" "{code}"\n'
        assert self._bash.stdin
        self._bash.stdin.write(line)
        self._bash.stdin.flush()
        wait_until(lambda: code.exists() or self._bash.poll() is not None, _SECONDS)
        said = [file.read_text(encoding="utf-8") for file in (out, err)]
        assert code.exists(), f"bash ended, or did not come back, in\n{command}\n{said}"
        return Told(command, int(code.read_text()), *said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bash.poll() is None:
            os.killpg(self._bash.pid, signal.SIGKILL)
        assert self._bash.stdin
        self._bash.stdin.close()
        self._bash.wait()


def typed(console: str) -> Iterator[Typed]:
    """The commands of a `console` block: after `$ `, with their continued lines; all else is what they print."""
    commands: list[list[str]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            commands.append([line[2:], ""])
        elif commands and not commands[-1][1] and commands[-1][0].endswith("\\"):
            commands[-1][0] += f"\n{line}"
        else:
            assert commands, f"output before any command: {line}"
            commands[-1][1] += f"{line}\n"
    return (Typed(command, shown) for command, shown in commands)
