"""How a command ended."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage
    from typing import Final

#: Signals by which somebody told the command to stop; any other end by a signal is a failure.
_TOLD: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
#: ru_maxrss is in kibibytes on Linux, in bytes on macOS.
_MAXRSS_UNIT: Final = 1 if os.uname().sysname == "Darwin" else 1024


class Ending:
    """`code`: of the exit, when no signal ended it; `seconds` and `memory`: of the processor, in bytes; `problem`: why
    it did not begin.
    """

    __slots__ = ("code", "duration_ns", "memory", "problem", "seconds", "signal")

    def __init__(self, code: int, duration_ns: int, problem: str = "") -> None:
        self.code = code
        self.duration_ns = duration_ns
        self.problem = problem
        self.signal = 0
        self.seconds = 0.0
        self.memory = 0

    @classmethod
    def of(cls, status: int, usage: struct_rusage, duration_ns: int) -> Ending:
        """What os.wait4 said."""
        code = os.waitstatus_to_exitcode(status)
        ending = cls(max(code, 0), duration_ns)
        ending.signal = max(-code, 0)
        ending.seconds = usage.ru_utime + usage.ru_stime
        ending.memory = usage.ru_maxrss * _MAXRSS_UNIT
        return ending

    @property
    def status(self) -> str:
        """As an execution's status."""
        if self.signal in _TOLD:
            return "cancelled"
        return "error" if self.signal or self.code else "success"

    @property
    def error_type(self) -> str:
        """A class of failure; empty for a success."""
        if self.problem:
            return "command_not_started"
        if self.signal:
            return signal.Signals(self.signal).name
        return f"exit_code_{self.code}" if self.code else ""

    @property
    def sentence(self) -> str:
        """For people."""
        if self.problem:
            return self.problem
        return f"ended by {self.error_type}" if self.signal else f"exit code {self.code}"
