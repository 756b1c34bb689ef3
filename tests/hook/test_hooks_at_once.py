"""Hooks as processes, many at once: nothing is lost, nothing doubled; and sessions that run beside others."""

import json
import os
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_otel.drain import drain
from agent_otel.settings import load
from tests.claude.recorded import Recorded
from tests.fixtures.shell import AGENT_OTEL, environment
from tests.fixtures.sink import Sink
from tests.hook import rows
from tests.hook.player import Play, Told
from tests.hook.test_hostile_payloads import payload

PARALLEL = 20
_S = 120


def at_once(environ: dict[str, str], payloads: Sequence[dict[str, Any]]) -> None:
    """A process each, all of them before the first is waited for."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    calls = [subprocess.Popen([AGENT_OTEL, "hook"], env=environ, **pipes) for _ in payloads]  # type: ignore[call-overload]
    for call, told in zip(calls, payloads, strict=True):
        call.stdin.write(json.dumps(told).encode())
        call.stdin.close()
        call.stdin = None
    for call in calls:
        out, err = call.communicate(timeout=_S)
        assert (call.returncode, out, err) == (0, b"", b"")


def spans(sink: Sink) -> Counter[tuple[str, str]]:
    """How often each span arrived, by trace and id."""
    bodies = [json.loads(each.body) for each in sink.accepted if each.path == "/v1/traces"]
    found = (s for body in bodies for r in body["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"])
    return Counter((span["traceId"], span["spanId"]) for span in found)


@pytest.mark.parametrize("registered", [1, 2])
@pytest.mark.parametrize("listening", [True, False])
def test_parallel_tools(sink: Sink, tmp_path: Path, nowhere: str, registered: int, listening: bool) -> None:
    """Twenty calls of one turn, each hook registered once or twice: one span a call, one of the prompt."""
    home = tmp_path / "home"
    environ = environment(sink.endpoint if listening else nowhere, home)
    begin = payload("UserPromptSubmit", tmp_path)
    calls = [{**begin, "tool_use_id": f"toolu_{number}"} for number in range(PARALLEL)]
    for event in ("UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"):
        told = calls if "Tool" in event else [begin]
        at_once(environ, [{**each, "hook_event_name": event} for each in told for _ in range(registered)])
    settings = load({"endpoint": sink.endpoint}, {"AGENT_OTEL_HOME": str(home)})
    assert drain(settings, time.monotonic() + _S).problem == ""
    found = spans(sink)
    assert len(found) == PARALLEL + 1
    assert set(found.values()) == {1}
    assert {event["eventName"] for event in sink.events()} == {"aotel.execution.started", "aotel.execution.completed"}


def test_flush_closes_what_its_owner_left(sink: Sink, play: Play, tmp_path: Path) -> None:
    """The CLI is killed in a tool; the user calls `agent-otel flush`."""
    player = play(Recorded("2.1.330", "sigkill-flush"))
    player.play()
    environ = environment(sink.endpoint, player.folder / "home")
    done = subprocess.run([AGENT_OTEL, "flush"], env=environ, cwd=tmp_path, capture_output=True, timeout=_S, check=True)
    assert json.loads(done.stdout)["success"] is True
    (ended,) = [event for event in sink.events() if event["eventName"] == "aotel.execution.completed"]
    told = {pair["key"]: pair["value"] for pair in ended["attributes"]}
    assert told["aotel.execution.inferred"] == {"boolValue": True}
    assert told["aotel.execution.status"] == {"stringValue": "cancelled"}
    assert len(spans(sink)) == 2
    assert not list((player.folder / "home" / "state" / "claude_code").iterdir())


def test_a_session_that_is_open_twice(play: Play, database_url: str) -> None:
    """Resumed in a second terminal while the first works: neither interrupts the other."""
    recorded = Recorded("2.1.330", "tool")
    alone = play(recorded)
    alone.play()
    rows.store(database_url, alone.spool)
    expected = rows.rows(database_url)
    rows.emptied(database_url)
    player = play(recorded)
    other = str(uuid.uuid4())
    with player.in_line(), player.process():
        first, rest = player.events[:3], player.events[3:]
        for event in first:
            player.tell(event)
        with player.process():
            for event in player.events:
                player.tell(in_another_terminal(event, other))
        player.flush()
        for event in rest:
            player.tell(event)
    rows.store(database_url, player.spool)
    found = rows.rows(database_url)
    ours = [row for row in found.executions if row["correlation_id"] != other]
    of_ours = [step for step in found.steps if step[0] == ours[0]["execution_id"]]
    assert rows.differences(rows.Rows(ours, of_ours), expected) == []
    assert [row["status"] for row in found.executions] == ["success", "success"]
    assert len(found.steps) == 2 * len(expected.steps)


def in_another_terminal(event: Told, prompt_id: str) -> Told:
    """The same, told by another process of the session, of another prompt."""
    changed = json.loads(json.dumps(event.payload))
    for name, value in {"prompt_id": prompt_id, "tool_use_id": f"toolu_{prompt_id}", "source": "resume"}.items():
        if name in changed:
            changed[name] = value
    for call in changed.get("tool_calls", []):
        call["tool_use_id"] = changed.get("tool_use_id", f"toolu_{prompt_id}")
    return event._replace(payload=changed)


def test_two_sessions_in_two_processes(play: Play, database_url: str) -> None:
    """Two recordings told in turns to one state folder."""
    both = [Recorded("2.1.330", "tool"), Recorded("2.1.197", "parallel-agents")]
    for recorded in both:
        alone = play(recorded)
        alone.play()
        rows.store(database_url, alone.spool)
    expected = rows.rows(database_url)
    rows.emptied(database_url)
    one, two = map(play, both)
    two.home = one.home
    with one.in_line(), one.process() as first, two.process() as second, pytest.MonkeyPatch.context() as patch:
        left = [(one, first, list(one.events)), (two, second, list(two.events))]
        while any(events for _, _, events in left):
            for player, pid, events in left:
                if events:
                    patch.setattr(os, "getppid", lambda pid=pid: pid)
                    player.tell(events.pop(0))
                    player.growth.until(events[0].at if events else 2**63)
    rows.store(database_url, one.spool)
    assert rows.differences(rows.rows(database_url), expected) == []
