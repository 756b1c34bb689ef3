"""The real parts under a benchmark: one PostgreSQL for all runs, exporter and Collector anew for each; all on disk."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import tools
from agent_otel.local_stack.ports import LOOPBACK, free_port, free_ports
from agent_otel.local_stack.postgres import DATABASE, EmbeddedPostgres
from agent_otel.local_stack.program import Program
from agent_otel.local_stack.secret import secret
from agent_otel.store.connection import Connection, connect
from agent_otel.store.migrations import LOGIN_PASSWORDS, grant_logins, migrate
from benchmarks import processes

_INGEST: Final = "agent_otel_ingest"
_FILLED: Final = "spans, execution_events, executions, traces, quarantine"


class Stored(NamedTuple):
    """Rows visible in SQL."""

    spans: int
    executions: int
    traces: int
    quarantined: int


class Footprint(NamedTuple):
    """Position in the write-ahead log, and the size of all that ingest fills with its indexes; bytes."""

    wal: int
    disk: int


class Door(NamedTuple):
    """A running part that takes spans, and where it does: host:port by protocol."""

    program: Program
    addresses: Mapping[str, str]

    @property
    def pid(self) -> int:
        """The process; its workers are its children."""
        assert self.program.process is not None
        return self.program.process.pid


class Pipeline:
    """PostgreSQL with our schema, and what runs before it. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = EmbeddedPostgres(folder / "postgres", free_port())
        self._number = 0

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupted)
        self._postgres.start()
        try:
            self._prepare()
        except BaseException:
            self._postgres.stop()
            raise
        return self

    def _prepare(self) -> None:
        migrate(self._postgres.url)
        passwords = {variable: secret(self._folder / role) for role, variable in LOGIN_PASSWORDS.items()}
        grant_logins(self._postgres.url, passwords)
        ingest = f"{_INGEST}:{passwords[LOGIN_PASSWORDS[_INGEST]]}"
        self._ingest_url = f"postgresql://{ingest}@{LOOPBACK}:{self._postgres.port}/{DATABASE}"
        self.connection: Connection = connect(self._postgres.url, application="benchmark", autocommit=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self._postgres.stop()

    @property
    def postgres_pid(self) -> int:
        """The postmaster."""
        assert self._postgres.process is not None
        return self._postgres.process.pid

    @property
    def versions(self) -> str:
        """PostgreSQL's and the Collector's, for the record."""
        (server,) = self._row("SELECT current_setting('server_version')")
        return f"PostgreSQL {server}, Collector {tools.collector().version}"

    def empty(self) -> None:
        """Begin as every run does: no rows, nothing left to write for those that were there."""
        # Constants; psycopg wants literals.
        self.connection.execute(f"TRUNCATE {_FILLED}".encode())
        self.connection.execute("CHECKPOINT")

    def stored(self) -> Stored:
        """What is visible now."""
        return Stored(
            *self._row(
                "SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM executions),"
                " (SELECT count(*) FROM traces), (SELECT count(*) FROM quarantine)"
            )
        )

    def visible_spans(self) -> int:
        """Spans visible now."""
        return int(self._row("SELECT count(*) FROM spans")[0])

    def footprint(self) -> Footprint:
        """What has been written so far."""
        return Footprint(
            *self._row(
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8,"
                " (SELECT sum(pg_total_relation_size(oid))::int8 FROM pg_class"
                "  WHERE relkind = 'r' AND relnamespace = 'agent_otel'::regnamespace)"
            )
        )

    @contextmanager
    def exporter(self, settings: Mapping[str, str]) -> Iterator[Door]:
        """A new exporter; `settings` are its variables without AGENT_OTEL_EXPORTER_."""
        ports = dict(zip(("GRPC", "HTTP", "ADMIN"), free_ports(3), strict=True))
        own = {name: f"{LOOPBACK}:{port}" for name, port in ports.items()} | dict(settings)
        environ = {f"AGENT_OTEL_EXPORTER_{name}": value for name, value in own.items()}
        environ["AGENT_OTEL_DATABASE_URL"] = self._ingest_url
        command = [sys.executable, "-m", "agent_otel", "exporter"]
        with self._running("exporter", command, environ, f"http://{own['ADMIN']}/readyz") as program:
            yield Door(program, {"http": own["HTTP"], "grpc": own["GRPC"]})

    @contextmanager
    def collector(self, exporter: str) -> Iterator[Door]:
        """A new Collector before the exporter at host:port, its queue on disk and empty; Jaeger's branch ends here."""
        binary = tools.find_collector()
        if binary is None:
            raise LocalStackError(f"the Collector is not installed: `{tools.INSTALL_COMMAND}` builds it (needs Go)")
        http, grpc, health, metrics = free_ports(4)
        environ = {
            "AGENT_OTEL_COLLECTOR_HTTP": f"{LOOPBACK}:{http}",
            "AGENT_OTEL_COLLECTOR_GRPC": f"{LOOPBACK}:{grpc}",
            "AGENT_OTEL_COLLECTOR_HEALTH": f"{LOOPBACK}:{health}",
            "AGENT_OTEL_COLLECTOR_METRICS_PORT": str(metrics),
            "AGENT_OTEL_COLLECTOR_STORAGE": str(self._folder / f"queue-{self._number}"),
            "AGENT_OTEL_EXPORTER_HTTP_URL": f"http://{exporter}",
        }
        configs = [f"--config={tools.CONFIG_FOLDER / name}" for name in ("config.yaml", "without-jaeger.yaml")]
        with self._running("collector", [str(binary), *configs], environ, f"http://{LOOPBACK}:{health}/") as program:
            yield Door(program, {"http": f"{LOOPBACK}:{http}", "grpc": f"{LOOPBACK}:{grpc}"})

    @contextmanager
    def _running(self, name: str, command: list[str], environ: Mapping[str, str], ready: str) -> Iterator[Program]:
        self._number += 1
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AGENT_OTEL_", "OTEL_"))}
        log = self._folder / f"{name}-{self._number}.log"
        program = Program(name, command, {**inherited, **environ}, "", ready, log)
        program.begin()
        try:
            program.wait_ready()
            yield program
        finally:
            program.stop()

    def _row(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row


def workers(exporter: Door) -> int:
    """How many processes the exporter consists of, a supervisor included."""
    return len(processes.tree(exporter.pid))


def _interrupted(_number: int, _frame: object) -> None:
    """Stop what runs, once: a second signal must not cut that short, and by default SIGTERM would end us at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
