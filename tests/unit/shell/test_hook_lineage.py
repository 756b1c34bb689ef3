"""Where the executions of Claude Code's hooks stand, when something of ours is around the CLI."""

import json
import uuid
from collections.abc import Callable

import pytest

from agent_otel import semconv as s
from agent_otel.settings import load
from agent_otel.shell.claude_code.payload import Payload
from agent_otel.shell.claude_code.told import handle
from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, spans

SESSION, PROMPT = str(uuid.uuid4()), str(uuid.uuid4())
Tell = Callable[..., None]


@pytest.fixture
def tell(verb: Verb) -> Tell:
    """Tell the hook of an event, in the environment that `verb` has made."""
    clock = iter(range(1_800_000_000_000_000_000, 1_800_000_001_000_000_000, 1_000_000))

    def told(event: str, **fields: object) -> None:
        common = {"hook_event_name": event, "session_id": SESSION, "prompt_id": PROMPT}
        handle(load(), Payload({**common, **fields}, next(clock)))

    return told


def prompted(tell: Tell) -> None:
    """A prompt with a sub-agent."""
    tell("UserPromptSubmit", prompt="do it")
    tell("PreToolUse", tool_name="Agent", tool_use_id="toolu_1", tool_input={"subagent_type": "x", "prompt": "look"})
    tell("SubagentStart", agent_id="a1", agent_type="x")
    tell("SubagentStop", agent_id="a1", agent_type="x", last_assistant_message="seen")
    tell("Stop", last_assistant_message="done")


def named(sink: Sink, name: str) -> dict[str, object]:
    """The one span of that name."""
    (found,) = [span for span in spans(sink) if span["name"] == name]
    return dict(found)


def test_a_prompt_has_a_trace_of_its_own(tell: Tell, sink: Sink) -> None:
    """Its id is the trace id; the sub-agent is in the same trace, below the prompt, with a link to the tool call."""
    prompted(tell)
    prompt, agent = named(sink, "invoke_agent claude-code"), named(sink, "invoke_agent x")
    assert prompt["traceId"] == agent["traceId"] == uuid.UUID(PROMPT).hex
    assert "parentSpanId" not in prompt
    assert agent["parentSpanId"] == prompt["spanId"]
    facts = attributes(agent)
    assert facts[s.PARENT_EXECUTION_ID] == attributes(prompt)[s.EXECUTION_ID]
    assert json.loads(str(facts[s.GEN_AI_INPUT_MESSAGES]))[0]["parts"][0]["content"] == "look"
    assert len(list(agent["links"])) == 1  # type: ignore[call-overload]


def test_inside_an_execution_it_is_that_ones_child(
    tell: Tell, verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`agent-otel exec -- claude …`: the prompt belongs to the execution around it, in its trace."""
    started = verb("start", "--agent", "nightly").answer
    execution = uuid.UUID(started["execution_id"])
    span_id = f"{execution.int & (2**64 - 1):016x}"
    monkeypatch.setenv("TRACEPARENT", f"00-{uuid.UUID(started['correlation_id']).hex}-{span_id}-03")
    monkeypatch.setenv("BAGGAGE", f"{s.EXECUTION_ID}={execution}")
    prompted(tell)
    prompt, agent = named(sink, "invoke_agent claude-code"), named(sink, "invoke_agent x")
    assert prompt["traceId"] == agent["traceId"] == uuid.UUID(started["correlation_id"]).hex
    assert prompt["parentSpanId"] == span_id
    assert attributes(prompt)[s.PARENT_EXECUTION_ID] == str(execution)
    assert agent["parentSpanId"] == prompt["spanId"]


def test_beside_another_trace_it_is_linked(tell: Tell, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of somebody else's around the CLI is no parent: the prompt's own trace points to it."""
    monkeypatch.setenv("TRACEPARENT", f"00-{'a' * 32}-{'b' * 16}-01")
    prompted(tell)
    prompt = named(sink, "invoke_agent claude-code")
    assert prompt["traceId"] == uuid.UUID(PROMPT).hex
    (link,) = list(prompt["links"])  # type: ignore[call-overload]
    assert (link["traceId"], link["spanId"]) == ("a" * 32, "b" * 16)
