"""Several client processes (benchmarks/load.py) at once: started together, their reports in one."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from benchmarks.load import GIVE_UP_S, PROGRAM, Options
from benchmarks.sender import TIMEOUT_S

#: From "go" to the first request, so that all have heard it.
_HEAD_START_S: Final = 0.05


class Report(NamedTuple):
    """What all clients saw; times are in seconds, `taken` from the beginning."""

    #: time.monotonic() of the first request.
    begin: float
    #: Of each request taken: when it was acknowledged, how long the attempt took.
    taken: list[tuple[float, float]]
    #: Attempts that were not taken, by what they were told.
    refused: Counter[str]
    refusal_seconds: list[float]
    #: Requests that fell due, and those of them that were given up or never sent.
    due: int
    dropped: int
    cpu_seconds: float

    @property
    def latencies_ms(self) -> list[float]:
        """How long each acknowledgement took, sorted, in ms."""
        return sorted(1_000 * seconds for _, seconds in self.taken)


class Clients:
    """Client processes. A context manager: once entered they are ready to `go`; at the end they are killed."""

    def __init__(self, options: Options, processes: int) -> None:
        self._deadline = options.seconds + GIVE_UP_S + TIMEOUT_S + 20.0
        self._processes = [_start(options._replace(seed=f"{options.seed} {number}")) for number in range(processes)]
        self.begin = 0.0

    def go(self) -> "Clients":
        """Let all start at the same moment."""
        self.begin = time.monotonic() + _HEAD_START_S
        for process in self._processes:
            assert process.stdin is not None
            print(self.begin, file=process.stdin, flush=True)
        return self

    def report(self) -> Report:
        """Wait for the clients' end; raises TimeoutExpired when one hangs."""
        found = [json.loads(process.communicate(timeout=self._deadline)[0]) for process in self._processes]
        return _merged(self.begin, found)

    def __enter__(self) -> "Clients":
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ended:
            for process in self._processes:
                ended.enter_context(process)
                process.kill()

    def _wait_ready(self) -> None:
        for process in self._processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise SystemExit("a client did not start")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie; NaN of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _start(options: Options) -> "subprocess.Popen[str]":
    arguments = [text for name, value in options._asdict().items() for text in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _merged(begin: float, found: list[dict[str, Any]]) -> Report:
    return Report(
        begin,
        sorted((when, took) for each in found for when, took in each["taken"]),
        sum((Counter(each["refused"]) for each in found), Counter()),
        sorted(took for each in found for took in each["refusal_seconds"]),
        sum(each["due"] for each in found),
        sum(each["dropped"] for each in found),
        sum(each["cpu_seconds"] for each in found),
    )
