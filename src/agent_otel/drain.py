"""Deliver what waits in the spool and belongs to no living process."""

from __future__ import annotations

import os
import time

from agent_otel.counts import ACKNOWLEDGED, lost, refused
from agent_otel.delivery import Delivery
from agent_otel.open_execution import ExecutionFolder
from agent_otel.record import SPANS_JSON
from agent_otel.refused import RefusedFolder
from agent_otel.segment import SUFFIX, unsettled
from agent_otel.spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_otel.delivery import Outcome
    from agent_otel.segment import Segment
    from agent_otel.settings import Settings


class Drained:
    """Spans and events: `delivered`, `refused` and `lost` by this call, `spooled` in all after it; and why."""

    __slots__ = ("delivered", "lost", "problem", "refused", "spooled")

    def __init__(self, delivered: int, spooled: int, refused: int, lost: int, problem: str) -> None:
        self.delivered = delivered
        self.spooled = spooled
        self.refused = refused
        self.lost = lost
        self.problem = problem


class Waiting:
    """What waits in the spool, in segments of living processes too."""

    __slots__ = ("items", "records", "size")

    def __init__(self, records: int, items: int, size: int) -> None:
        self.records = records
        self.items = items
        #: in bytes
        self.size = size


def drain(settings: Settings, deadline: float, rest: Callable[[float], object] = time.sleep) -> Drained:
    """Deliver until nothing waits, nobody listens, or `deadline` of time.monotonic. Raises no Exception.

    `rest` waits between attempts; when what it gives is true, there are no more.
    """
    spool = Spool(_folder(settings), settings.spool_limit)
    problems: list[str] = []
    try:
        _deliver_all(spool, settings, deadline, rest, problems)
    except Exception as error:  # noqa: BLE001 - what waits stays where it is
        problems.append(f"{type(error).__name__}: {error}")
    counted = spool.counts.counted
    left = waiting(settings).items
    if left and not os.access(spool.folder, os.W_OK):
        problems.append(f"{spool.folder} cannot be written, so that what waits there has to stay")
    said = "; ".join(problem.removeprefix("agent_otel: ") for problem in problems)
    return Drained(counted.get(ACKNOWLEDGED, 0), left, refused(counted), lost(counted), said)


def waiting(settings: Settings) -> Waiting:
    """Count what waits, by the headers of the records."""
    folder = _folder(settings)
    records = items = size = 0
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            for of_record, length in unsettled(os.path.join(folder, name)) if name.endswith(SUFFIX) else ():
                records, items, size = records + 1, items + of_record, size + length
        except OSError:  # delivered meanwhile, or not ours
            continue
    return Waiting(records, items, size)


def _folder(settings: Settings) -> str:
    return f"{settings.state_dir}/spool"


def _deliver_all(
    spool: Spool, settings: Settings, deadline: float, rest: Callable[[float], object], problems: list[str]
) -> None:
    _take_unfinished(spool, settings)
    refusals = RefusedFolder(spool.folder)
    delivery = Delivery(settings.endpoint, settings.headers, spool.counts, refusals, problems.append)
    try:
        for segment in spool.orphans():
            outcome = _deliver(delivery, segment, deadline, rest)
            spool.counts.persist()
            if not outcome.settled:
                problems.append(outcome.problem)
                if not outcome.unreadable:
                    return
    finally:
        delivery.close()


def _take_unfinished(spool: Spool, settings: Settings) -> None:
    """Put the spans of those that died while they ended an execution where all others wait."""
    executions = ExecutionFolder(settings.state_dir)
    for closing, span in executions.unfinished():
        if spool.append(SPANS_JSON, 1, span, durable=True):
            executions.handed_over(closing.partition(".")[0], closing)
    spool.close()  # so that they are delivered with the others


def _deliver(delivery: Delivery, segment: Segment, deadline: float, rest: Callable[[float], object]) -> Outcome:
    while True:
        outcome = delivery.deliver(segment, deadline)
        if outcome.settled:
            segment.remove()
            return outcome
        in_time = time.monotonic() + outcome.retry_after < deadline
        if outcome.unreachable or outcome.unreadable or not in_time or rest(outcome.retry_after):
            segment.close()
            return outcome
