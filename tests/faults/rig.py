"""The stack under test: the same parts as `agent-otel up`, each of which can be killed, changed and started again."""

import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.plan import MIGRATE, Plan, command, environment
from agent_otel.local_stack.ports import LOOPBACK
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.local_stack.program import Program
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES
from agent_otel.store.connection import Connection, connect
from tests.faults import process_tree
from tests.faults.exposition import read_metrics

#: Starting again what was killed: a port may still be held by workers that are finishing.
_START_S: Final = 40.0
_AGAIN_S: Final = 0.5
_MIGRATE_S: Final = 60
_END_S: Final = 30
WORKERS: Final = 2
_ROOT: Final = Path(__file__).parents[2]
#: For processes that are to find the harness, and to run its at_start/sitecustomize.py.
PYTHONPATH: Final = f"{_ROOT / 'tests/faults/at_start'}:{_ROOT}"
#: The comparison of a soak reads millions of rows.
_BOUNDED: Final[Any] = "SET statement_timeout = '300s'"


class Rig:
    """PostgreSQL, exporter, Jaeger and Collector on free ports, all real. Use it with `with`."""

    def __init__(self, home: Path, database_folder: Path | None = None) -> None:
        """`home` takes everything that it keeps; `database_folder`, if given, the database."""
        environ = {**environment(home), "AGENT_OTEL_EXPORTER_WORKERS": str(WORKERS)}
        self.plan = Plan(environ, free_ports=True)
        if self.plan.missing:
            raise LocalStackError("; ".join(self.plan.missing))
        self.home = home
        port = self.plan.ports["AGENT_OTEL_POSTGRES_PORT"]
        log = self.plan.logs / "postgres.log"
        self.postgres = EmbeddedPostgres(database_folder or self.plan.database_dir, port, log=log)
        self._parts: dict[str, EmbeddedPostgres | Program] = {
            POSTGRES: self.postgres,
            EXPORTER: self.plan.exporter(),
            JAEGER: self.plan.jaeger(),
            COLLECTOR: self.plan.collector(),
        }
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            for name in self._parts:
                held.callback(self.stop, name)
                self.bring_up(name)
                if name == POSTGRES:
                    self._migrate()
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    # --- parts ---------------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        """Process id of a part: of the postmaster, of the exporter's supervisor."""
        process = self._parts[name].process
        assert process is not None, f"the {name} is not running"
        return process.pid

    def log(self, name: str) -> Path:
        """The file that takes a part's output."""
        return self._parts[name].log

    def exporter_workers(self) -> list[int]:
        """Process ids of the exporter's workers."""
        return process_tree.workers(self.pid(EXPORTER))

    def ended(self, name: str) -> bool:
        """Whether a part has ended."""
        process = self._parts[name].process
        return process is None or process.poll() is not None

    def await_end(self, name: str) -> None:
        """Return once a part that was told to end, or killed, is gone."""
        process = self._parts[name].process
        assert process is not None
        process.wait(_END_S)

    def bring_up(self, name: str) -> None:
        """Start a part that does not run, and return once it is ready."""
        part = self._parts[name]
        deadline = time.monotonic() + _START_S
        while True:
            try:
                part.begin()
                return part.wait_ready()
            except LocalStackError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_AGAIN_S)

    def stop(self, name: str) -> None:
        """Stop a part in order; one that is held still goes on first."""
        process = self._parts[name].process
        if process and process.poll() is None:
            process_tree.send(process_tree.tree(process.pid), signal.SIGCONT)
        self._parts[name].stop()

    def change(self, name: str, environ: Mapping[str, str], *arguments: str) -> None:
        """Run a part with more environment and arguments than the shipped ones, from now on."""
        part = self._parts[name]
        assert isinstance(part, Program)
        self.stop(name)
        argv = [*part.argv, *arguments]
        self._parts[name] = replace(part, argv=argv, environ={**part.environ, **environ})
        self.bring_up(name)

    def restore(self, name: str) -> None:
        """Run a part as shipped again."""
        self.stop(name)
        made = {EXPORTER: self.plan.exporter, COLLECTOR: self.plan.collector}
        self._parts[name] = made[name]()
        self.bring_up(name)

    # --- where things are ----------------------------------------------------------------------------------------

    def address(self, setting: str) -> str:
        """host:port of a door, by the setting that moves it."""
        return f"{LOOPBACK}:{self.plan.ports[setting]}"

    @property
    def collector_storage(self) -> Path:
        """Folder of the Collector's queue."""
        part = self._parts[COLLECTOR]
        assert isinstance(part, Program)
        return Path(part.environ["AGENT_OTEL_COLLECTOR_STORAGE"])

    def connect(self) -> Connection:
        """A new connection to the database, as its owner."""
        connection = connect(self.postgres.url, application="faults", autocommit=True)
        connection.execute(_BOUNDED)
        return connection

    def metric(self, part: str, name: str, **labels: str) -> float:
        """The sum of a metric of the Collector or Jaeger over its series with these labels; 0 where there is none."""
        return read_metrics(self.address(f"AGENT_OTEL_{part.upper()}_METRICS_PORT"), f"otelcol_{name}", labels)

    def queued(self) -> float:
        """Bytes in the Collector's queue for PostgreSQL."""
        with suppress(OSError):
            return self.metric(COLLECTOR, "exporter_queue_size", exporter="otlp_http/postgres")
        return float("inf")

    def _migrate(self) -> None:
        environ = {**self.plan.environ, **self.plan.logins(), "AGENT_OTEL_DATABASE_URL": self.postgres.url}
        subprocess.run(command(MIGRATE), env=environ, check=True, capture_output=True, timeout=_MIGRATE_S)
