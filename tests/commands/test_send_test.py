"""`agent-otel doctor --send-test` on a real stack: all is well, and each hop that can break is named."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack import state
from agent_otel.local_stack.slots import EXPORTER, JAEGER, POSTGRES
from agent_otel.local_stack.stack import LocalStack
from agent_otel.shell.hop import RECEIVER
from agent_otel.store.connection import connect
from tests.commands.send_testing import doctor, sent
from tests.fixtures.sink import Sink
from tests.fixtures.stack import rows, wait_for


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack and its user keep things."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def own_stack(real_tools: None, home: Path) -> Iterator[LocalStack]:
    """A stack of this module's own, whose parts may be stopped."""
    with LocalStack(home, free_ports=True) as stack:
        yield stack


@pytest.fixture
def user(own_stack: LocalStack, home: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStack:
    """The one who started it, and calls at its endpoint."""
    for name in ("AGENT_OTEL_DATABASE_URL", "AGENT_OTEL_JAEGER_QUERY_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(home))
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", own_stack.endpoint)
    monkeypatch.setenv("AGENT_OTEL_SEND_MILLISECONDS", "20000")
    return own_stack


def end(stack: LocalStack, home: Path, name: str) -> None:
    """End a part of the stack, by its own pid, whoever is connected to it."""
    found = state.read(home / "state")
    assert found is not None
    (pid,) = [part.process.pid for part in found.parts if part.name == name]
    os.kill(pid, signal.SIGINT)
    wait_for(lambda: name in stack.ended(), f"the end of {name}")


def restart(stack: LocalStack, name: str) -> None:
    """Start the part again, and wait until the others have noticed."""
    stack.restart(name)
    wait_for(lambda: sent(1.0)[2] is None, f"a test execution through all hops after {name} is back")


def is_stored(stack: LocalStack, execution_id: str) -> bool:
    """Whether the test execution's own span is in the database."""
    statement = "SELECT 1 FROM agent_executions WHERE execution_id = %(id)s::uuid AND span_id IS NOT NULL"
    return bool(rows(stack, statement, {"id": execution_id}))


def test_all_is_well(user: LocalStack) -> None:
    """Every hop in its order, with the time it took; exit code 0; the execution is there with its step."""
    done = doctor("--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (told["success"], told["broken"]) == (True, None)
    assert [hop["name"] for hop in told["hops"]] == [RECEIVER, EXPORTER, POSTGRES, JAEGER]
    assert all(hop["well"] and hop["milliseconds"] > 0 for hop in told["hops"])
    statement = "SELECT agent_name, status, stage, percent FROM agent_executions WHERE execution_id = %(id)s::uuid"
    assert rows(user, statement, {"id": told["execution_id"]}) == [("agent-otel-doctor", "success", "under way", 50)]


def test_the_table_is_for_people(user: LocalStack) -> None:
    """A line a hop, the verdict, and how to look at the execution."""
    done = doctor()
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.partition("  ")[0] for line in lines[:4]] == ["ok"] * 4
    assert lines[5] == "no hop is broken"
    assert "`agent-otel show " in lines[6]


def test_it_is_no_part_of_the_execution_around_it(user: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace and an execution of its own, also within another's environment."""
    monkeypatch.setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03")
    monkeypatch.setenv("BAGGAGE", "aotel.execution.id=0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11")
    execution_id, hops, broken = sent(10)
    assert broken is None, hops
    statement = (
        "SELECT parent_execution_id, correlation_id::text FROM agent_executions WHERE execution_id = %(id)s::uuid"
    )
    ((parent, correlation),) = rows(user, statement, {"id": execution_id})
    assert parent is None
    assert correlation.replace("-", "") != "0af7651916cd43dd8448eb211c80319c"


def test_a_stopped_exporter_is_named(user: LocalStack, home: Path) -> None:
    """The Collector has acknowledged it; once the exporter is back, it arrives."""
    end(user, home, EXPORTER)
    try:
        execution_id, hops, broken = sent(0.5)
    finally:
        restart(user, EXPORTER)
    assert broken is not None
    assert broken.name == EXPORTER
    assert "has ended" in broken.state
    assert hops[RECEIVER].well
    assert (hops[POSTGRES].well, hops[POSTGRES].state) == (None, "not reached")
    assert hops[JAEGER].well is not None
    wait_for(lambda: is_stored(user, execution_id), "what the Collector kept")


def test_a_stopped_database_is_named(user: LocalStack, home: Path) -> None:
    """The exporter says that it is not ready, and PostgreSQL cannot be asked; nothing is lost."""
    end(user, home, POSTGRES)
    try:
        execution_id, hops, broken = sent(0.5)
    finally:
        restart(user, POSTGRES)
    assert broken is not None
    assert (hops[EXPORTER].well, hops[POSTGRES].well) == (False, False)
    assert "not ready" in hops[EXPORTER].state
    assert "cannot connect to PostgreSQL" in hops[POSTGRES].state
    wait_for(lambda: is_stored(user, execution_id), "what the Collector kept")


def test_what_is_quarantined_is_named(user: LocalStack) -> None:
    """What PostgreSQL can never take, here a division by zero, the exporter keeps aside; the way to see it is said."""
    rule = "refuse_doctor CHECK (1 / (name NOT LIKE '%agent-otel-doctor')::int = 1) NOT VALID"
    with connect(user.database_url, application="test", autocommit=True) as connection:
        connection.execute(f"ALTER TABLE spans ADD CONSTRAINT {rule}")  # type: ignore[call-overload,unused-ignore]
        try:
            _, _, broken = sent()
        finally:
            connection.execute("ALTER TABLE spans DROP CONSTRAINT refuse_doctor")
    connection.close()
    assert broken is not None
    assert broken.name == EXPORTER
    assert broken.state.startswith("quarantined: ")
    assert "`agent-otel quarantine show " in broken.state


def test_a_stopped_jaeger_is_named(user: LocalStack, home: Path) -> None:
    """PostgreSQL has it; Jaeger is a view and the only hop that is broken."""
    end(user, home, JAEGER)
    try:
        _, hops, broken = sent(5)
    finally:
        restart(user, JAEGER)
    assert broken is not None
    assert broken.name == JAEGER
    assert "does not answer" in broken.state
    assert hops[POSTGRES].well


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that takes everything."""
    with Sink() as running:
        yield running


def test_another_endpoint_than_the_stacks_is_named(user: LocalStack, sink: Sink, monkeypatch: Any) -> None:
    """A receiver that takes everything and is not the running stack's: it never arrives, and the variable is named."""
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    _, hops, broken = sent(0.3)
    assert hops[RECEIVER].well
    assert broken is not None
    assert broken.name == POSTGRES
    assert f"AGENT_OTEL_ENDPOINT={user.endpoint}" in broken.state


def test_a_grpc_port_is_named(user: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual mistake, with the usual advice."""
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", user.grpc_endpoint)
    _, _, broken = sent()
    assert broken is not None
    assert "gRPC port" in broken.state


def test_own_database_and_jaeger_by_their_variables(
    own_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a stack of one's own, the endpoint, the database and Jaeger are those that the variables name."""
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", own_stack.endpoint)
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", own_stack.reader_url)
    monkeypatch.setenv("AGENT_OTEL_JAEGER_QUERY_HTTP", str(own_stack.jaeger_query_url).removeprefix("http://"))
    _, hops, broken = sent(10)
    assert broken is None, hops
    assert [hop.well for hop in hops.values()] == [True, True, True]
