"""A running stack takes what waits in the spool of its user: nobody has to call anything after an outage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from agent_otel import settings
from agent_otel.drain import drain
from agent_otel.local_stack.stack import LocalStack
from agent_otel.open_execution import ExecutionFolder
from agent_otel.settings_file import is_loopback
from agent_otel.shell.claude_code.sweep import all_gone

#: Seconds between looks, and for one round of delivery: at most so long a stack that stops waits for an answer.
LOOK_SECONDS: Final = 2.0
ROUND_SECONDS: Final = 5.0
#: Between removals of what is past its time in the folder of open executions.
TIDY_SECONDS: Final = 3600.0


@contextmanager
def draining(stack: LocalStack, report: Callable[[str], None]) -> Iterator[None]:
    """Deliver to the stack what waits in its user's spool, in a thread of its own, until the end of the block."""
    told = settings.load(environ=stack.environ)
    if not is_loopback(told.endpoint):
        report(f"what waits in the spool is for {told.endpoint} and stays there; `agent-otel flush` delivers it")
        yield
        return
    ours = settings.load({"endpoint": stack.endpoint}, stack.environ)
    stop = Event()
    thread = Thread(target=_run, args=(ours, stop, report), name="agent-otel-drain", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _run(ours: settings.Settings, stop: Event, report: Callable[[str], None]) -> None:
    said, next_tidy = "", 0.0
    while not stop.is_set():
        if time.monotonic() >= next_tidy:
            next_tidy = time.monotonic() + TIDY_SECONDS
            ExecutionFolder(ours.state_dir).clean_up()
        all_gone(ours)  # runs of Claude Code that were killed, whose session nobody may ever see again
        done = drain(ours, time.monotonic() + ROUND_SECONDS, stop.wait)
        if done.delivered:
            report(f"delivered {done.delivered} spans and events that waited in the spool")
        if done.problem and done.problem != said:
            report(f"spool: {done.problem}")
        said = done.problem
        stop.wait(LOOK_SECONDS)
