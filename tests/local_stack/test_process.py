"""Processes are told apart by more than their pid."""

import dataclasses
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from agent_otel.local_stack import process
from agent_otel.local_stack.process import end, identify, wait_until
from tests.fixtures.processes import Spawn

_SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
_DEAF = [
    *(sys.executable, "-c"),
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
]


def test_a_process_is_known_by_pid_start_and_command_line(spawn: Spawn) -> None:
    """The same process is the same twice; another run of the same command is another."""
    first, second = spawn(_SLEEPER), spawn(_SLEEPER)
    found = identify(first.pid)
    assert found is not None
    assert found == identify(first.pid)
    assert found.argv == tuple(_SLEEPER)
    assert found != identify(second.pid)


def test_an_ended_process_is_nobody(spawn: Spawn) -> None:
    """A process that has ended is gone at once, though its parent has not asked for its exit code."""
    ended = spawn([sys.executable, "-c", ""])
    assert wait_until(lambda: identify(ended.pid) is None, 10)
    assert ended.returncode is None


def test_end_sends_the_next_signal_to_a_process_that_ignores_the_first(spawn: Spawn, tmp_path: Path) -> None:
    """SIGTERM that is ignored is followed by SIGKILL, and the answer is true once the process is gone."""
    deaf = spawn(_DEAF)
    assert wait_until(lambda: (tmp_path / "process-0.log").read_text() == "deaf\n", 10)
    found = identify(deaf.pid)
    assert found is not None
    assert end(found, [(signal.SIGTERM, 0.3), (signal.SIGKILL, 10)])
    assert deaf.wait(10) == -signal.SIGKILL


def test_end_leaves_whoever_has_the_pid_now_alone(spawn: Spawn) -> None:
    """A record of an earlier run with the same pid, or of another command, ends nobody."""
    running = spawn(_SLEEPER)
    found = identify(running.pid)
    assert found is not None
    for other in (dataclasses.replace(found, started="earlier"), dataclasses.replace(found, argv=("other",))):
        assert end(other, [(signal.SIGKILL, 1)])
    assert identify(running.pid) == found


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is not installed")
def test_without_proc_the_same_is_told_by_ps(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems without /proc (macOS) are asked through ps, with the same answers."""
    running, ended = spawn(_SLEEPER), spawn([sys.executable, "-c", ""])
    assert wait_until(lambda: identify(ended.pid) is None, 10)
    monkeypatch.setattr(process, "_PROC", Path(os.devnull))
    found = identify(running.pid)
    assert found is not None
    assert found == identify(running.pid)
    assert " ".join(found.argv) == " ".join(_SLEEPER)
    assert identify(ended.pid) is None
    assert end(found, [(signal.SIGTERM, 10)])
