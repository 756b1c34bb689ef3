"""A whole process, timed: from before it is made until it has ended and all of its output is read."""

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

_CHUNK = 65_536


class Ended(NamedTuple):
    """How long it took in ms, what it wrote to stdout, and its exit code."""

    milliseconds: float
    output: str
    code: int


def timed(argv: list[str], environ: Mapping[str, str], stdin: str = os.devnull) -> Ended:
    """Run a program with its stdout in a pipe and stdin from a file; what it writes to stderr is dropped.

    posix_spawn does not copy this process, so that its size does not count.
    """
    reading, writing = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    begun = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, environ, file_actions=actions)
    os.close(writing)
    output = b"".join(iter(lambda: os.read(reading, _CHUNK), b""))
    _, status = os.waitpid(pid, 0)
    elapsed = time.perf_counter_ns() - begun
    os.close(reading)
    return Ended(elapsed / 1e6, output.decode(), os.waitstatus_to_exitcode(status))
