"""`agent-otel doctor --send-test` where no stack runs: what is missing or wrong is named, nothing is proved."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.slots import JAEGER, POSTGRES
from agent_otel.shell.hop import RECEIVER
from tests.commands.send_testing import doctor, sent
from tests.fixtures.sink import Answer, Sink


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Someone on a machine on which nothing runs."""
    for name in ("AGENT_OTEL_DATABASE_URL", "AGENT_OTEL_JAEGER_QUERY_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AGENT_OTEL_SEND_MILLISECONDS", "20000")
    return monkeypatch


def test_nothing_runs(stranger: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The receiver is broken and the command to type is named; nothing is sent, so that nothing waits."""
    execution_id, hops, broken = sent()
    assert execution_id == ""
    assert broken is not None
    assert broken.name == RECEIVER
    assert "nothing listens" in broken.state
    assert "`agent-otel up --detach`" in broken.state
    assert [hops[name].well for name in (POSTGRES, JAEGER)] == [None, None]
    assert not list(tmp_path.rglob("*.spool"))
    done = doctor()
    assert (done.returncode, done.stderr) == (1, "")
    assert "broken: OTLP receiver" in done.stdout


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that takes everything."""
    with Sink() as running:
        yield running


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404), "answers 404: is that an OTLP/HTTP receiver?"),
        (Answer(401), "AGENT_OTEL_HEADERS"),
        (Answer(503), "answers 503"),
        (Answer(200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"), "that is no OTLP/HTTP receiver"),
    ],
)
def test_an_endpoint_that_is_no_receiver_is_named(
    answer: Answer, said: str, sink: Sink, stranger: pytest.MonkeyPatch
) -> None:
    """Whatever else answers there: what it answers, and what to look at."""
    sink.answer = lambda _: answer
    stranger.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    execution_id, _, broken = sent()
    assert execution_id == ""
    assert broken is not None
    assert broken.name == RECEIVER
    assert said in broken.state


def test_a_receiver_that_refuses_spans_is_named(sink: Sink, stranger: pytest.MonkeyPatch) -> None:
    """It takes an empty request and the events, but not the spans."""
    sink.answer = lambda received: Answer(503 if received.path == "/v1/traces" else 200)
    stranger.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    execution_id, hops, broken = sent()
    assert execution_id
    assert broken is not None
    assert broken.name == RECEIVER
    assert "answers 503; the spool keeps it" in broken.state
    assert hops[POSTGRES].well is None


def test_without_a_database_it_says_what_to_set(sink: Sink, stranger: pytest.MonkeyPatch) -> None:
    """Acknowledged, and no way to read back: nothing is broken, nothing is proved, and the variables are named."""
    stranger.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    execution_id, hops, broken = sent()
    assert broken is None
    assert execution_id
    assert hops[RECEIVER].well
    assert hops[POSTGRES].well is None
    assert "AGENT_OTEL_DATABASE_URL" in hops[POSTGRES].state
    assert "AGENT_OTEL_JAEGER_QUERY_HTTP" in hops[JAEGER].state


def test_without_the_driver_it_says_what_to_install(sink: Sink, stranger: pytest.MonkeyPatch) -> None:
    """A machine that only sends has no psycopg: it is told how to get it, and the rest is tested all the same."""
    stranger.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    stranger.setenv("AGENT_OTEL_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    program = "import sys; sys.modules['psycopg'] = None; from agent_otel.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "doctor", "--send-test"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "acknowledged" in done.stdout
    assert "pip install 'agent-otel[all]'" in done.stdout


def test_switched_off_is_named(stranger: pytest.MonkeyPatch) -> None:
    """Nothing would ever arrive."""
    stranger.setenv("AGENT_OTEL_DISABLED", "true")
    _, _, broken = sent()
    assert broken is not None
    assert "AGENT_OTEL_DISABLED" in broken.state
