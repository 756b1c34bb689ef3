"""Who uses the cores during a run, and so what limits it."""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from benchmarks import processes
from benchmarks.processes import CORES

#: From this share of a core on, a process with one interpreter has nothing left to give.
_FULL: Final = 0.85


class Usage(NamedTuple):
    """CPU of one run; `cores` are CPU seconds a second."""

    cores: Mapping[str, float]
    #: The part with the busiest single process, and the cores that process used.
    busiest: tuple[str, float]
    #: Of the whole machine, other programs included.
    machine: float
    seconds: float

    @property
    def ours(self) -> float:
        """Cores that all parts and the clients used."""
        return sum(self.cores.values())

    @property
    def others(self) -> float:
        """Cores that programs which are not ours used: above 0.1 or so, a run's speed says little."""
        return max(0.0, self.machine - self.ours)

    def limit(self) -> str:
        """What the run waited for."""
        part, cores = self.busiest
        found = [f"one {part} process at {cores:.2f} of its core"] if cores >= _FULL else []
        if self.machine >= _FULL * CORES:
            most = max(self.cores, key=lambda name: self.cores[name])
            found.append(f"all {CORES} cores busy ({self.cores[most] / self.machine:.0%} {most})")
        return "; ".join(found) or "waiting for each other and the disk: no process and not all cores are busy"


class Meter:
    """Measures from its making to `stop`; `parts` are root processes by name."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        self._parts = parts
        self._before = {name: processes.tree(pid) for name, pid in parts.items()}
        self._machine = processes.machine()
        self._started = time.monotonic()

    def stop(self, clients_cpu_seconds: float) -> Usage:
        """The usage so far, with that of the clients, who measure themselves."""
        seconds = time.monotonic() - self._started
        machine = (processes.machine() - self._machine) / seconds
        cores = {"clients": clients_cpu_seconds / seconds}
        busiest = ("client", 0.0)
        for name, pid in self._parts.items():
            before = self._before[name]
            used = {
                member: use.cpu_seconds - (before[member].cpu_seconds if member in before else 0.0)
                for member, use in processes.tree(pid).items()
            }
            cores[name] = sum(used.values()) / seconds
            busiest = max(busiest, (name, max(used.values(), default=0.0) / seconds), key=lambda each: each[1])
        return Usage(cores, busiest, machine, seconds)
