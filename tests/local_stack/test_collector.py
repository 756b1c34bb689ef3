"""The Collector's and Jaeger's configuration, run by the real programs."""

import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_otel.local_stack import tools
from agent_otel.local_stack.plan import Plan
from agent_otel.local_stack.process import wait_until
from agent_otel.local_stack.program import Program
from agent_otel.store.connection import connect
from tests.fixtures.random_spans import requests
from tests.fixtures.stack import post

_FROM_ENVIRONMENT = re.compile(r"\$\{env:AGENT_OTEL_\w+:-[^}]+\}")
_ADDRESS_KEYS = ("endpoint", "host", "port", "directory")
_ARRIVAL_SECONDS = 30
#: Fits several times into the queue for Jaeger and several times over the number of its consumers.
_MANY = 60


@pytest.fixture
def plan(real_tools: None, tmp_path: Path, database_url: str) -> Plan:
    """A stack on free ports with the test's own database, nothing of it started."""
    own = {"AGENT_OTEL_HOME": str(tmp_path), "AGENT_OTEL_DATABASE_URL": database_url}
    return Plan({**os.environ, **own}, free_ports=True)


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """The program, ready, and ended afterwards."""
    program.begin()
    try:
        program.wait_ready()
        yield program
    finally:
        if program.process and program.process.poll() is None:
            program.process.send_signal(signal.SIGCONT)
        program.stop()


def _send(plan: Plan, count: int) -> int:
    """Send `count` requests of 50 spans, each of which must be answered 200; the number of spans."""
    for request in requests(seed=7, resources=3, spans=50 * count):
        post(f"{plan.endpoint}/v1/traces", request.SerializeToString())
    return 50 * count


def _stored(database_url: str) -> Any:
    with connect(database_url, application="test", autocommit=True) as connection:
        (row,) = connection.execute("SELECT count(*) FROM spans").fetchall()
    connection.close()
    return row[0]


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # a page of our own stack
        return str(answer.read().decode())


def _configs(*names: str) -> list[str]:
    return [f"--config={tools.CONFIG_FOLDER / name}" for name in names]


def _validate(*configs: str) -> subprocess.CompletedProcess[str]:
    command = [str(tools.find_collector()), "validate", *configs]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("names", [("config.yaml",), ("config.yaml", "without-jaeger.yaml")])
def test_the_collector_accepts_its_configuration(real_tools: None, names: tuple[str, ...]) -> None:
    """With Jaeger and without, and without a word of warning."""
    done = _validate(*_configs(*names))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_configuration_is_noticed(real_tools: None, tmp_path: Path) -> None:
    """The check above can fail: a key that does not exist is refused."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("exporters: {otlp_http/postgres: {sending_queue: {fsync: true}}}")
    done = _validate(*_configs("config.yaml"), f"--config={wrong}")
    assert done.returncode != 0
    assert "fsync" in done.stderr


@pytest.mark.parametrize("name", ["config.yaml", "jaeger.yaml"])
def test_every_address_comes_from_the_environment(name: str) -> None:
    """The same file serves Docker and one machine, because no address is written into it."""
    found = list(_places(yaml.safe_load((tools.CONFIG_FOLDER / name).read_text())))
    assert found
    assert [value for value in found if not _FROM_ENVIRONMENT.fullmatch(str(value))] == []


def _places(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for member in node:
            yield from _places(member)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _ADDRESS_KEYS:
                yield value
            else:
                yield from _places(value)


def test_what_was_acknowledged_survives_a_kill_of_the_collector(plan: Plan, database_url: str) -> None:
    """With nothing behind it the Collector says OK; killed and started again, it delivers all of it, once."""
    with running(plan.collector()) as collector:
        sent = _send(plan, 4)
        assert collector.process is not None
        collector.process.kill()
        collector.process.wait()
    with running(plan.exporter()), running(plan.collector()):
        assert wait_until(lambda: _stored(database_url) >= sent, _ARRIVAL_SECONDS)
    assert _stored(database_url) == sent


def test_without_jaeger_nobody_notices_but_a_counter(plan: Plan, database_url: str) -> None:
    """Jaeger is down: every request is answered 200 and stored, and the Collector counts what Jaeger misses."""
    with running(plan.exporter()), running(plan.collector()):
        sent = _send(plan, 4)
        assert wait_until(lambda: _stored(database_url) == sent, _ARRIVAL_SECONDS)
        url = f"http://127.0.0.1:{plan.ports['AGENT_OTEL_COLLECTOR_METRICS_PORT']}/metrics"
        missed = re.compile(
            r'otelcol_exporter_send_failed_spans(?:_total)?{[^}]*exporter="otlp_grpc/jaeger"[^}]*} (\d+)'
        )
        assert wait_until(lambda: sum(map(int, missed.findall(_get(url)))) == sent, _ARRIVAL_SECONDS)


def test_a_stuck_jaeger_does_not_fail_the_agents(plan: Plan, database_url: str) -> None:
    """Jaeger takes connections and answers nothing: every request is answered 200 and stored once."""
    with running(plan.jaeger()) as jaeger, running(plan.exporter()), running(plan.collector()):
        assert jaeger.process is not None
        jaeger.process.send_signal(signal.SIGSTOP)
        sent = _send(plan, _MANY)
        assert wait_until(lambda: _stored(database_url) == sent, _ARRIVAL_SECONDS)


def test_jaeger_does_not_trace_itself(plan: Plan) -> None:
    """Its own queries make no spans, which would go to port 4317 and from there into the audit trail."""
    jaeger = plan.jaeger()
    # If it made spans, it would send them to itself, and know a service more.
    own_port = plan.ports["AGENT_OTEL_JAEGER_GRPC"]
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{own_port}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    jaeger.environ = {**jaeger.environ, **settings}
    with running(jaeger):
        assert not wait_until(lambda: "jaeger" in _get(f"{plan.jaeger_query_url}/api/v3/services"), 2)
