"""Soak: load for a while with a fault a minute; nothing may grow, nothing may be lost."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, POSTGRES
from tests.faults import faults, growth, phase, process_tree, resources
from tests.faults.backlog import Backlog
from tests.faults.clients import Clients
from tests.faults.faults import Fault
from tests.faults.growth import MIB, Sample, Tolerance
from tests.faults.report import Report
from tests.faults.rig import Rig
from tests.faults.scene import Scene

MINUTES: Final = 20.0
#: 4 a quarter are needed to compare quarters at all.
MIN_SAMPLES: Final = 16
MIN_RATE: Final = 2_000
_SAMPLE_S: Final = 5.0
_FAULT_S: Final = 60.0
_STOP_S: Final = 5.0
_FIGURES: Final = {"handles": growth.HANDLES, "connections": growth.HANDLES, "memory": growth.MEMORY}
_FOLDERS: Final = ("spool", "queue")
_NO_FAULT: Final = "-"


class Soak:
    """One run on a rig; `samples` in the order of time."""

    def __init__(self, rig: Rig, scene: Scene, report: Report) -> None:
        self._rig = rig
        self._scene = scene
        self._report = report
        self.samples: list[Sample] = []
        self._struck = _NO_FAULT

    def run(self, backlog: Backlog, seconds: float) -> None:
        """Sample and strike until the time is over."""
        began = time.monotonic()
        kinds = _kinds(self._scene.rng)
        next_fault = began + _FAULT_S / 2
        while time.monotonic() < began + seconds:
            if time.monotonic() >= next_fault:
                self._strike(next(kinds), backlog)
                next_fault += _FAULT_S
            self._scene.clients.rest(_SAMPLE_S)
            backlog.follow()
            self._sample(time.monotonic() - began)

    def tolerances(self) -> dict[str, Tolerance]:
        """Of each figure in a sample."""
        processes = {f"{who} {what}": tolerance for who in self._pids() for what, tolerance in _FIGURES.items()}
        database = {"postgres handles": growth.DATABASE_HANDLES}
        return {**processes, **database, **dict.fromkeys(_FOLDERS, growth.FOLDER)}

    def _strike(self, fault: Fault, backlog: Backlog) -> None:
        found = phase.strike(self._scene, fault, backlog)
        if found is None:
            self._struck = f"{fault.name} found nothing to strike"
            return
        fault.recover(self._scene)
        self._struck = f"{fault.name} ({found} unseen)"

    def _sample(self, seconds: float) -> None:
        sample: dict[str, float] = {}
        for who, pids in self._pids().items():
            sample.update((f"{who} {what}", value) for what, value in resources.usage(pids)._asdict().items())
        sample["spool"] = sum(resources.folder_size(client.state) for client in self._scene.clients.all)
        sample["queue"] = resources.folder_size(self._rig.collector_storage)
        self.samples.append(sample)
        self._report.figure(_line(seconds, sample, list(self._pids()), self._struck))
        self._struck = _NO_FAULT

    def _pids(self) -> dict[str, list[int]]:
        rig = self._rig
        return {
            "supervisor": [rig.pid(EXPORTER)],
            "workers": rig.exporter_workers(),
            "collector": [rig.pid(COLLECTOR)],
            "postgres": process_tree.tree(rig.pid(POSTGRES)),
            "clients": [client.process.pid for client in self._scene.clients.all if client.process],
        }


def run(folder: Path, report: Report, seed: int, minutes: float) -> None:
    """Run and judge."""
    since = datetime.now(UTC) - timedelta(seconds=1)
    with Rig(folder / "rig") as rig:
        scene = Scene(rig, Clients(rig, folder / "clients"), random.Random(seed), _STOP_S)
        soak = Soak(rig, scene, report)
        report.figure("per group of processes: file handles/connections/MiB of memory; spool, queue: MiB")
        with scene.clients as clients:
            clients.start()
            backlog = Backlog(rig, clients.ledgers)
            began = time.monotonic()
            soak.run(backlog, minutes * 60)
            rate = backlog.acknowledged / (time.monotonic() - began)
            clients.finish()
        verdict = phase.settle(scene, backlog, since)
        report.figure(f"{minutes:g} min at {rate:.0f} spans/s: {verdict}")
        if not verdict.clean:
            report.fail(f"soak: {verdict}")
        if rate < MIN_RATE:
            report.fail(f"soak: the load was {rate:.0f} spans/s, {MIN_RATE} are asked for")
        _judge(soak, report)


def _judge(soak: Soak, report: Report) -> None:
    if len(soak.samples) < MIN_SAMPLES:
        report.fail(f"soak: {len(soak.samples)} samples are too few to compare quarters, {MIN_SAMPLES} are needed")
        return
    for growth_found in growth.grown(soak.samples, soak.tolerances()):
        report.fail(f"soak: {growth_found}")


def _kinds(rng: random.Random) -> Iterator[Fault]:
    """The longest outages first (see growth), then all kinds in random order, again and again."""
    yield from faults.STOPS
    while True:
        yield from rng.sample([*faults.KILLS, *faults.STOPS], len(faults.KILLS) + len(faults.STOPS))


def _line(seconds: float, sample: Sample, groups: list[str], struck: str) -> str:
    parts = [
        f"{who} {sample[f'{who} handles']:.0f}/{sample[f'{who} connections']:.0f}/{sample[f'{who} memory'] / MIB:.0f}"
        for who in groups
    ]
    folders = [f"{name} {sample[name] / MIB:.1f}" for name in _FOLDERS]
    return f"{seconds:6.0f} s  {'  '.join([*parts, *folders])}  {struck}"
