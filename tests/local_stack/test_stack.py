"""The local stack through its commands: what a user meets, and what is left afterwards."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from agent_otel.local_stack import state
from agent_otel.local_stack.ports import LOOPBACK, free_port
from agent_otel.local_stack.process import identify, wait_until
from agent_otel.local_stack.stack import LocalStack, discard
from agent_otel.store.connection import connect
from tests.fixtures.processes import Spawn
from tests.fixtures.stack import post
from tests.local_stack.running_stack import START_SECONDS, UP, agent_otel, part, processes_in, ready, select

_STOP_SECONDS = 30


def test_a_stack_takes_otlp_and_leaves_nothing_behind(home: Path) -> None:
    """Without Collector the exporter is the first hop; what is missing is named with the command that adds it."""
    with LocalStack(home, free_ports=True) as stack:
        assert [hop.name for hop in stack.hops] == ["exporter", "PostgreSQL"]
        assert [line.split()[0] for line in stack.missing] == ["Collector", "Jaeger"]
        assert all("agent-otel tools install" in line for line in stack.missing)
        assert stack.jaeger_query_url is None
        body = json.dumps({"resourceSpans": []}).encode()
        post(f"{stack.endpoint}/v1/traces", body, "application/json")
        assert select(stack.reader_url, "SELECT count(*) FROM agent_executions") == [(0,)]
        assert (home / "state/stack.json").stat().st_mode & 0o777 == 0o600
        assert processes_in(home)
    assert processes_in(home) == []
    assert not (home / "state/stack.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_stops_all_of_it_on_a_signal(home: Path, spawn: Spawn, number: signal.Signals) -> None:
    """Ctrl-C, a service manager and a closing terminal end it in order, with exit code 0."""
    up = spawn(UP)
    ready(home, up)
    up.send_signal(number)
    assert up.wait(_STOP_SECONDS) == 0
    assert processes_in(home) == []


def test_a_signal_during_the_start_leaves_nothing(home: Path, spawn: Spawn) -> None:
    """Ctrl-C before it is ready ends what was started so far."""
    up = spawn(UP)
    assert wait_until(lambda: (home / "state/stack.json").exists(), START_SECONDS)
    up.send_signal(signal.SIGINT)
    assert up.wait(_STOP_SECONDS) == 0
    assert processes_in(home) == []


def test_a_second_up_says_who_runs(home: Path) -> None:
    """It does not touch the first, and names its pid and address."""
    with LocalStack(home, free_ports=True) as stack:
        second = agent_otel("up", "--free-ports")
        assert second.returncode == 1
        assert f"already runs (pid {os.getpid()}, {stack.endpoint})" in second.stderr
        assert agent_otel("status").returncode == 0


def test_up_after_a_kill_ends_what_was_left_and_works(home: Path, spawn: Spawn) -> None:
    """SIGKILL of `up` leaves its parts running; the next one ends exactly those and keeps the data."""
    first = spawn(UP)
    left = ready(home, first)
    with connect(left.database_url, application="test", autocommit=True) as connection:
        connection.execute("CREATE TABLE public.kept AS SELECT 42 AS answer")
    connection.close()
    first.kill()
    first.wait()
    assert {identify(part.process.pid) for part in left.parts} == {part.process for part in left.parts}
    assert agent_otel("status").returncode == 1
    with LocalStack(home, free_ports=True) as stack:
        assert [part for part in left.parts if identify(part.process.pid) == part.process] == []
        assert select(stack.database_url, "SELECT answer FROM public.kept") == [(42,)]


def test_down_clears_up_after_a_kill(home: Path, spawn: Spawn) -> None:
    """`down` ends what a killed `up` left, and a second `down` has nothing to do."""
    first = spawn(UP)
    ready(home, first)
    first.kill()
    first.wait()
    assert "exporter, PostgreSQL" in agent_otel("down").stdout
    assert processes_in(home) == []
    assert "no local stack runs" in agent_otel("down").stdout


def test_a_stale_record_ends_nobody(home: Path, spawn: Spawn) -> None:
    """A pid in the record that belongs to another program by now is left alone."""
    bystander = spawn([sys.executable, "-c", "import signal; signal.pause()"])
    with LocalStack(home, free_ports=True):
        recorded = (home / "state/stack.json").read_text()
        found = state.read(home / "state")
    assert found is not None
    (home / "state/stack.json").write_text(
        recorded.replace(f'"pid": {part(found, "exporter").process.pid}', f'"pid": {bystander.pid}')
    )
    with LocalStack(home, free_ports=True):
        assert bystander.poll() is None


def test_detach_returns_once_all_isready(home: Path) -> None:
    """status, psql and down work on it; psql reads and cannot write."""
    assert agent_otel("up", "--detach", "--free-ports").returncode == 0
    found = ready(home)
    status = agent_otel("status")
    assert status.returncode == 0
    assert [line.split()[:2] for line in status.stdout.splitlines()[1:3]] == [
        ["PostgreSQL", "ready"],
        ["exporter", "ready"],
    ]
    assert found.database_url.split(":")[2].split("@")[0] not in status.stdout
    assert agent_otel("psql", "--", "-Atc", "SELECT current_user, count(*) FROM executions").stdout == (
        "agent_otel_reader|0\n"
    )
    assert "permission denied" in agent_otel("psql", "--", "-c", "DELETE FROM executions").stderr
    assert agent_otel("psql", "--owner", "--", "-Atc", "DELETE FROM executions").stdout == "DELETE 0\n"
    assert agent_otel("down").returncode == 0
    assert processes_in(home) == []
    assert agent_otel("status").returncode == 1


def test_detach_that_fails_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of the background process is on the terminal of the caller."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("AGENT_OTEL_POSTGRES_PORT", str(port))
        failed = agent_otel("up", "--detach")
    assert failed.returncode == 1
    assert f"port {port} is taken by another program, and the PostgreSQL needs it" in failed.stderr
    assert "AGENT_OTEL_POSTGRES_PORT=" in failed.stderr


def test_an_own_postgresql_is_used(home: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AGENT_OTEL_DATABASE_URL only the exporter is started, on that database, which is migrated."""
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", empty_database_url)
    with LocalStack(free_ports=True) as stack:
        assert [hop.name for hop in stack.hops] == ["exporter"]
        assert stack.database_url == empty_database_url
        assert select(empty_database_url, "SELECT count(*) FROM agent_executions") == [(0,)]
    assert not (home / "data/postgres").exists()


def test_a_stack_of_its_own_never_touches_an_own_postgresql(
    home: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's stack has its own database, whatever the user's environment says."""
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", empty_database_url)
    with LocalStack(home, free_ports=True) as stack:
        assert stack.database_url != empty_database_url
    assert select(empty_database_url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'agent_otel'") == [(0,)]


def test_an_unreachable_own_postgresql_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where no server answers, without the password."""
    port = free_port()
    monkeypatch.setenv("AGENT_OTEL_DATABASE_URL", f"postgresql://me:hidden@127.0.0.1:{port}/db")
    failed = agent_otel("up", "--free-ports")
    assert failed.returncode == 1
    assert f"127.0.0.1:{port}" in failed.stderr
    assert "hidden" not in failed.stderr


def test_discard_ends_and_deletes_what_a_killed_stack_left(home: Path, spawn: Spawn) -> None:
    """A throw-away stack begins empty, though its predecessor was killed."""
    first = spawn(UP)
    ready(home, first)
    first.kill()
    first.wait()
    discard(home)
    assert not home.exists()
    assert processes_in(home) == []


def test_a_damaged_record_is_named(home: Path) -> None:
    """The message says which file to look at."""
    (home / "state").mkdir(parents=True)
    (home / "state/stack.json").write_text("{")
    failed = agent_otel("status")
    (home / "state/stack.json").unlink()
    assert failed.returncode == 1
    assert "stack.json cannot be read" in failed.stderr


@pytest.mark.parametrize("verb", ["up", "down", "status", "psql", "tools"])
def test_every_command_explains_itself(verb: str) -> None:
    """--help says what the command does and starts nothing."""
    helped = agent_otel(verb, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert f"usage: agent-otel {verb}" in helped.stdout
