"""A child process that has our place: our streams, the signals that are sent to us, our way to leave."""

from __future__ import annotations

import os
import signal
import time

from agent_otel.shell.ending import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType
    from typing import Any, Final

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
#: What is sent on. The terminal itself sends SIGINT and SIGQUIT to the command, too: those we only outlive.
_SENT_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
_OUTLIVED: Final = (signal.SIGINT, signal.SIGQUIT)
#: Python ignores these; a command expects what the shell would have given it.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class Child:
    """One command; `beat` is called every `beat_seconds` while it runs."""

    def __init__(self, beat: Callable[[], None], beat_seconds: float) -> None:
        self._beat = beat
        self._beat_seconds = beat_seconds
        self._pid = 0
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def run(self, command: list[str], environment: Mapping[str, str]) -> Ending:
        """Run the command to its end."""
        self._catch()
        started = time.monotonic_ns()
        try:
            self._pid = os.posix_spawnp(command[0], command, environment, setsigdef=_IGNORED_BY_PYTHON)
            for number in self._early:
                os.kill(self._pid, number)
            _, status, usage = os.wait4(self._pid, 0)
            self._pid = 0
            return Ending.of(status, usage, time.monotonic_ns() - started)
        except OSError as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            return Ending(code, time.monotonic_ns() - started, f"{command[0]}: {error.strerror}")
        finally:
            self._release()

    def _catch(self) -> None:
        """Take the signals over, except those that whoever started us had ignored."""
        handlers = {**dict.fromkeys(_SENT_ON, self._send_on), **dict.fromkeys(_OUTLIVED, _outlive)}
        handlers[signal.SIGALRM] = self._on_alarm
        for number, handler in handlers.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, self._beat_seconds, self._beat_seconds)

    def _release(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _send_on(self, number: int, _frame: FrameType | None) -> None:
        if self._pid:
            os.kill(self._pid, number)
        else:
            self._early.append(number)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        self._beat()


def leave_as(ending: Ending) -> int:
    """The exit code; ended by a signal, we end by it too, so that whoever waits for us sees the same."""
    if not ending.signal:
        return ending.code
    signal.signal(ending.signal, signal.SIG_DFL)
    os.kill(os.getpid(), ending.signal)
    return 128 + ending.signal


def _outlive(_number: int, _frame: FrameType | None) -> None:
    """The command got it as well, and decides."""
