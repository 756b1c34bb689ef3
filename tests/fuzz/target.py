"""The exporter that is fuzzed: a process of its own on a PostgreSQL of its own, and what can be seen of its health."""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agent_otel.exporter.config import Address
from agent_otel.exporter.supervisor import Addresses
from agent_otel.local_stack.ports import free_port, free_ports
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.local_stack.process import wait_until
from agent_otel.store.migrations import migrate

_SECONDS: Final = 60
_SAMPLE_SECONDS: Final = 0.05
_COMMAND: Final = (sys.executable, "-m", "agent_otel", "exporter")


class Target:
    """A running exporter process."""

    def __init__(self, process: subprocess.Popen[bytes], addresses: Addresses, database_url: str, log: Path) -> None:
        self.process = process
        self.addresses = addresses
        self.database_url = database_url
        self._log = log
        self._first_workers = self.workers()

    @property
    def alive(self) -> bool:
        """Whether the supervisor and the workers that it began with are still there."""
        return self.process.poll() is None and self.workers() == self._first_workers

    def workers(self) -> list[int]:
        """Pids of its workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def resident(self) -> float:
        """Resident memory of its largest worker now, in MiB."""
        return max(map(_resident, self.workers()), default=0.0)

    def faults(self) -> list[str]:
        """Lines of its log that no input may cause: tracebacks, errors, whatever is not JSON."""
        return [line for line in self._log.read_text(errors="replace").splitlines() if not _harmless(line)]

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        return sum(self.metrics(name).values())

    def metrics(self, name: str) -> dict[str, float]:
        """A metric by its labels."""
        url = f"http://{self.addresses.admin}/metrics"
        with urllib.request.urlopen(url, timeout=_SECONDS) as page:
            lines = page.read().decode().splitlines()
        found = (line.rsplit(" ", 1) for line in lines if line.startswith(f"agent_otel_exporter_{name}"))
        return {labels.partition("{")[2].rstrip("}"): float(value) for labels, value in found}


class Memory:
    """The target's resident memory over a run, in tenths of it."""

    def __init__(self, target: Target, progress: Callable[[], float]) -> None:
        self._target = target
        self._progress = progress
        self._tenths: list[list[float]] = [[target.resident()], *([] for _ in range(9))]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more samples."""
        self._stopped.set()
        self._thread.join()

    @property
    def largest(self) -> float:
        """The most that was seen, in MiB."""
        return max(map(max, filter(None, self._tenths)))

    def curve(self) -> Iterator[tuple[float, float, float]]:
        """Least, median and most of each tenth of the run, in MiB."""
        for samples in filter(None, self._tenths):
            samples.sort()
            yield samples[0], samples[len(samples) // 2], samples[-1]

    def _sample(self) -> None:
        while not self._stopped.wait(_SAMPLE_SECONDS) and self._target.alive:
            self._tenths[min(9, int(self._progress() * 10))].append(self._target.resident())


@contextmanager
def running(folder: Path) -> Iterator[Target]:
    """A migrated database and an exporter with its default settings, on free ports of the loopback interface."""
    with EmbeddedPostgres(folder / "postgres", free_port()) as cluster:
        migrate(cluster.url)
        addresses = Addresses(*(Address("127.0.0.1", port) for port in free_ports(3)))
        env = {f"AGENT_OTEL_EXPORTER_{name.upper()}": str(each) for name, each in addresses._asdict().items()}
        log = folder / "exporter.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                _COMMAND,
                env={**os.environ, **env, "AGENT_OTEL_DATABASE_URL": cluster.url},
                stdout=output,
                stderr=output,
            )
        try:
            assert wait_until(lambda: '"started"' in log.read_text(), _SECONDS), log.read_text()
            yield Target(process, addresses, cluster.url, log)
        finally:
            process.terminate()
            process.wait(_SECONDS)


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def _harmless(line: str) -> bool:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return False
    return (
        isinstance(entry, dict)
        and entry.get("level") in ("info", "warning")
        and "Traceback" not in line
        and entry.get("event") not in ("mapping failed; trying item by item", "transaction failed")
    )
