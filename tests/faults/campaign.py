"""The campaign: every fault under load, each with its own comparison; then the controls, which must lose."""

import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from agent_otel.local_stack.slots import COLLECTOR
from tests.faults import clock, faults, phase, small_disk, syncs
from tests.faults.clients import COLLECTOR_GRPC, COLLECTOR_HTTP, EXPORTER_HTTP, MIX, Clients, Load
from tests.faults.controls import CONTROLS, Control
from tests.faults.faults import Fault
from tests.faults.phase import Outcome
from tests.faults.proxy import ResettingProxy
from tests.faults.report import Report
from tests.faults.rig import Rig
from tests.faults.scene import Scene
from tests.faults.small_disk import SmallDisk

_CLOCK_HOURS: Final = (1, -1)
#: A fault strikes at random, also when there is nothing to lose: just after the disk was written, for example.
_CONTROL_ATTEMPTS: Final = 3


class Size(NamedTuple):
    """How much: times each kill strikes, times each stop, seconds a stop lasts, pauses between strikes in s.

    `min_rate`: spans a second that all clients together are acknowledged, as the median over kills and resets.
    """

    kills: int
    stops: int
    stop_seconds: float
    pauses: tuple[float, float]
    min_rate: int


FULL: Final = Size(20, 3, 20.0, (0.2, 1.5), 2_000)
#: For CI, whose machines are shared: the rate is printed, a poor one does not fail the run.
SMALL: Final = Size(3, 1, 5.0, (0.1, 0.6), 500)


class Campaign:
    """All phases whose name holds `only`, with choices from one seed; a folder for all that they leave."""

    def __init__(self, size: Size, seed: int, folder: Path, report: Report, only: str = "") -> None:
        self._size = size
        self._rng = random.Random(seed)
        self._folder = folder
        self._report = report
        self._only = only
        self._rates: list[Outcome] = []

    def run(self) -> None:
        """Run them and report each."""
        self._report.header()
        with Rig(self._folder / "rig") as rig:
            for fault in faults.KILLS:
                self._kill(rig, fault)
            self._resets(rig)
            for fault in faults.STOPS:
                self._faults(rig, fault, self._size.stops)
            self._clocks(rig)
            for control in CONTROLS:
                self._control(rig, control)
            if self._wanted(syncs.NAME):
                syncs.check(rig, self._report)
        self._full_disk()
        self._check_rate()

    def _kill(self, rig: Rig, fault: Fault) -> None:
        self._rates += self._faults(rig, fault, self._size.kills)

    def _faults(self, rig: Rig, fault: Fault, times: int) -> list[Outcome]:
        if not self._wanted(fault.name):
            return []
        return [self._protected(Scene(rig, self._clients(rig), self._rng, self._size.stop_seconds), fault, times)]

    def _resets(self, rig: Rig) -> None:
        if not self._wanted(faults.RESET.name):
            return
        with _proxies(rig) as (proxies, doors):
            clients = self._clients(rig, doors=doors)
            scene = Scene(rig, clients, self._rng, self._size.stop_seconds, proxies=proxies)
            self._rates.append(self._protected(scene, faults.RESET, self._size.kills))

    def _clocks(self, rig: Rig) -> None:
        if not self._wanted(faults.CLOCK.name):
            return
        for number in range(self._size.stops):
            hours = _CLOCK_HOURS[number % len(_CLOCK_HOURS)]
            fault = faults.CLOCK._replace(name=f"{faults.CLOCK.name} ({hours:+d})")
            clients = self._clients(rig, environ=clock.environment(hours))
            scene = Scene(rig, clients, self._rng, self._size.stop_seconds)
            self._protected(scene, fault, 1, hours)
            clock.require_off(clients.ledgers, hours)

    def _full_disk(self) -> None:
        name = small_disk.NAME
        if not self._wanted(name):
            return
        if small_disk.unavailable():
            self._report.not_run(name, small_disk.unavailable())
            return
        with SmallDisk(self._folder / "disk") as disk, Rig(self._folder / "small", disk.folder / "database") as rig:
            self._faults(rig, disk.fault(), self._size.stops)

    def _control(self, rig: Rig, control: Control) -> None:
        if not self._wanted(control.fault.name):
            return
        with control.spoil(rig):
            for _ in range(_CONTROL_ATTEMPTS):
                clients = self._clients(rig, control.mix, options=control.options)
                scene = Scene(rig, clients, self._rng, self._size.stop_seconds)
                if self._report.control(phase.run(scene, control.fault, 1, self._size.pauses)):
                    return
        self._report.fail(f"control {control.fault.name}: it lost nothing, so that a loss would not be seen")

    def _protected(self, scene: Scene, fault: Fault, times: int, clock_hours: int = 0) -> Outcome:
        outcome = phase.run(scene, fault, times, self._size.pauses, clock_hours)
        self._report.protected(outcome)
        return outcome

    def _clients(
        self,
        rig: Rig,
        mix: Sequence[Load] = MIX,
        *,
        doors: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> Clients:
        folder = self._folder / f"clients-{len(list(self._folder.glob('clients-*')))}"
        return Clients(rig, folder, mix, doors, environ, options)

    def _check_rate(self) -> None:
        if not self._rates or self._only:
            return
        rate = statistics.median(outcome.rate for outcome in self._rates)
        self._report.figure(f"load under kills and resets: {rate:.0f} spans/s acknowledged (median)")
        if rate < self._size.min_rate:
            self._report.fail(f"the load was {rate:.0f} spans/s, {self._size.min_rate} are asked for")

    def _wanted(self, name: str) -> bool:
        return self._only in name


@contextmanager
def _proxies(rig: Rig) -> Iterator[tuple[list[ResettingProxy], dict[str, str]]]:
    """Proxies before each door that clients use, and between Collector and exporter; the clients' doors."""
    doors = (COLLECTOR_HTTP, COLLECTOR_GRPC, EXPORTER_HTTP)
    with ExitStack() as held:
        proxies = [held.enter_context(ResettingProxy(rig.address(door))) for door in doors]
        behind = held.enter_context(ResettingProxy(rig.address(EXPORTER_HTTP)))
        rig.change(COLLECTOR, {"AGENT_OTEL_EXPORTER_HTTP_URL": f"http://{behind.address}"})
        yield [*proxies, behind], {door: proxy.address for door, proxy in zip(doors, proxies, strict=True)}
        rig.restore(COLLECTOR)
