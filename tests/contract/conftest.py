"""A real exporter on a real PostgreSQL, and what is needed to look at both."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest

from agent_otel.exporter import config
from agent_otel.exporter.admin import Admin, Readiness
from agent_otel.exporter.http_server import HttpServer
from agent_otel.exporter.metrics import Metrics
from agent_otel.exporter.service import Service
from agent_otel.exporter.supervisor import Addresses
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store.writer import Writer
from tests.contract.doors import post
from tests.fixtures.postgres import new_database


class Exporter(NamedTuple):
    """A running exporter and the database it writes to."""

    addresses: Addresses
    database_url: str

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a statement on its database."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("SET search_path = agent_otel")
            return connection.execute(statement.encode(), parameters).fetchall()

    def admin(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the admin port."""
        status, _, body = post(self.addresses.admin, path, None, {}, "GET")
        return status, body.decode()

    def received(self) -> int:
        """Spans received since the start, stored or not."""
        counted = re.search(r'items_received_total\{signal="traces"\} (\d+)', self.admin("/metrics")[1])
        return int(counted[1]) if counted else 0


@contextmanager
def running(database_url: str, **settings: str) -> Iterator[Exporter]:
    """A worker in this process, with an admin port of its own, on ports that the system chooses."""
    environ = {f"AGENT_OTEL_EXPORTER_{name}": value for name, value in settings.items()}
    environ |= {f"AGENT_OTEL_EXPORTER_{door}": "127.0.0.1:0" for door in ("GRPC", "HTTP", "ADMIN")}
    read = config.read({**environ, "AGENT_OTEL_DATABASE_URL": database_url})
    metrics = Metrics()
    service, readiness = Service(read, metrics), Readiness(Writer(database_url))
    admin = HttpServer(read.admin, Admin(readiness, metrics, read.hosts), read, 2, Metrics())
    addresses = Addresses(*service.start(), admin.start())
    try:
        yield Exporter(addresses, database_url)
    finally:
        readiness.stop()
        service.stop()
        admin.stop(1)


@pytest.fixture(scope="module")
def exporter(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[Exporter]:
    """The exporter that a file's tests share; each test uses trace ids of its own."""
    with new_database(postgres, migrated_template) as url, running(url, MAX_BODY="1MiB", IN_FLIGHT="4MiB") as exporter:
        yield exporter


@pytest.fixture(scope="module")
def wide(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[Exporter]:
    """An exporter with its default limits."""
    with new_database(postgres, migrated_template) as url, running(url) as exporter:
        yield exporter
