"""Watch a running stack: a part that ends by itself is started again, a limited number of times.

Meanwhile what short processes left in the spool is delivered to it.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from agent_otel.errors import LocalStackError
from agent_otel.exporter.stop_signal import StopSignal
from agent_otel.local_stack.spool_drain import draining
from agent_otel.local_stack.stack import LocalStack

#: So many restarts of one part within the window; one more and the whole stack stops, with the reason.
MAX_RESTARTS: Final = 5
RESTART_WINDOW_SECONDS: Final = 600
FIRST_DELAY_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.2


def supervise(stack: LocalStack, stop: StopSignal, report: Callable[[str], None]) -> None:
    """Return once `stop` is set; LocalStackError when a part keeps ending."""
    with draining(stack, report):
        _watch(stack, stop, report)


def _watch(stack: LocalStack, stop: StopSignal, report: Callable[[str], None]) -> None:
    restarts: dict[str, list[float]] = defaultdict(list)
    while not stop.wait(_POLL_SECONDS):
        for name in stack.ended():
            recent = [when for when in restarts[name] if time.monotonic() - when < RESTART_WINDOW_SECONDS]
            restarts[name] = [*recent, time.monotonic()]
            if len(recent) >= MAX_RESTARTS:
                raise LocalStackError(f"the {name} ended {len(recent) + 1} times; {stack.last_words(name)}")
            report(f"the {name} ended by itself, starting it again; {stack.last_words(name)}")
            # Doubling, so that a part which needs another one gives it time.
            if stop.wait(FIRST_DELAY_SECONDS * 2 ** len(recent)):
                return
            try:
                stack.restart(name)
            except LocalStackError as error:
                report(str(error))
