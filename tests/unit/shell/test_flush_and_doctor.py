"""flush and doctor: what waits is delivered, and what is wrong is named with the command that mends it."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agent_otel.open_execution import ExecutionFolder
from tests.fixtures.sink import Answer, Sink
from tests.unit.shell.conftest import Verb, events, spans


def examined(verb: Verb) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of doctor."""
    printed = verb("doctor", "--json")
    found: dict[str, Any] = json.loads(printed.out)
    return printed.code, found


def test_what_waits_is_delivered(verb: Verb, sink: Sink) -> None:
    """Nothing came through; then all of it does, once."""
    sink.answer = lambda _: Answer(503)
    verb("start", "--agent", "a")
    verb("start", "--agent", "b")
    refused = verb("flush", "--timeout", "0.2").answer
    assert refused == {
        "success": False,
        "delivered": 0,
        "spooled": 2,
        "refused": 0,
        "lost": 0,
        "error": refused["error"],
    }
    assert "503" in refused["error"]
    assert verb("flush", "--timeout", "0", "--strict").code == 3
    sink.answer = lambda _: Answer()
    assert verb("flush").answer == {"success": True, "delivered": 2, "spooled": 0, "refused": 0, "lost": 0}
    assert len(events(sink)) == 2
    assert verb("flush", "--strict").code == 0


def test_a_span_whose_process_died_at_its_end_is_delivered(
    verb: Verb, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after it had claimed the end and before its span was in the spool: the next flush takes it along."""
    execution_id = verb("start", "--agent", "a").answer["execution_id"]
    process = os.fork()
    if not process:
        monkeypatch.setattr("agent_otel.shell.completion.hand_over", lambda *_: os._exit(9))
        verb("complete", "--execution-id", execution_id)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    assert verb("complete", "--execution-id", execution_id).answer["warning"] == "already completed"
    assert verb("flush").answer["delivered"] == 1
    assert [span["name"] for span in spans(sink)] == ["invoke_agent a"]
    assert list(ExecutionFolder(str(tmp_path / "home" / "state")).unfinished(age=0)) == []


def test_flush_removes_what_is_past_its_time(verb: Verb, tmp_path: Path) -> None:
    """Nobody else does where only calls are made; what is young stays."""
    old, young = (verb("start", "--agent", "a").answer["execution_id"] for _ in range(2))
    for execution_id in (old, young):
        verb("complete", "--execution-id", execution_id)
    folder = tmp_path / "home" / "state" / "executions"
    os.utime(folder / f"{old}.closed", (1, 1))
    verb("flush")
    assert sorted(path.stem for path in folder.iterdir() if path.is_file()) == [young, young]


def test_all_is_well(verb: Verb, sink: Sink) -> None:
    """Counts add up over calls; nothing to do."""
    verb("start", "--agent", "a")
    code, found = examined(verb)
    assert code == 0
    assert (found["sent"], found["acknowledged"], found["refused"], found["lost"]) == (1, 1, 0, 0)
    assert found["hops"][0]["state"] == "takes OTLP"
    assert found["next"].startswith("all is well")
    text = verb("doctor").out
    assert f"OTLP receiver  {sink.endpoint}  takes OTLP" in text
    assert "\033" not in text


def test_nobody_listens(verb: Verb, sink: Sink) -> None:
    """What waits is counted, and the stack's start is what to type."""
    sink.close()
    verb("start", "--agent", "a")
    code, found = examined(verb)
    assert code == 1
    assert (found["spool"]["records"], found["spool"]["items"]) == (1, 1)
    assert found["next"] == "1 record spooled, no stack running: `agent-otel up --detach`"


def test_something_else_listens(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that speaks another protocol, or another server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AGENT_OTEL_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        process = os.fork()
        if not process:
            connection, _ = server.accept()
            connection.sendall(b"\0\0\x18\x04\0\0\0\0\0" + bytes(24))
            os._exit(0)
        _, found = examined(verb)
        os.waitpid(process, 0)
    assert "does not speak HTTP: is it a gRPC port" in found["hops"][0]["state"]


@pytest.mark.parametrize(("status", "word"), [(404, "404"), (401, "401"), (503, "503")])
def test_a_receiver_that_does_not_take_it(verb: Verb, sink: Sink, status: int, word: str) -> None:
    """The answer is shown."""
    sink.answer = lambda _: Answer(status)
    code, found = examined(verb)
    assert code == 1
    assert word in found["hops"][0]["state"]


def test_refused_and_lost(verb: Verb, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told until somebody looks, with the reasons."""
    sink.answer = lambda received: Answer(400 if b'logRecords":[{' in received.body else 200)
    verb("start", "--agent", "a")
    _, found = examined(verb)
    assert (found["refused"], found["lost"]) == (1, 0)
    assert found["next"] == f"look at what the receiver refused: {tmp_path}/home/state/spool/refused"


def test_what_is_wrong_with_the_settings_is_told(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong variable, and the switch."""
    monkeypatch.setenv("AGENT_OTEL_CAPTURE", "everything")
    monkeypatch.setenv("AGENT_OTEL_DISABLED", "1")
    code, found = examined(verb)
    assert code == 1
    assert "AGENT_OTEL_CAPTURE" in found["problems"][0]
    assert "unset AGENT_OTEL_DISABLED" in found["next"]
