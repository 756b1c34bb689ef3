"""`agent-otel exporter` as a process: how it starts, what it says, how it ends."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psycopg
import pytest

from agent_otel.exporter.config import SETTINGS
from agent_otel.local_stack.ports import free_port, free_ports
from agent_otel.local_stack.process import wait_until
from agent_otel.store.migrations import migrate
from tests.contract import numbered
from tests.contract.doors import DOORS, TRACES
from tests.contract.exporter_process import COMMAND, ExporterProcess
from tests.contract.test_come_back_later import locked
from tests.fixtures.processes import Spawn

_SECONDS = 30


def refusal(environ: Mapping[str, str]) -> str:
    """What an exporter that must not start says; no traceback, exit code 1."""
    env = {**os.environ, **environ}
    done = subprocess.run(COMMAND, env=env, capture_output=True, timeout=_SECONDS, check=False, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def free_settings() -> dict[str, str]:
    """Settings with free ports and a database that is not there."""
    names = ("GRPC", "HTTP", "ADMIN")
    ports = {
        f"AGENT_OTEL_EXPORTER_{name}": f"127.0.0.1:{port}" for name, port in zip(names, free_ports(3), strict=True)
    }
    return {**ports, "AGENT_OTEL_DATABASE_URL": f"postgresql://user:hidden-word@127.0.0.1:{free_port()}/none"}


def test_sigterm_finishes_what_is_under_way(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """A request that waits for its commit is answered OK after SIGTERM, then the process ends with 0."""
    exporter = ExporterProcess(spawn, tmp_path, database_url)
    trace = numbered.new_trace()
    body = numbered.traces(trace, "a").SerializeToString()
    with ThreadPoolExecutor() as threads:
        with locked(database_url):
            waiting = [threads.submit(door.send, exporter.addresses, TRACES, body) for door in DOORS]
            lock = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            with psycopg.connect(database_url, autocommit=True) as watcher:
                assert wait_until(lambda: watcher.execute(lock).fetchone() == (1,), _SECONDS)
            assert wait_until(lambda: exporter.received() == len(DOORS), _SECONDS)
            exporter.process.send_signal(signal.SIGTERM)
            assert wait_until(lambda: exporter.ready() == 503, _SECONDS)
        assert {reply.result().code for reply in waiting} == {grpc.StatusCode.OK}
    assert exporter.process.wait(_SECONDS) == 0
    assert exporter.events("stopped")[0]["drained"] is True
    assert numbered.stored_spans(exporter.view, trace) == ["a"]


def test_a_stuck_database_does_not_hold_up_the_end(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """When the time for requests under way is over they are told to come back, and the process ends with 1."""
    exporter = ExporterProcess(spawn, tmp_path, database_url, DRAIN_SECONDS="0.5")
    body = numbered.traces(numbered.new_trace(), "a").SerializeToString()
    with ThreadPoolExecutor() as threads, locked(database_url):
        waiting = [threads.submit(door.send, exporter.addresses, TRACES, body) for door in (DOORS[2], DOORS[4])]
        assert wait_until(lambda: exporter.received() == 2, _SECONDS)
        exporter.process.send_signal(signal.SIGINT)
        assert {reply.result().code for reply in waiting} == {grpc.StatusCode.UNAVAILABLE}
        assert exporter.process.wait(10) == 1
    assert exporter.events("stopped")[0]["drained"] is False


def test_a_database_that_comes_later_is_used_then(spawn: Spawn, tmp_path: Path, empty_database_url: str) -> None:
    """Started before the schema is there: not ready, requests are refused; after `migrate` both are fine."""
    exporter = ExporterProcess(spawn, tmp_path, empty_database_url)
    body = numbered.traces(numbered.new_trace(), "a").SerializeToString()
    assert exporter.ready() == 503
    assert {door.send(exporter.addresses, TRACES, body).code for door in DOORS} == {grpc.StatusCode.UNAVAILABLE}
    migrate(empty_database_url)
    assert wait_until(lambda: exporter.ready() == 200, _SECONDS)
    assert {door.send(exporter.addresses, TRACES, body).code for door in DOORS} == {grpc.StatusCode.OK}
    assert len(exporter.events("database lost")) == 1
    assert len(exporter.events("database back")) == 1
    # Six refusals, one line: the same is said once a minute.
    assert len(exporter.events("request refused")) == 1


@pytest.mark.parametrize("door", ["GRPC", "HTTP", "ADMIN"])
def test_a_port_in_use_is_named(database_url: str, spawn: Spawn, tmp_path: Path, door: str) -> None:
    """The message has the port, the setting and what to do; the other exporter is not disturbed."""
    running = ExporterProcess(spawn, tmp_path, database_url)
    taken = str(getattr(running.addresses, door.lower()))
    said = refusal({**free_settings(), "AGENT_OTEL_DATABASE_URL": database_url, f"AGENT_OTEL_EXPORTER_{door}": taken})
    assert f"AGENT_OTEL_EXPORTER_{door}={taken} cannot be opened" in said
    assert running.ready() == 200


def test_settings_that_can_never_work_are_refused() -> None:
    """No database URL, one that cannot be read, an open bind: named, with what to do, and never with the password."""
    settings = free_settings()
    assert "AGENT_OTEL_DATABASE_URL is not set" in refusal({**settings, "AGENT_OTEL_DATABASE_URL": ""})
    unreadable = refusal({**settings, "AGENT_OTEL_DATABASE_URL": "postgresql://user:hidden%word@host/db"})
    assert "AGENT_OTEL_DATABASE_URL cannot be read" in unreadable
    assert "hidden" not in unreadable
    exposed = refusal({**settings, "AGENT_OTEL_EXPORTER_HTTP": "0.0.0.0:0"})
    assert "AGENT_OTEL_INSECURE_BIND=1" in exposed


def test_an_open_bind_is_said_at_every_start(spawn: Spawn, tmp_path: Path, database_url: str) -> None:
    """With AGENT_OTEL_INSECURE_BIND=1 it starts, and the log has the addresses."""
    port = free_port()
    spawn(
        COMMAND,
        {
            **free_settings(),
            "AGENT_OTEL_DATABASE_URL": database_url,
            "AGENT_OTEL_INSECURE_BIND": "1",
            "AGENT_OTEL_EXPORTER_GRPC": f"0.0.0.0:{port}",
        },
    )
    log = tmp_path / "process-0.log"
    assert wait_until(lambda: '"started"' in log.read_text(), _SECONDS)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["addresses"] for line in lines if line["event"].startswith("insecure bind")] == [[f"0.0.0.0:{port}"]]


def test_help_names_every_setting() -> None:
    """`--help` needs no database and lists each variable with its default."""
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, timeout=_SECONDS, check=True, text=True)
    for setting in SETTINGS:
        assert setting.variable in done.stdout
        assert setting.meaning in done.stdout
