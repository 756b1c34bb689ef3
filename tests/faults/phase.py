"""One kind of fault: load, some strikes at random moments, the end of the load, and the comparison."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from agent_otel.local_stack.process import wait_until
from tests.faults import process_tree
from tests.faults.backlog import Backlog
from tests.faults.faults import Fault, NothingToStrikeError
from tests.faults.scene import Scene
from tests.faults.verification import Verdict, verify

#: Spans that are acknowledged and not visible when a fault strikes.
WINDOW: Final = 100
_WINDOW_S: Final = 3.0
#: A fault whose window stays too small is repeated, this often at most.
_REPEATS: Final = 10
_SETTLE_S: Final = 90.0


class Outcome(NamedTuple):
    """What a phase showed.

    `unseen`: spans acknowledged and not visible, at each strike; `rate`: spans acknowledged a second while the load
    was on.
    """

    name: str
    unseen: Sequence[int]
    repeated: int
    verdict: Verdict
    rate: float
    seconds: float


def run(scene: Scene, fault: Fault, times: int, pauses: tuple[float, float], clock_hours: int = 0) -> Outcome:
    """Strike `times` times, after random pauses between the two (in s). The clients' clocks may be off by hours."""
    begun = time.monotonic()
    since = datetime.now(UTC) - timedelta(hours=abs(clock_hours), seconds=1)
    with scene.clients as clients:
        clients.start()
        backlog = Backlog(scene.rig, clients.ledgers)
        began = time.monotonic()
        unseen, repeated = _strikes(scene, fault, backlog, times, pauses)
        clients.rest(scene.rng.uniform(*pauses))
        backlog.follow()
        load = backlog.acknowledged / (time.monotonic() - began)
        clients.finish()
    verdict = settle(scene, backlog, since)
    return Outcome(fault.name, unseen, repeated, verdict, load, time.monotonic() - begun)


def settle(scene: Scene, backlog: Backlog, since: datetime) -> Verdict:
    """Wait until everything has arrived, or nothing more will, and compare."""
    backlog.await_end(_SETTLE_S)
    backlog.close()
    with scene.rig.connect() as connection:
        return verify(connection, scene.clients.ledgers, since)


def strike(scene: Scene, fault: Fault, backlog: Backlog) -> int | None:
    """Strike while at least WINDOW spans are acknowledged and not visible; how many, or None when it could not be."""
    with exporter_held(scene):
        if not wait_until(lambda: backlog.look() >= WINDOW, _WINDOW_S):
            return None
        unseen = backlog.size
        # Before the fault: a connection of ours would be lost with the server.
        backlog.close()
        try:
            fault.strike(scene)
        except NothingToStrikeError:
            return None
    return unseen


def exporter_held(scene: Scene) -> AbstractContextManager[None]:
    """Hold the exporter's workers still, wherever they are."""
    return process_tree.frozen(scene.rig.exporter_workers())


def _strikes(
    scene: Scene, fault: Fault, backlog: Backlog, times: int, pauses: tuple[float, float]
) -> tuple[list[int], int]:
    unseen: list[int] = []
    for attempt in range(times + _REPEATS):
        if len(unseen) == times:
            return unseen, attempt - times
        scene.clients.rest(scene.rng.uniform(*pauses))
        found = strike(scene, fault, backlog)
        if found is not None:
            unseen.append(found)
            fault.recover(scene)
    raise RuntimeError(f"{fault.name}: it could not strike with {WINDOW} spans in the window")
