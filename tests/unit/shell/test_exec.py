"""exec: the command is as without us (streams, signals, exit code, environment), and its execution is recorded."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from agent_otel.local_stack.process import wait_until
from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import attributes, events, spans

COMMAND = (sys.executable, "-m", "agent_otel")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path, sink: Sink) -> dict[str, str]:
    """Nothing inherited that names an execution."""
    dropped = ("TRACEPARENT", "BAGGAGE", "AGENT_OTEL_SESSION_ID", "CLAUDE_CODE_SESSION_ID")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    places = {"AGENT_OTEL_HOME": str(tmp_path / "home"), "AGENT_OTEL_ENDPOINT": sink.endpoint}
    return {**kept, **places, "AGENT_OTEL_SEND_MILLISECONDS": "20000"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run `agent-otel` with these words."""

    def call(*words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words], env={**environment, **more}, input=stdin, capture_output=True, text=True, timeout=30,
            check=False,
        )  # fmt: skip

    return call


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A call that runs; it and what it runs end with the block, however that ends."""
    # Whoever runs the tests may ignore SIGHUP (nohup), which programs hand down.
    with subprocess.Popen(command, start_new_session=True, preexec_fn=_heed_hangup, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _heed_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_streams_and_exit_code_pass_through(run: Run, sink: Sink) -> None:
    """stdin, stdout and stderr are the command's; nothing of ours is in them."""
    done = run("exec", "--agent", "a", "--", "sh", "-c", "cat; echo err >&2; exit 3", stdin="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "in\n", "err\n")
    (span,) = spans(sink)
    found = attributes(span)
    assert (found["aotel.execution.status"], found["error.type"]) == ("error", "exit_code_3")
    assert found["aotel.task.description"] == "sh -c cat; echo err >&2; exit 3"
    assert found["aotel.resource.memory_max_bytes"] > 100_000
    assert [event["eventName"] for event in events(sink)] == ["aotel.execution.started", "aotel.execution.completed"]


def test_the_command_finds_its_place(run: Run, sink: Sink) -> None:
    """TRACEPARENT is the execution's span; what runs below it as exec is its step, with --agent its child."""
    inner = shlex.join(COMMAND)
    script = f"echo $TRACEPARENT; {inner} exec -- true; {inner} exec --agent child -- sh -c 'exit 1'; exit 0"
    done = run("exec", "--agent", "outer", "--", "sh", "-c", script)
    by_name = {span["name"]: span for span in spans(sink)}
    outer = by_name["invoke_agent outer"]
    assert done.stdout == f"00-{outer['traceId']}-{outer['spanId']}-03\n"
    for name in ("execute_tool true", "invoke_agent child"):
        assert (by_name[name]["traceId"], by_name[name]["parentSpanId"]) == (outer["traceId"], outer["spanId"])
    step = attributes(by_name["execute_tool true"])
    assert step["aotel.execution.id"] == attributes(outer)["aotel.execution.id"]
    assert (step["aotel.step.action"], step["aotel.step.observation"]) == ("true", "exit code 0")
    child = attributes(by_name["invoke_agent child"])
    assert child["aotel.parent_execution.id"] == step["aotel.execution.id"]
    assert child["session.id"] == step["session.id"]


def test_below_a_step_the_trace_goes_on_from_the_step(run: Run, sink: Sink) -> None:
    """A command that is a step gives its own span on as the parent."""
    inner = shlex.join(COMMAND)
    run("exec", "--agent", "outer", "--", "sh", "-c", f"{inner} exec -- sh -c 'echo $TRACEPARENT > \"$OUT\"'",
        OUT=os.devnull)  # fmt: skip
    script = f"{inner} exec -- sh -c 'echo $TRACEPARENT'"
    done = run("exec", "--agent", "outer", "--", "sh", "-c", script)
    step = spans(sink)[-2]
    assert step["name"] == "execute_tool sh"
    assert done.stdout == f"00-{step['traceId']}-{step['spanId']}-03\n"


@pytest.mark.parametrize(
    ("command", "code", "words"), [("no-such-command", 127, "No such file"), ("/etc/passwd", 126, "Permission denied")]
)
def test_a_command_that_cannot_start(run: Run, sink: Sink, command: str, code: int, words: str) -> None:
    """The codes that a shell gives, the reason on stderr, and an execution that failed."""
    done = run("exec", "--", command)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    found = attributes(spans(sink)[0])
    assert (found["aotel.execution.status"], found["error.type"]) == ("error", "command_not_started")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, "cancelled"), (signal.SIGHUP, "cancelled"), (signal.SIGUSR1, "error")]
)
def test_signals_are_sent_on(
    environment: dict[str, str], sink: Sink, tmp_path: Path, number: signal.Signals, status: str
) -> None:
    """What is sent to us ends the command; we end by the same signal, and the end is recorded."""
    ready = tmp_path / "ready"
    script = f"touch {ready}; while :; do read x < {tmp_path}/never; done"
    os.mkfifo(tmp_path / "never")
    with started([*COMMAND, "exec", "--", "sh", "-c", script], env=environment) as process:
        assert wait_until(ready.exists, 10)
        process.send_signal(number)
        assert process.wait(20) == -number
    found = attributes(spans(sink)[0])
    assert (found["aotel.execution.status"], found["error.type"]) == (status, number.name)


def test_a_command_that_handles_a_signal_decides_itself(
    environment: dict[str, str], sink: Sink, tmp_path: Path
) -> None:
    """Its own exit code is ours."""
    ready = tmp_path / "ready"
    os.mkfifo(tmp_path / "never")
    script = f"trap 'exit 7' TERM; touch {ready}; read x < {tmp_path}/never"
    with started([*COMMAND, "exec", "--", "sh", "-c", script], env=environment) as process:
        assert wait_until(ready.exists, 10)
        process.terminate()
        assert process.wait(20) == 7
    assert attributes(spans(sink)[0])["error.type"] == "exit_code_7"


def test_the_terminals_interrupt_reaches_both(environment: dict[str, str], sink: Sink, tmp_path: Path) -> None:
    """Ctrl-C goes to the group: the command ends by it, we record that and end by it, too."""
    ready = tmp_path / "ready"
    os.mkfifo(tmp_path / "never")
    program = f"import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); open({str(ready)!r}, 'w'); signal.pause()"
    with started([*COMMAND, "exec", "--agent", "a", "--", sys.executable, "-c", program], env=environment) as process:
        assert wait_until(ready.exists, 10)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    assert attributes(spans(sink)[0])["aotel.execution.status"] == "cancelled"


def test_a_broken_pipe_ends_the_command_as_without_us(run: Run, sink: Sink) -> None:
    """Python ignores SIGPIPE; the command must not inherit that."""
    done = run("exec", "--", "sh", "-c", "yes | head -1; kill -PIPE $$")
    assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "y\n")


def test_answers_go_to_a_file(run: Run, tmp_path: Path) -> None:
    """The JSON of start and end, a line each."""
    run("exec", "--agent", "a", "--json", f"{tmp_path}/answers", "--", "true")
    start, end = map(json.loads, (tmp_path / "answers").read_text().splitlines())
    assert (start["success"], end["success"], end["status"]) == (True, True, "success")
    assert start["execution_id"] == end["execution_id"]
    done = run("exec", "--agent", "a", "--json", f"{tmp_path}/no/such", "--", "true")
    assert done.returncode == 0
    assert "--json" in done.stderr


def test_without_a_receiver_the_command_runs_all_the_same(run: Run, sink: Sink) -> None:
    """One line on stderr, the command's exit code."""
    sink.close()
    done = run("exec", "--", "sh", "-c", "exit 4")
    assert (done.returncode, done.stdout) == (4, "")
    assert "the spool keeps it" in done.stderr


def test_a_long_command_beats(environment: dict[str, str], sink: Sink, tmp_path: Path) -> None:
    """An execution that runs says so from time to time, and only an execution: a step is told about at its end."""
    os.mkfifo(tmp_path / "done")
    script = f"read x < {tmp_path}/done"
    environment["AGENT_OTEL_HEARTBEAT_SECONDS"] = "1"
    with started([*COMMAND, "exec", "--agent", "a", "--", "sh", "-c", script], env=environment) as process:
        assert wait_until(lambda: "aotel.execution.heartbeat" in [e["eventName"] for e in events(sink)], 20)
        (tmp_path / "done").write_text("x\n")
        assert process.wait(20) == 0
    beats = [event for event in events(sink) if event["eventName"] == "aotel.execution.heartbeat"]
    assert attributes(beats[0])["gen_ai.agent.name"] == "a"


@pytest.mark.parametrize("words", [("exec",), ("exec", "--agent", "a"), ("exec", "--"), ("exec", "make", "test")])
def test_without_a_command_the_usage_is_told(run: Run, sink: Sink, words: tuple[str, ...]) -> None:
    """Nothing runs, nothing is recorded."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "write it behind --" in done.stderr
    assert not sink.seen


def test_a_wrong_execution_id_costs_the_record_only(run: Run, sink: Sink) -> None:
    """The command runs, and it is said that no step was recorded."""
    done = run("exec", "--execution-id", "../../x", "--agent", "a", "--", "sh", "-c", "exit 5")
    assert done.returncode == 5
    assert "expected a UUID" in done.stderr
