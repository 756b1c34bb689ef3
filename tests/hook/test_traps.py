"""What Claude Code does that costs others their records: one test a trap, from recordings of both versions."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_otel import identity
from tests.claude.recorded import Recorded
from tests.claude.versions import OLDEST
from tests.fixtures.sink import Sink
from tests.hook import changes, rows
from tests.hook.player import Play, Player
from tests.hook.rows import Rows
from tests.hook.standard_input import Hook
from tests.hook.test_hook_process import Command
from tests.hook.test_hostile_payloads import payload

VERSIONS = (OLDEST, "2.1.330")
EACH = pytest.mark.parametrize("version", VERSIONS)
Found = Callable[..., tuple[Player, Rows]]


@pytest.fixture
def found(play: Play, database_url: str) -> Found:
    """Plays a scenario, its events changed; the player and the rows."""

    def played(version: str, scenario: str, change: changes.Change = list) -> tuple[Player, Rows]:
        player = play(Recorded(version, scenario))
        player.play(change(player.events))
        rows.store(database_url, player.spool)
        return player, rows.rows(database_url)

    return played


def by_agent(found: Rows, name: str) -> list[dict[str, Any]]:
    """The executions of an agent."""
    return [row for row in found.executions if row["agent_name"] == name]


@EACH
@pytest.mark.parametrize("change", [changes.without("StopFailure"), changes.after_the_end("StopFailure")])
def test_trap_1_stop_failure_is_killed_or_late(found: Found, version: str, change: changes.Change) -> None:
    """A prompt that failed is an error of the same type, also when only the transcript can say so."""
    _, told = found(version, "overloaded", change)
    assert [(row["status"], row["error_type"]) for row in told.executions] == [("error", "server_error")]


@EACH
def test_trap_1_session_end_without_stop_is_no_success(found: Found, version: str) -> None:
    """Whatever was lost on the way."""
    _, told = found(version, "tool", changes.without("Stop"))
    assert [row["status"] for row in told.executions] == ["cancelled"]


@EACH
@pytest.mark.parametrize(
    ("scenario", "tool", "error"),
    [("denied-tool", "Bash", "permission_denied"), ("schema-error", "Read", "invalid_tool_input")],
)
def test_trap_2_told_by_the_batch_alone(found: Found, version: str, scenario: str, tool: str, error: str) -> None:
    """A call that did not run is a step that did not succeed, and says why."""
    _, told = found(version, scenario)
    assert [step[2:] for step in told.steps if not step[3]] == [(tool, False, error)]


@EACH
@pytest.mark.parametrize("late", [False, True])
def test_trap_3_background_sub_agents(found: Found, version: str, late: bool) -> None:
    """They outlive their prompt and stay its children; the notification is an execution of its own."""
    change = changes.last_before_the_end("SubagentStart") if late else list
    player, told = found(version, "background-agent", change)
    (agent,) = by_agent(told, "general-purpose")
    first, second = sorted(by_agent(told, "claude-code"), key=lambda row: -(row["output_tokens"] or 0))
    assert agent["parent_execution_id"] in {first["execution_id"], second["execution_id"]}
    starts = [event.payload["prompt_id"] for event in player.events if event.event == "UserPromptSubmit"]
    assert agent["correlation_id"] == starts[0]
    assert {first["correlation_id"], second["correlation_id"]} == set(starts)
    assert {row["status"] for row in told.executions} == {"success"}


@EACH
def test_trap_4_no_parent_in_subagent_start(found: Found, version: str) -> None:
    """Nested and parallel: each is below the one that called it."""
    player, told = found(version, "nested-agents")
    events = [event.payload for event in player.events if event.event == "SubagentStart"]
    session, prompt = events[0]["session_id"], events[0]["prompt_id"]
    outer, inner = (execution(session, event["agent_id"]) for event in events)
    parents = {row["execution_id"]: row["parent_execution_id"] for row in told.executions}
    assert parents == {execution(session, prompt): None, outer: execution(session, prompt), inner: outer}


@EACH
def test_trap_5_compact(found: Found, version: str) -> None:
    """An execution of its own that ends well; who writes the summary is none."""
    _, told = found(version, "compacted")
    assert [(row["agent_name"], row["status"]) for row in told.executions] == [("claude-code", "success")] * 3
    assert [step[2] for step in told.steps if step[2] != "Bash"] in ([], ["compact"], [None])


@EACH
def test_trap_6_fork_session(found: Found, version: str) -> None:
    """SessionStart has the old id or the new one; each prompt is in the session that it names, no token twice."""
    player, told = found(version, "forked")
    prompts = {e.payload["prompt_id"]: e.payload["session_id"] for e in player.events if e.event == "UserPromptSubmit"}
    assert len(set(prompts.values())) == 2
    assert {row["correlation_id"]: row["session_id"] for row in told.executions} == prompts
    ledger = Recorded(version, "forked").ledger()
    assert sum(row["output_tokens"] for row in told.executions) == sum(each.usage.output for each in ledger)


@EACH
@pytest.mark.parametrize("scenario", ["sigkill-resume", "sigterm", "sigint-resume", "sigkill-in-agent"])
def test_trap_7_interrupts(found: Found, version: str, scenario: str) -> None:
    """What was open is closed at the end of the session or at its next start: the tool, the sub-agent, the prompt."""
    _, told = found(version, scenario)
    statuses = {row["status"] for row in told.executions}
    assert "cancelled" in statuses
    assert "in_progress" not in statuses
    assert {step[3:] for step in told.steps if not step[3]} == {(False, "interrupted")}


def test_trap_8_session_end_is_over_in_time(sink: Sink, tmp_path: Path) -> None:
    """A second and a half in all: a receiver that does not answer is waited for once, however much there is to say."""
    command, seconds, calls = Command(sink.endpoint, tmp_path / "home"), 1.0, 20
    begin = payload("UserPromptSubmit", tmp_path)
    for number in range(calls):
        command.tell({**begin, "hook_event_name": "PreToolUse", "tool_use_id": f"toolu_{number}"})
    sink.stall(True)
    begun = time.monotonic()
    patience = {"AGENT_OTEL_SEND_MILLISECONDS": str(int(1_000 * seconds))}
    command.tell({**begin, "hook_event_name": "SessionEnd"}, more=patience)
    took = time.monotonic() - begun
    sink.stall(False)
    assert took < calls * seconds / 2


@EACH
def test_trap_10_plugin_and_settings_together(found: Found, version: str, database_url: str) -> None:
    """Every hook runs twice: nothing is doubled, no event of the session either."""
    _, told = found(version, "parallel-tools", changes.twice)
    assert [step[3] for step in told.steps] == [True] * 3
    assert len(told.executions) == 1
    assert rows.session_events(database_url) == {"session.start": 1, "session.end": 1}


def test_trap_11_secrets_in_the_environment(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the newest version puts there for itself is nowhere."""
    monkeypatch.setenv("CLAUDE_CODE_MESSAGING_TOKEN", "s3cr3t-of-a-message")
    for told in Recorded("2.1.330", "tool").payloads(tmp_path):
        text = {**told.payload, "tool_response": {"stdout": "s3cr3t-of-a-message"}}
        hook.tell(text)
    kept = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert kept
    assert not [content for content in kept if b"s3cr3t" in content]


def execution(session: str, named: str) -> str:
    """The id of an execution."""
    return identity.spelled(identity.named_uuid(identity.NAMESPACE, f"{session}/{named}"))
