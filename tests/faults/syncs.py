"""fsync before each acknowledgement, counted with strace: of the Collector's queue, and of PostgreSQL's log."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.slots import COLLECTOR, POSTGRES
from tests.faults import agent_runs, controls, process_tree
from tests.faults.clients import COLLECTOR_HTTP, EXPORTER_HTTP
from tests.faults.otlp_sender import HttpSender
from tests.faults.report import Report
from tests.faults.rig import Rig

NAME: Final = "fsync before each answer"
_MISSING: Final = "strace is not installed: apt-get install strace (Debian)"
_REQUESTS: Final = 10
#: Long enough for what a request leaves behind (its way out of the queue) to be over before the next.
_QUIET_S: Final = 0.6
_ATTACH_S: Final = 20.0
#: `<pid> <seconds> fdatasync(7) = 0 <0.001234>`, or `<pid> <seconds> <... fdatasync resumed>) = 0 <0.001234>`.
_CALL: Final = re.compile(r"^\d+ +(\d+\.\d+) (<\.\.\. )?f(?:data)?sync.*= 0 <(\d+\.\d+)>$", re.MULTILINE)


class Span(NamedTuple):
    """From when to when, in seconds of the wall clock."""

    begin: float
    end: float


def check(rig: Rig, report: Report) -> None:
    """Count; each answer must come after a sync that began after its request. With the queue in memory none does."""
    if not shutil.which("strace"):
        report.not_run(NAME, _MISSING)
        return
    _compare(rig, report, "Collector", COLLECTOR_HTTP, lambda: [rig.pid(COLLECTOR)])
    _compare(rig, report, "exporter (PostgreSQL)", EXPORTER_HTTP, lambda: process_tree.tree(rig.pid(POSTGRES)))
    with controls.queue_in_memory(rig):
        _compare(
            rig, report, "Collector, queue in memory", COLLECTOR_HTTP, lambda: [rig.pid(COLLECTOR)], must_sync=False
        )


def parse(trace: str) -> list[Span]:
    """The successful fsync and fdatasync calls in strace's output (-f -ttt -T)."""
    return [_call(float(stamp), bool(resumed), float(took)) for stamp, resumed, took in _CALL.findall(trace)]


def synced(requests: Sequence[Span], syncs: Sequence[Span]) -> int:
    """How many requests had at least one sync begin and end while they waited."""
    return sum(any(one.begin <= sync.begin and sync.end <= one.end for sync in syncs) for one in requests)


def _call(stamp: float, resumed: bool, took: float) -> Span:
    """A whole line is stamped at the call's begin, the second line of an interrupted one at its end."""
    return Span(stamp - took, stamp) if resumed else Span(stamp, stamp + took)


def _compare(
    rig: Rig, report: Report, who: str, door: str, pids: Callable[[], list[int]], *, must_sync: bool = True
) -> None:
    sender = HttpSender(rig.address(door))
    _request(sender)  # so that its connections are open and its partitions made
    time.sleep(_QUIET_S)
    trace = rig.home / f"strace-{door}-{must_sync}.txt"
    with _strace(pids(), trace):
        requests = [_request(sender) for _ in range(_REQUESTS)]
    found = synced(requests, parse(trace.read_text()))
    report.figure(f"{NAME}: {who}: {found} of {_REQUESTS} requests")
    wanted = _REQUESTS if must_sync else 0
    if found != wanted:
        report.fail(f"{NAME}: {who}: {found} of {_REQUESTS}, must be {wanted}")


def _request(sender: HttpSender) -> Span:
    body = agent_runs.spans_request([agent_runs.new_run()], "strace")
    begin = time.time()
    sender.send("traces", body)
    end = time.time()
    time.sleep(_QUIET_S)
    return Span(begin, end)


@contextmanager
def _strace(pids: list[int], output: Path) -> Iterator[None]:
    """Trace the processes with all their threads."""
    targets = [part for pid in pids for part in ("-p", str(pid))]
    command = ["strace", "-f", "-ttt", "-T", "-e", "trace=fsync,fdatasync", "-o", str(output), *targets]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        attached = wait_until(lambda: process.poll() is not None or all(map(_traced, pids)), _ATTACH_S)
        if not attached or process.poll() is not None:
            raise RuntimeError("strace cannot attach to another process here")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=_ATTACH_S)


def _traced(pid: int) -> bool:
    statuses = [(task / "status").read_text() for task in (Path("/proc") / str(pid) / "task").iterdir()]
    return all("TracerPid:\t0\n" not in status for status in statuses)
