"""Which parts a local stack has on this machine, how each is started and where it keeps its things."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from agent_otel import places
from agent_otel.local_stack import tools
from agent_otel.local_stack.ports import LOOPBACK
from agent_otel.local_stack.postgres import DATABASE, EmbeddedPostgres
from agent_otel.local_stack.program import Program
from agent_otel.local_stack.secret import secret
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES, Ports

#: Arguments of our own programs; docker-compose.yml runs them with the same.
MIGRATE: Final = ("migrate", "--logins")
MIGRATE_OWN: Final = ("migrate",)
EXPORT: Final = ("exporter",)


class Hop(NamedTuple):
    """A part that spans pass through, and where it listens."""

    name: str
    address: str


class Plan:
    """The stack in the folders of `environ`: PostgreSQL and the exporter always, Collector and Jaeger if installed."""

    def __init__(self, environ: Mapping[str, str], *, free_ports: bool) -> None:
        self.environ = environ
        self.state_dir = Path(places.state_dir(environ))
        self.logs = self.state_dir / "logs"
        self._data_dir = Path(places.data_dir(environ))
        self._collector = tools.find_collector()
        # Jaeger gets its spans from the Collector.
        self._jaeger = tools.find_jaeger() if self._collector else None
        self.own_database = environ.get("AGENT_OTEL_DATABASE_URL")
        present = {
            POSTGRES: not self.own_database,
            EXPORTER: True,
            JAEGER: self._jaeger is not None,
            COLLECTOR: self._collector is not None,
        }
        self.parts = tuple(part for part, there in present.items() if there)
        self.ports = Ports(self.parts, environ, free=free_ports)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not in the path, and the command that adds it."""
        absent = [part for part in (COLLECTOR, JAEGER) if part not in self.parts]
        return tuple(f"{part} is not installed: `{tools.INSTALL_COMMAND}` builds it (needs Go)" for part in absent)

    @property
    def endpoint(self) -> str:
        """Where producers send OTLP over HTTP."""
        return f"http://{LOOPBACK}:{self.ports[self._first_hop('HTTP')]}"

    @property
    def grpc_endpoint(self) -> str:
        """Where producers send OTLP over gRPC."""
        return f"http://{LOOPBACK}:{self.ports[self._first_hop('GRPC')]}"

    @property
    def jaeger_query_url(self) -> str | None:
        """Where Jaeger answers queries, or None without Jaeger."""
        port = self.ports["AGENT_OTEL_JAEGER_QUERY_HTTP"] if JAEGER in self.parts else None
        return f"http://{LOOPBACK}:{port}" if port else None

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The parts in the order in which a span meets them."""
        order = [part for part in (COLLECTOR, EXPORTER, POSTGRES, JAEGER) if part in self.parts]
        return tuple(Hop(part, self.ports.address(part)) for part in order)

    def postgres(self) -> EmbeddedPostgres:
        """The embedded PostgreSQL."""
        port = self.ports["AGENT_OTEL_POSTGRES_PORT"]
        return EmbeddedPostgres(self.database_dir, port, log=self.logs / "postgres.log")

    def logins(self) -> dict[str, str]:
        """The environment of `migrate --logins`: passwords of the embedded database's two logins."""
        return {
            "AGENT_OTEL_INGEST_PASSWORD": secret(self.database_dir / "ingest.password"),
            "AGENT_OTEL_READER_PASSWORD": secret(self.database_dir / "reader.password"),
        }

    def login_url(self, role: str) -> str:
        """URL of the database for `ingest` or `reader`."""
        if self.own_database:
            return self.own_database
        password = self.logins()[f"AGENT_OTEL_{role.upper()}_PASSWORD"]
        return (
            f"postgresql://agent_otel_{role}:{password}@{LOOPBACK}:{self.ports['AGENT_OTEL_POSTGRES_PORT']}/{DATABASE}"
        )

    def exporter(self) -> Program:
        """The PostgreSQL span exporter."""
        own = {"AGENT_OTEL_DATABASE_URL": self.login_url("ingest")}
        ready = f"http://{LOOPBACK}:{self.ports['AGENT_OTEL_EXPORTER_ADMIN']}/readyz"
        return self._program(EXPORTER, command(EXPORT), own, ready)

    def jaeger(self) -> Program:
        """Jaeger."""
        ready = f"http://{LOOPBACK}:{self.ports['AGENT_OTEL_JAEGER_HEALTH']}/status"
        return self._program(JAEGER, [str(self._jaeger), *_configs("jaeger.yaml")], {}, ready)

    def collector(self) -> Program:
        """The Collector, with Jaeger behind it or without."""
        configs = _configs("config.yaml") if JAEGER in self.parts else _configs("config.yaml", "without-jaeger.yaml")
        own = {
            "AGENT_OTEL_COLLECTOR_STORAGE": str(self._data_dir / "collector"),
            "AGENT_OTEL_EXPORTER_HTTP_URL": f"http://{LOOPBACK}:{self.ports['AGENT_OTEL_EXPORTER_HTTP']}",
        }
        peers = self.ports.settings(JAEGER)
        ready = f"http://{LOOPBACK}:{self.ports['AGENT_OTEL_COLLECTOR_HEALTH']}/"
        return self._program(COLLECTOR, [str(self._collector), *configs], {**own, **peers}, ready)

    @property
    def database_dir(self) -> Path:
        """Folder of the embedded database and of its passwords."""
        folder = self._data_dir / "postgres"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _first_hop(self, protocol: str) -> str:
        return f"AGENT_OTEL_{'COLLECTOR' if COLLECTOR in self.parts else 'EXPORTER'}_{protocol}"

    def _program(self, part: str, argv: list[str], own: Mapping[str, str], ready_url: str) -> Program:
        environ = {**self.environ, **self.ports.settings(part), **own}
        return Program(part, argv, environ, self.ports.address(part), ready_url, self.logs / f"{part.lower()}.log")


def command(arguments: tuple[str, ...]) -> list[str]:
    """Our own command with the Python that runs us."""
    return [sys.executable, "-m", "agent_otel", *arguments]


def environment(home: Path | None) -> dict[str, str]:
    """This process's environment, or with `home` that of a stack of its own in there, with its own database."""
    if home is None:
        return dict(os.environ)
    inherited = {name: value for name, value in os.environ.items() if name != "AGENT_OTEL_DATABASE_URL"}
    return {**inherited, "AGENT_OTEL_HOME": str(home.absolute())}


def _configs(*names: str) -> list[str]:
    return [f"--config={tools.CONFIG_FOLDER / name}" for name in names]
