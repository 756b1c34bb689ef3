"""`agent-otel exporter` as a process of its own, with its log."""

import json
import subprocess
import sys
from pathlib import Path

from agent_otel.exporter.config import Address
from agent_otel.exporter.supervisor import Addresses
from agent_otel.local_stack.ports import free_ports
from agent_otel.local_stack.process import wait_until
from tests.contract.conftest import Exporter
from tests.fixtures.processes import Spawn

COMMAND = [sys.executable, "-m", "agent_otel", "exporter"]
_SECONDS = 30


class ExporterProcess:
    """A started exporter; `number` says how many processes the test has spawned before it."""

    def __init__(
        self,
        spawn: Spawn,
        folder: Path,
        database_url: str,
        number: int = 0,
        addresses: Addresses | None = None,
        **settings: str,
    ) -> None:
        self.addresses = addresses or Addresses(*(Address("127.0.0.1", port) for port in free_ports(3)))
        self.view = Exporter(self.addresses, database_url)
        env = {f"AGENT_OTEL_EXPORTER_{name}": value for name, value in settings.items()}
        env |= {f"AGENT_OTEL_EXPORTER_{name.upper()}": str(each) for name, each in self.addresses._asdict().items()}
        self.process: subprocess.Popen[bytes] = spawn(COMMAND, {**env, "AGENT_OTEL_DATABASE_URL": database_url})
        self._log = folder / f"process-{number}.log"
        assert wait_until(lambda: bool(self.events("started")), _SECONDS), self._log.read_text()

    def events(self, name: str) -> list[dict[str, object]]:
        """The log's lines of one event; every line of the log must be JSON."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]

    def workers(self) -> list[int]:
        """Pids of the supervisor's children."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ready(self) -> int:
        """The status of /readyz."""
        return self.view.admin("/readyz")[0]

    def received(self) -> int:
        """Spans received since the start, stored or not."""
        return self.view.received()
