"""The hook in this process, with what a test puts on standard input; and what must hold whatever that is."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_otel.shell import hook

#: A text that stands in every hostile value, so that it can be searched for.
MARK = "m4rk3r"
_SECONDS = 20.0
_BROKE = re.compile(r"agent-otel hook: \w+: ")


class Hook:
    """Calls it. No call may print to stdout, fail, hang, or repeat on stderr what it was given."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "stdin"
        self._capfd = capfd

    def tell(self, payload: Any) -> str:
        """Give it a value as JSON; what it said on stderr."""
        return self.give(json.dumps(payload).encode())

    def give(self, content: bytes) -> str:
        """Give it bytes; what it said on stderr."""
        self._file.write_bytes(content)
        with _standard_input(self._file), _limited():
            code = hook.run([])
        printed = self._capfd.readouterr()
        assert (code, printed.out) == (0, "")
        assert MARK not in printed.err
        assert len(printed.err) < 500
        return printed.err


def assert_not_broken(said: str) -> None:
    """Whatever was wrong, it was expected."""
    assert not _BROKE.match(said), said


@contextmanager
def _standard_input(path: Path) -> Iterator[None]:
    saved, descriptor = os.dup(0), os.open(path, os.O_RDONLY)
    try:
        os.dup2(descriptor, 0)
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(descriptor)


@contextmanager
def _limited() -> Iterator[None]:
    """Fail instead of hanging."""

    def fail(*_: object) -> None:
        raise TimeoutError("the hook hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
