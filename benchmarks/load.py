"""A client process under a benchmark: agents in threads of its own, each with one connection and one request
under way at a time.

Closed loop (period 0): the next request follows the answer. Open loop: requests fall due at a fixed rate, whatever the
answers; as in the SDKs, what was not taken within ten seconds, or what falls due while too many wait, is dropped.
Prints `ready`, reads on its input when to start (time.monotonic()), prints what happened as JSON.
"""

import argparse
import json
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bodies import Bodies
from benchmarks.sender import SENDERS, Answer, Sender

#: How long an agent tries to get a request through.
GIVE_UP_S: Final = 10.0
#: Requests that wait in an agent; what falls due beyond them is dropped.
BACKLOG: Final = 4
#: Where the answer says nothing of when to come back.
_PAUSE_S: Final = 0.1


class Options(NamedTuple):
    """What the process does."""

    door: str
    address: str
    per_request: int
    threads: int
    seconds: float
    period: float
    seed: str


class _Supply:
    """New bodies for several threads."""

    def __init__(self, options: Options) -> None:
        self._bodies = iter(Bodies(options.per_request, options.seed))
        self._lock = threading.Lock()

    def next(self) -> bytes:
        with self._lock:
            return next(self._bodies)


class Agent(threading.Thread):
    """One sender of spans, and what it saw."""

    def __init__(self, options: Options, supply: _Supply, number: int) -> None:
        super().__init__(daemon=True)
        self._options = options
        self._supply = supply
        self._sender: Sender = SENDERS[options.door](options.address)
        self._number = number
        self.begin = 0.0
        #: Of each request taken: seconds from the beginning to the acknowledgement, seconds the attempt took.
        self.taken: list[tuple[float, float]] = []
        #: Of each attempt refused: what it was told, with or without a hint; and how long that took.
        self.refused: Counter[str] = Counter()
        self.refusal_seconds: list[float] = []
        self.due = 0
        self.dropped = 0

    def run(self) -> None:
        """Send until the seconds are used up."""
        for _ in self._schedule():
            self._deliver(self._supply.next())
        self._sender.close()

    def _schedule(self) -> Iterator[int]:
        options = self._options
        # Agents do not start in step.
        offset = options.period * (self._number + 0.5) / options.threads
        last = self.begin + options.seconds
        _sleep_until(min(last, self.begin + offset))
        while time.monotonic() < last:
            self.due += 1
            yield self.due
            next_due = self.begin + offset + options.period * self.due
            late = int((time.monotonic() - next_due) / options.period) - BACKLOG if options.period else 0
            if late > 0:
                self.due += late
                self.dropped += late
            if options.period:
                _sleep_until(min(last, self.begin + offset + options.period * self.due))
        if options.period:
            # What fell due while the last requests waited.
            unsent = math.floor((options.seconds - offset) / options.period) + 1 - self.due
            self.due += unsent
            self.dropped += unsent

    def _deliver(self, body: bytes) -> None:
        first = time.monotonic()
        while True:
            started = time.monotonic()
            answer = self._sender.send(body)
            now = time.monotonic()
            if answer.taken:
                self.taken.append((now - self.begin, now - started))
                return
            self.refused[_told(answer)] += 1
            self.refusal_seconds.append(now - started)
            pause = answer.retry_after or _PAUSE_S
            if now + pause > min(first + GIVE_UP_S, self.begin + self._options.seconds):
                self.dropped += 1
                return
            time.sleep(pause)


def _told(answer: Answer) -> str:
    return answer.kind if answer.retry_after is None else f"{answer.kind} + hint"


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def main() -> int:
    """Be the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in Options.__annotations__.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    options = Options(**vars(parser.parse_args()))
    supply = _Supply(options)
    agents = [Agent(options, supply, number) for number in range(options.threads)]
    print("ready", flush=True)
    begin = float(sys.stdin.readline())
    used = time.process_time()
    _sleep_until(begin)
    for agent in agents:
        agent.begin = begin
        agent.start()
    for agent in agents:
        agent.join()
    print(json.dumps(_report(agents, time.process_time() - used)))
    return 0


def _report(agents: list[Agent], cpu_seconds: float) -> dict[str, object]:
    return {
        "taken": [each for agent in agents for each in agent.taken],
        "refused": sum((agent.refused for agent in agents), Counter()),
        "refusal_seconds": [each for agent in agents for each in agent.refusal_seconds],
        "due": sum(agent.due for agent in agents),
        "dropped": sum(agent.dropped for agent in agents),
        "cpu_seconds": cpu_seconds,
    }


#: For those who start it.
PROGRAM: Final = Path(__file__)

if __name__ == "__main__":
    sys.exit(main())
