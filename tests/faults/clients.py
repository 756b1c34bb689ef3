"""The four clients of a run: processes of their own, each with a ledger."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from agent_otel.local_stack.process import wait_until
from tests.faults import ledger
from tests.faults.rig import PYTHONPATH, Rig

_START_S: Final = 30.0
_FINISH_S: Final = 120.0
_ABORT_S: Final = 10.0
_KILLED: Final = -signal.SIGKILL

COLLECTOR_HTTP: Final = "AGENT_OTEL_COLLECTOR_HTTP"
COLLECTOR_GRPC: Final = "AGENT_OTEL_COLLECTOR_GRPC"
EXPORTER_HTTP: Final = "AGENT_OTEL_EXPORTER_HTTP"
EXPORTER_GRPC: Final = "AGENT_OTEL_EXPORTER_GRPC"


class Load(NamedTuple):
    """One client: how it sends, to which door of the rig, how many spans a second."""

    transport: str
    door: str
    rate: float


#: The mix of a campaign: 2,600 spans a second offered, so that 2,000 are acknowledged in spite of the outages.
MIX: Final = (
    Load("http", COLLECTOR_HTTP, 900),
    Load("grpc", COLLECTOR_GRPC, 900),
    Load("http", EXPORTER_HTTP, 600),
    Load("agent", COLLECTOR_HTTP, 200),
)
#: Only to the Collector, by clients that see every answer.
BRANCH_MIX: Final = (
    Load("http", COLLECTOR_HTTP, 600),
    Load("grpc", COLLECTOR_GRPC, 600),
    Load("http", COLLECTOR_HTTP, 600),
    Load("grpc", COLLECTOR_GRPC, 600),
)


class Client:
    """One client process; killed and started again it continues its ledger and its spool."""

    def __init__(self, load: Load, folder: Path, endpoint: str, environ: Mapping[str, str], *options: str) -> None:
        """`folder` is its own; `endpoint` is host:port."""
        folder.mkdir(parents=True)
        self.name = folder.name
        self.ledger = folder / "ledger"
        self.state = folder / "home"
        self.log = folder / "log"
        self._command = _command(load, endpoint, self.ledger, options)
        own = {"AGENT_OTEL_ENDPOINT": f"http://{endpoint}", "AGENT_OTEL_HOME": str(self.state)}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AGENT_OTEL_", "OTEL_"))}
        self._environ = {**inherited, **own, **environ, "PYTHONPATH": PYTHONPATH}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL, at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def require_running(self) -> None:
        """Raise when it has ended by itself."""
        if self.process is not None and self.process.poll() not in (None, _KILLED):
            raise RuntimeError(f"client {self.name} ended with {self.process.returncode}: {self.log.read_text()}")

    def finish(self, deadline: float) -> None:
        """Return once it has ended after SIGTERM; raise when it does not, or not in order."""
        assert self.process is not None
        if not wait_until(lambda: self._ended() is not None, deadline - time.monotonic()):
            # Python prints what its threads were at (-X faulthandler).
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(_ABORT_S)
            raise RuntimeError(f"client {self.name} did not finish: {self.log.read_text()}")
        self.require_running_or(0)

    def require_running_or(self, code: int) -> None:
        """Raise unless it ended with this code."""
        if self._ended() != code:
            raise RuntimeError(f"client {self.name} ended with {self._ended()}: {self.log.read_text()}")

    @property
    def begins(self) -> int:
        """How many of its processes have begun."""
        return sum(entry.kind == ledger.BEGIN for entry in self.entries())

    def entries(self) -> list[ledger.Entry]:
        """Its ledger so far."""
        return ledger.parse(self.ledger.read_text()) if self.ledger.exists() else []

    def _ended(self) -> int | None:
        return self.process.poll() if self.process else None


class Clients:
    """All clients of a run. Use it with `with`: none outlives the block."""

    def __init__(
        self,
        rig: Rig,
        folder: Path,
        mix: Sequence[Load] = MIX,
        doors: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """`doors`: addresses to use instead of the rig's; `environ` and `options`: more for every process."""
        self.all = [
            Client(
                load,
                folder / f"{number}-{load.transport}",
                (doors or {}).get(load.door) or rig.address(load.door),
                environ or {},
                *options,
            )
            for number, load in enumerate(mix)
        ]

    @property
    def ledgers(self) -> list[Path]:
        """Where they write what was acknowledged."""
        return [client.ledger for client in self.all]

    def start(self) -> None:
        """Start all, and return once each has been acknowledged something."""
        for client in self.all:
            client.start()
        if not wait_until(lambda: all(_has_begun(client) for client in self.all), _START_S):
            raise RuntimeError(f"no load within {_START_S:g} s: {[client.log.read_text() for client in self.all]}")

    def rest(self, seconds: float) -> None:
        """Let them work for a while; raises when one has given up."""
        wait_until(self._someone_ended, seconds)
        for client in self.all:
            client.require_running()

    def choose(self, rng: random.Random) -> Client:
        """One of them."""
        return rng.choice(self.all)

    def finish(self) -> None:
        """Let each finish what it is at, and return once all have ended in order."""
        for client in self.all:
            assert client.process is not None
            client.process.terminate()
        deadline = time.monotonic() + _FINISH_S
        for client in self.all:
            client.finish(deadline)

    def errors(self) -> list[ledger.Entry]:
        """Attempts that failed and were made again."""
        return [entry for client in self.all for entry in client.entries() if entry.kind == ledger.ERROR]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self.all:
            if client.process is not None and client.process.poll() is None:
                client.kill()

    def _someone_ended(self) -> bool:
        return any(client.process is not None and client.process.poll() is not None for client in self.all)


def _has_begun(client: Client) -> bool:
    client.require_running()
    return any(entry.kind == ledger.SPANS for entry in client.entries())


def _command(load: Load, endpoint: str, book: Path, options: Sequence[str]) -> list[str]:
    python = [sys.executable, "-X", "faulthandler", "-m"]
    if load.transport == "agent":
        return [*python, "tests.faults.agent_client", str(book), str(load.rate), *options]
    return [*python, "tests.faults.otlp_client", load.transport, endpoint, str(book), str(load.rate)]
