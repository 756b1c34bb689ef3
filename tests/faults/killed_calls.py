"""Calls of the shell command that are killed at a random point, and what is printed when they are tried again."""

import random
import select
import statistics
import subprocess
import time
from typing import Final, NamedTuple

from tests.faults.shell_caller import COMPLETE, PROGRESS, START, STEP, Call, Caller, Execution
from tests.fixtures.shell import AGENT_OTEL

_MEASURED: Final = 3
#: Kills fall into a call's usual duration and a little beyond: some calls take longer.
_BEYOND: Final = 1.1
#: Every so many calls are killed when they have printed: at random that is seldom met, since they end at once.
_AT_ITS_ANSWER: Final = 5


class Kills(NamedTuple):
    """How many calls were killed, how many of those had printed their answer, how many had ended; ms of a whole one."""

    killed: int
    had_printed: int
    had_ended: int
    usual_ms: int


def strike(caller: Caller, verb: str, times: int, rng: random.Random) -> Kills:
    """Kill `times` calls of a verb, each of them at another point, and make each call again."""
    usual = statistics.median(_duration(caller, verb) for _ in range(_MEASURED))
    killed = printed = ended = 0
    while killed < times and ended < times:
        execution = _prepared(caller, verb)
        call = _call(execution, verb)
        at_its_answer = (killed + ended) % _AT_ITS_ANSWER == 0
        out, code = _killed(caller, call, None if at_its_answer else rng.uniform(0, usual * _BEYOND))
        recorded = caller.note(call, out)
        killed += code != 0
        ended += code == 0
        printed += code != 0 and recorded
        # The same start, the same end; of a stage or a step another one, since each counts for itself.
        caller.make(call if verb in (START, COMPLETE) else _call(execution, verb))
    return Kills(killed, printed, ended, round(usual * 1_000))


def _duration(caller: Caller, verb: str) -> float:
    call = _call(_prepared(caller, verb), verb)
    begun = time.perf_counter()
    caller.make(call)
    return time.perf_counter() - begun


def _prepared(caller: Caller, verb: str) -> Execution:
    execution = caller.new_execution()
    if verb != START:
        caller.make(execution.start())
    return execution


def _call(execution: Execution, verb: str) -> Call:
    if verb == STEP:
        return execution.step(1)
    if verb == COMPLETE:
        # Steps of killed calls may be stored or not.
        return execution.complete(counted=False)
    return {START: execution.start, PROGRESS: execution.progress}[verb]()


def _killed(caller: Caller, call: Call, after: float | None) -> tuple[str, int]:
    """What the call had printed when it was killed, and its exit code; it may have ended before.

    `after`: seconds; None: when it prints.
    """
    with subprocess.Popen(
        [AGENT_OTEL, *call.arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=caller.shell.environ,
        cwd=caller.shell.cwd,
        text=True,
    ) as process:
        assert process.stdout is not None
        select.select([process.stdout], [], [], after)
        process.kill()
        return process.stdout.read(), process.wait()
