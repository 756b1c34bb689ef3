"""agent_otel.execution: one run of an agent, from its start to each way of ending."""

import json
import uuid
from typing import Any

import pytest

import agent_otel
from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.execution_span import MAX_PROGRESS_SPAN_EVENTS
from agent_otel.testing import START_NS, TICK_NS, Captured, capture


def started(captured: Captured) -> dict[str, Any]:
    """Attributes of the one start event."""
    attributes: dict[str, Any] = captured.event(s.EVENT_STARTED)["attributes"]
    return attributes


def completed(captured: Captured) -> dict[str, Any]:
    """Attributes of the one completion event."""
    attributes: dict[str, Any] = captured.event(s.EVENT_COMPLETED)["attributes"]
    return attributes


def test_everything_that_can_be_said() -> None:
    """Every argument and every method ends in its attribute, on the span and in the events."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution(
            "reviewer",
            description="review it",
            prompt="please",
            context={"branch": "main"},
            instructions="be kind",
            session_id="s-1",
            model="m-1",
            provider="anthropic",
            agent_version="2",
            agent_description="reviews",
            agent_instance_id="i-1",
            conversation_id="c-1",
            external_id="x-1",
            priority="high",
            triggered_by="user",
            user_id="u-1",
            metadata={"a": 1, "b": 1},
            project="p",
            tools=["pytest", {"type": "function", "name": "git"}],
        ) as run,
    ):
        run.progress("reading", 25, b=2)
        run.result("done")
        run.quality_score(0.9)
        run.tokens(10, 20, cache_read=3, cache_creation=4, total=37)
        run.cost(0.5)
        run.metadata(c=3)
        run.files_modified("a.py", "b.py")
        run.files_modified("a.py")
    intent = {
        s.TASK_DESCRIPTION: "review it",
        s.GEN_AI_REQUEST_MODEL: "m-1",
        s.GEN_AI_PROVIDER_NAME: "anthropic",
        s.GEN_AI_AGENT_VERSION: "2",
        s.GEN_AI_AGENT_DESCRIPTION: "reviews",
        s.AGENT_INSTANCE_ID: "i-1",
        s.GEN_AI_CONVERSATION_ID: "c-1",
        s.EXTERNAL_ID: "x-1",
        s.PRIORITY: "high",
        s.TRIGGERED_BY: "user",
        s.USER_ID: "u-1",
        s.PROMPT_LENGTH: 6,
    }
    content = {
        s.GEN_AI_INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "please"}]}],
        s.CONTEXT: {"branch": "main"},
        s.GEN_AI_SYSTEM_INSTRUCTIONS: [{"type": "text", "content": "be kind"}],
        s.GEN_AI_TOOL_DEFINITIONS: [{"type": "function", "name": "pytest"}, {"type": "function", "name": "git"}],
    }
    final = {
        s.EXECUTION_STATUS: "success",
        s.PROGRESS_STAGE: "reading",
        s.PROGRESS_PERCENT: 25.0,
        s.OUTPUT_SIZE: 4,
        s.QUALITY_SCORE: 0.9,
        s.GEN_AI_USAGE_INPUT_TOKENS: 10,
        s.GEN_AI_USAGE_OUTPUT_TOKENS: 20,
        s.GEN_AI_USAGE_CACHE_READ_TOKENS: 3,
        s.GEN_AI_USAGE_CACHE_CREATION_TOKENS: 4,
        s.TOTAL_TOKENS: 37,
        s.COST_USD: 0.5,
    }
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "done"}], "finish_reason": "stop"}]
    span = captured.span("invoke_agent reviewer")["attributes"]
    identity = {s.GEN_AI_AGENT_NAME: "reviewer", s.SESSION_ID: "s-1", s.PROJECT: "p"}
    assert span.items() >= {s.GEN_AI_OPERATION_NAME: "invoke_agent", **identity, **intent, **final}.items()
    assert started(captured).items() >= {**identity, **intent, s.EXECUTION_STATUS: "in_progress"}.items()
    assert completed(captured).items() >= {**identity, **intent, **final}.items()
    for name, value in content.items():
        assert json.loads(span[name]) == json.loads(started(captured)[name]) == value
        assert name not in completed(captured)
    for record in (span, completed(captured)):
        assert json.loads(record[s.GEN_AI_OUTPUT_MESSAGES]) == answer
        assert json.loads(record[s.METADATA]) == {"a": 1, "b": 2, "c": 3}
        assert list(record[s.FILES_MODIFIED]) == ["a.py", "b.py"]
    assert json.loads(started(captured)[s.METADATA]) == {"a": 1, "b": 1}


def test_span_itself() -> None:
    """Name, kind, times; no status unless there was an error."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a"):
        pass
    span = captured.span("invoke_agent a")
    assert (span["kind"], span["status"], span["start_time"]) == ("INTERNAL", "UNSET", START_NS)
    assert span["end_time"] == START_NS + TICK_NS


def test_times_and_ids_of_events() -> None:
    """Start and end carry the span's own times to the nanosecond, its ids, and ids of their own that repeat."""
    execution_id = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
    with capture(raise_errors=True) as captured, agent_otel.execution("a", execution_id=execution_id) as run:
        run.progress("x")
    span = captured.span("invoke_agent a")
    start, progress, end = captured.events
    assert (start["time"], end["time"]) == (span["start_time"], span["end_time"])
    assert start["attributes"][s.EXECUTION_START_NS] == end["attributes"][s.EXECUTION_START_NS] == span["start_time"]
    assert end["attributes"][s.EXECUTION_END_NS] == span["end_time"]
    assert {(event["trace_id"], event["span_id"]) for event in captured.events} == {(span["trace_id"], span["span_id"])}
    known = uuid.UUID(execution_id)
    assert start["attributes"][s.EVENT_ID] == str(ids.event_id(known, s.EVENT_STARTED))
    assert end["attributes"][s.EVENT_ID] == str(ids.event_id(known, s.EVENT_COMPLETED))
    (on_span,) = span["events"]
    assert (on_span["name"], on_span["time"]) == (s.EVENT_PROGRESS, progress["time"])
    assert on_span["attributes"][s.EVENT_ID] == progress["attributes"][s.EVENT_ID]
    assert [event["severity"] for event in captured.events] == [9, 9, 9]


def test_progress_on_the_span_is_bounded() -> None:
    """Beyond the limit progress goes as log records only."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        for number in range(MAX_PROGRESS_SPAN_EVENTS + 5):
            run.progress(f"stage {number}")
    assert len(captured.span("invoke_agent a")["events"]) == MAX_PROGRESS_SPAN_EVENTS
    assert len([e for e in captured.events if e["name"] == s.EVENT_PROGRESS]) == MAX_PROGRESS_SPAN_EVENTS + 5


def test_heartbeat_is_an_event_only() -> None:
    """It says that the execution runs, and leaves no trace on the span."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.beat()
    assert (
        captured.event(s.EVENT_HEARTBEAT)["attributes"][s.EXECUTION_ID]
        == captured.events[0]["attributes"][s.EXECUTION_ID]
    )
    assert captured.span("invoke_agent a")["events"] == []


@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        ("progress", ("x", 101), "percent"),
        ("progress", ("x", float("nan")), "percent"),
        ("quality_score", (7,), "quality_score"),
        ("quality_score", ("high",), "quality_score"),
        ("tokens", (-1,), s.GEN_AI_USAGE_INPUT_TOKENS),
        ("tokens", (1.5,), s.GEN_AI_USAGE_INPUT_TOKENS),
        ("cost", (float("inf"),), s.COST_USD),
    ],
)
def test_wrong_values(method: str, arguments: tuple[Any, ...], name: str, warned: list[str]) -> None:
    """A value that cannot be is left out, with one warning that names it."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        for _ in range(2):
            getattr(run, method)(*arguments)
    assert [name in text for text in warned] == [True]
    assert not {s.PROGRESS_PERCENT, s.QUALITY_SCORE, s.COST_USD, s.GEN_AI_USAGE_INPUT_TOKENS} & set(completed(captured))


def test_values_that_nothing_can_carry() -> None:
    """Objects in prompt, metadata, result and input are kept as text."""

    class Odd:
        def __repr__(self) -> str:
            return "<odd \ud800>"

    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("na\ud800me", prompt=Odd(), metadata={"x": Odd()}, context=[{1}]) as run,
    ):
        run.result(Odd())
        run.progress("x", odd=Odd())
    span = captured.span("invoke_agent na\\ud800me")
    assert json.loads(span["attributes"][s.METADATA])["x"] == "<odd \\ud800>"
    json.dumps(captured.spans).encode()


@pytest.mark.usefixtures("errors_are_swallowed")
def test_used_without_a_block(warned: list[str]) -> None:
    """begin() and end() do for callbacks; what is done too early or twice is said, and harmless."""
    with capture() as captured:
        run = agent_otel.execution("a")
        run.progress("too early")
        run.begin()
        run.begin()
        assert agent_otel.current_execution() is None
        with run.current():
            assert agent_otel.current_execution() is run
        run.end()
        run.end()
    assert len(captured.spans) == 1
    assert "has not begun" in warned[0]
    assert "already runs" in warned[1]


def test_current_execution() -> None:
    """The innermost execution around the caller; None outside."""
    with capture(raise_errors=True):
        assert agent_otel.current_execution() is None
        with agent_otel.execution("a") as outer:
            with agent_otel.step("t"), agent_otel.execution("b") as inner:
                assert agent_otel.current_execution() is inner
            assert agent_otel.current_execution() is outer
        assert agent_otel.current_execution() is None
