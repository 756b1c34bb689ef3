"""The shell command under faults: many calls at once while the Collector dies, and calls that are killed themselves.

The ledger is what the calls printed: a call that said that it is recorded has everything of it in PostgreSQL, once.
"""

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.slots import COLLECTOR
from tests.faults import killed_calls, shell_syncs, spoilers
from tests.faults.backlog import Backlog
from tests.faults.clients import COLLECTOR_HTTP
from tests.faults.exporter_connections import ExporterConnections
from tests.faults.outages import Outages
from tests.faults.report import Report
from tests.faults.rig import PYTHONPATH, WORKERS, Rig
from tests.faults.shell_caller import VERBS, Caller
from tests.faults.verification import Verdict, verify
from tests.fixtures.shell import Answer

NAME: Final = "shell"
#: Connections of the exporter beyond one a worker.
_SPARE: Final = 2
_SETTLE_S: Final = 60.0
_LAST_BATCH_S: Final = 3.0
_CONTROL_CALLS: Final = 8
_STORED: Final[Any] = """
SELECT (SELECT count(*) FROM spans WHERE start_time >= %(since)s),
       (SELECT count(*) FROM execution_events WHERE time >= %(since)s)
"""
#: Ends that were told again: one identity, another time. Of a killed call nobody knows whether it told.
_SECOND_ENDS: Final[Any] = """
SELECT count(*) - count(DISTINCT event_id) FROM execution_events
WHERE time >= %(since)s AND event_name = 'aotel.execution.completed'
"""


class Size(NamedTuple):
    """Callers at once and calls of each; kills of each verb, with the Collector and without; pauses of outages in s."""

    callers: int
    calls: int
    kills: int
    pauses: tuple[float, float]


FULL: Final = Size(8, 200, 25, (0.2, 2.0))
SMALL: Final = Size(8, 25, 5, (0.1, 1.0))


def run(folder: Path, report: Report, seed: int, size: Size) -> None:
    """All of it, on a stack of its own."""
    rng = random.Random(seed)
    with Rig(folder / "rig") as rig:
        many_at_once(rig, folder, report, rng, size)
        kills(rig, folder, report, rng, size)
        control(rig, folder, report)


def many_at_once(rig: Rig, folder: Path, report: Report, rng: random.Random, size: Size) -> None:
    """Callers that share one state folder, and a Collector that comes and goes: every record once, nothing more."""
    endpoint = f"http://{rig.address(COLLECTOR_HTTP)}"
    callers = [
        Caller(folder / f"caller-{number}", folder / "home", endpoint, rng.getrandbits(32))
        for number in range(size.callers)
    ]
    since = _now()
    with Outages(rig, rng, size.pauses) as outages, ExporterConnections(rig) as connections:
        answers = _work(callers, size.calls)
    report.figure(f"{sum(answers.values())} calls at once: {dict(answers)}; Collector killed {outages.times} times")
    _check(report, outages.times > 0, "the Collector was never killed")
    most = WORKERS + _SPARE
    report.figure(f"exporter's connections: at most {connections.most} in {connections.looks} looks, limit {most}")
    _check(report, 0 < connections.most <= most, f"{connections.most} connections of the exporter, limit {most}")

    verdict = _compare(rig, callers, report, since)
    stored = _row(rig, _STORED, since)
    report.figure(f"calls at once: stored spans and events {stored}; {verdict}")
    _check(report, verdict.clean and verdict.executions > 0, f"calls at once: {verdict}")
    _check(report, stored == (verdict.spans, verdict.events), f"calls at once: stored {stored}, but {verdict}")


def kills(rig: Rig, folder: Path, report: Report, rng: random.Random, size: Size) -> None:
    """SIGKILL at random points of calls, first without a Collector, then with one and with what the others left."""
    endpoint = f"http://{rig.address(COLLECTOR_HTTP)}"
    caller = Caller(folder / "killed", folder / "killed-home", endpoint, rng.getrandbits(32))
    since = _now()
    rig.stop(COLLECTOR)
    _strike(caller, report, rng, size.kills, "without a Collector")
    shell_syncs.check(caller, report, "without a Collector")
    rig.bring_up(COLLECTOR)
    _strike(caller, report, rng, size.kills, "with a Collector")
    shell_syncs.check(caller, report, "with a Collector")

    verdict = _compare(rig, [caller], report, since)
    (second_ends,) = _row(rig, _SECOND_ENDS, since)
    report.figure(f"killed calls: {second_ends} ends were told by a killed call and again; {verdict}")
    verdict = verdict._replace(duplicates=verdict.duplicates - second_ends)
    _check(report, verdict.clean and verdict.spans > 0, f"killed calls: {verdict}")


def control(rig: Rig, folder: Path, report: Report) -> None:
    """A command that promises before it writes must be found out."""
    spoiled = {**spoilers.environment(spoilers.promise_before_writing), "PYTHONPATH": PYTHONPATH}
    endpoint = f"http://{rig.address(COLLECTOR_HTTP)}"
    caller = Caller(folder / "spoiled", folder / "spoiled-home", endpoint, 0, **spoiled)
    since = _now()
    caller.work(_CONTROL_CALLS, lambda _: None)
    verdict = _compare(rig, [caller], report, since, last_batch=0)
    report.figure(f"a command that only promises: {verdict.missing} missing, as it must")
    _check(report, verdict.missing > 0, "control: it lost nothing, so that a loss would not be seen")


def _work(callers: Sequence[Caller], calls: int) -> "Counter[str]":
    """All callers at once; how many calls were answered how."""
    answers: Counter[str] = Counter()

    def told(answer: Answer) -> None:
        answers["delivered" if answer.json["success"] else "spooled"] += 1

    with ThreadPoolExecutor(len(callers)) as pool:
        for done in [pool.submit(caller.work, calls, told) for caller in callers]:
            done.result()
    return answers


def _strike(caller: Caller, report: Report, rng: random.Random, times: int, where: str) -> None:
    for verb in VERBS:
        report.figure(f"kill -9 of {verb} {where}: {killed_calls.strike(caller, verb, times, rng)}")


def _compare(
    rig: Rig, callers: Sequence[Caller], report: Report, since: datetime, last_batch: float = _LAST_BATCH_S
) -> Verdict:
    """Flush, which must leave nothing behind, wait until all has arrived, and compare the ledgers with SQL."""
    shell = callers[0].shell
    flushed = shell.told("flush", "--timeout", "30")
    report.figure(f"flush: {flushed}")
    _check(report, flushed["success"] is True and flushed["spooled"] == 0, f"flush: {flushed}")
    _check(report, not shell.segments, f"the spool still holds {shell.segments}")
    for number, caller in enumerate(callers):
        caller.finish(0 if number else flushed["lost"])
    ledgers = [caller.ledger for caller in callers]
    backlog = Backlog(rig, ledgers)
    backlog.await_end(_SETTLE_S)
    backlog.close()
    # It waits for spans; events may be in the Collector's last batch, which counts neither as queued nor as sent.
    wait_until(lambda: not _verdict(rig, ledgers, since).missing, last_batch)
    return _verdict(rig, ledgers, since)


def _verdict(rig: Rig, ledgers: Sequence[Path], since: datetime) -> Verdict:
    with rig.connect() as connection:
        return verify(connection, ledgers, since)


def _row(rig: Rig, statement: Any, since: datetime) -> tuple[Any, ...]:
    with rig.connect() as connection:
        row = connection.execute(statement, {"since": since}).fetchone()
    assert row is not None
    return row


def _now() -> datetime:
    """A moment before anything that follows, also for a step that began before it was told."""
    return datetime.now(UTC) - timedelta(seconds=1)


def _check(report: Report, holds: bool, otherwise: str) -> None:
    if not holds:
        report.fail(f"{NAME}: {otherwise}")
