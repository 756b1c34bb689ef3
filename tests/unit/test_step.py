"""agent_otel.step and log_step: one step of an execution, as it happens or told afterwards."""

import json
import uuid
from typing import Any

import pytest

import agent_otel
from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.errors import UnknownExecutionError
from agent_otel.measured_step import MAX_LATENCY_MS
from agent_otel.provider import get_client
from agent_otel.testing import START_NS, Captured, capture

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
C = "5b1e0d8a-7a2f-4f7a-8f8e-0123456789ab"


def step_span(captured: Captured) -> dict[str, Any]:
    """The one span that is not the execution's."""
    (span,) = [span for span in captured.spans if not span["name"].startswith("invoke_agent")]
    return span


@pytest.mark.parametrize(
    ("arguments", "name", "kind", "attributes"),
    [
        ({"name": "pytest"}, "execute_tool pytest", "INTERNAL", {s.GEN_AI_TOOL_NAME: "pytest", s.STEP_KIND: "tool"}),
        (
            {"name": "claude", "kind": "llm", "provider": "anthropic"},
            "chat claude",
            "CLIENT",
            {s.GEN_AI_REQUEST_MODEL: "claude", s.GEN_AI_PROVIDER_NAME: "anthropic", s.GEN_AI_OPERATION_NAME: "chat"},
        ),
        ({"name": "x", "kind": "llm", "model": "m"}, "chat m", "CLIENT", {s.GEN_AI_REQUEST_MODEL: "m"}),
        ({"name": "split it", "kind": "decision"}, "decision split it", "INTERNAL", {s.STEP_NAME: "split it"}),
        ({"name": "green", "kind": "milestone"}, "milestone green", "INTERNAL", {s.STEP_KIND: "milestone"}),
        ({"name": "retry", "kind": "error"}, "recover retry", "INTERNAL", {s.STEP_KIND: "error"}),
    ],
)
def test_kinds(arguments: dict[str, Any], name: str, kind: str, attributes: dict[str, Any]) -> None:
    """Each kind has its span name, its span kind and its attributes."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a"), agent_otel.step(**arguments):
        pass
    span = step_span(captured)
    assert (span["name"], span["kind"]) == (name, kind)
    assert span["attributes"].items() >= attributes.items()
    if arguments.get("kind", "tool") not in ("tool", "llm"):
        assert s.GEN_AI_OPERATION_NAME not in span["attributes"]


def test_everything_that_can_be_said() -> None:
    """Every argument and method ends in its attribute; the step carries its execution's id, agent and session."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", session_id="s-1") as run:
        with agent_otel.step(
            "pytest",
            action="run the tests",
            input={"path": "tests"},
            step_id="st-1",
            tool_call_id="call-1",
            sequence=3,
            batch_size=5,
            metadata={"k": 1},
        ) as call:
            call.output({"passed": 5})
            call.observation("all green")
            call.tokens(1, 2, cache_read=3, cache_creation=4, total=10)
            call.cost(0.25)
        execution_id = run.execution_id
    span = step_span(captured)
    expected = {
        s.GEN_AI_OPERATION_NAME: "execute_tool",
        s.GEN_AI_TOOL_NAME: "pytest",
        s.STEP_ACTION: "run the tests",
        s.GEN_AI_TOOL_CALL_ARGUMENTS: '{"path": "tests"}',
        s.GEN_AI_TOOL_CALL_RESULT: '{"passed": 5}',
        s.STEP_OBSERVATION: "all green",
        s.STEP_ID: "st-1",
        s.GEN_AI_TOOL_CALL_ID: "call-1",
        s.STEP_SEQUENCE: 3,
        s.STEP_BATCH_SIZE: 5,
        s.METADATA: '{"k": 1}',
        s.GEN_AI_USAGE_INPUT_TOKENS: 1,
        s.GEN_AI_USAGE_OUTPUT_TOKENS: 2,
        s.GEN_AI_USAGE_CACHE_READ_TOKENS: 3,
        s.GEN_AI_USAGE_CACHE_CREATION_TOKENS: 4,
        s.TOTAL_TOKENS: 10,
        s.COST_USD: 0.25,
        s.STEP_SUCCESS: True,
        s.EXECUTION_ID: execution_id,
        s.GEN_AI_AGENT_NAME: "a",
        s.SESSION_ID: "s-1",
    }
    assert span["attributes"].items() >= expected.items()
    assert span["status"] == "UNSET"
    assert span["parent_id"] == captured.span("invoke_agent a")["span_id"]


def test_model_messages() -> None:
    """A model step has messages: a text becomes one, a list of messages stays as it is."""
    given = [{"role": "system", "parts": []}, {"role": "user", "parts": []}]
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("a"),
        agent_otel.step("m", kind="llm", input=given) as call,
    ):
        call.output("hello")
    attributes = step_span(captured)["attributes"]
    assert json.loads(attributes[s.GEN_AI_INPUT_MESSAGES]) == given
    (message,) = json.loads(attributes[s.GEN_AI_OUTPUT_MESSAGES])
    assert (message["role"], message["parts"][0]["content"], message["finish_reason"]) == ("assistant", "hello", "stop")


def test_span_id_follows_from_the_step_id() -> None:
    """Two processes that name the same step of the same execution mean the same span."""
    for named in (agent_otel.step("t", step_id="one"), agent_otel.step("t", tool_call_id="one")):
        with (
            capture(raise_errors=True) as captured,
            agent_otel.execution("a", execution_id=ID),
            named as call,
        ):
            assert call.span_id == f"{ids.step_span_id(uuid.UUID(ID), 'one'):016x}"
        assert step_span(captured)["span_id"] == f"{ids.step_span_id(uuid.UUID(ID), 'one'):016x}"


def test_exception() -> None:
    """It passes; the step failed with its class; the exception is on the span; there is no result."""

    def work() -> None:
        with agent_otel.step("t") as call:
            call.output("half")
            raise OSError("disk")

    with capture(raise_errors=True) as captured, agent_otel.execution("a"), pytest.raises(OSError, match="disk"):
        work()
    span = step_span(captured)
    assert (span["status"], span["status_description"]) == ("ERROR", "disk")
    assert span["attributes"][s.STEP_SUCCESS] is False
    assert span["attributes"][s.ERROR_TYPE] == "OSError"
    assert s.GEN_AI_TOOL_CALL_RESULT not in span["attributes"]
    assert [event["name"] for event in span["events"]] == ["exception"]


@pytest.mark.parametrize(("kind", "expected"), [("tool", "tool_error"), ("decision", "_OTHER")])
def test_fail(kind: Any, expected: str) -> None:
    """A failure without an exception has the class that the conventions name."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a"), agent_otel.step("t", kind=kind) as call:
        call.fail("2 tests failed")
    attributes = step_span(captured)["attributes"]
    assert (attributes[s.ERROR_TYPE], attributes[s.ERROR_MESSAGE]) == (expected, "2 tests failed")


def test_told_to_stop() -> None:
    """A step that was cancelled did not succeed, and is no error."""
    with (
        capture(raise_errors=True) as captured,
        pytest.raises(KeyboardInterrupt),
        agent_otel.execution("a"),
        agent_otel.step("t"),
    ):
        raise KeyboardInterrupt
    span = step_span(captured)
    assert (span["status"], span["attributes"][s.STEP_SUCCESS]) == ("UNSET", False)
    assert span["attributes"][s.STEP_OBSERVATION] == "cancelled: KeyboardInterrupt"


def test_outside_any_execution(warned: list[str]) -> None:
    """The span is kept, without an execution, and one warning says so."""
    with capture(raise_errors=True) as captured:
        for _ in range(2):
            with agent_otel.step("t"):
                pass
    assert [span["name"] for span in captured.spans] == ["execute_tool t"] * 2
    assert s.EXECUTION_ID not in captured.spans[0]["attributes"]
    assert captured.spans[0]["parent_id"] is None
    assert ["outside any execution" in text for text in warned] == [True]


def test_unknown_kind(warned: list[str]) -> None:
    """It becomes a tool step, with a warning that lists the kinds."""
    kind: Any = "thought"
    with capture(raise_errors=True) as captured, agent_otel.execution("a"), agent_otel.step("t", kind=kind):
        pass
    assert step_span(captured)["attributes"][s.STEP_KIND] == "tool"
    assert "decision, error, llm, milestone, tool" in warned[0]


def test_told_afterwards() -> None:
    """A step of an open execution: its start is its end less the latency, and marked as estimated."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        span_id = agent_otel.log_step(
            run.execution_id,
            tool="cargo",
            action="build --all",
            latency_ms=12_500,
            success=True,
            tokens=2_800,
            observation="0 warnings",
            output="ok",
            cost_usd=0.1,
        )
    span = step_span(captured)
    assert span["end_time"] - span["start_time"] == 12_500_000_000
    assert (span["span_id"], span["parent_id"]) == (span_id, captured.span("invoke_agent a")["span_id"])
    expected = {
        s.STEP_START_ESTIMATED: True,
        s.STEP_ACTION: "build --all",
        s.TOTAL_TOKENS: 2_800,
        s.STEP_OBSERVATION: "0 warnings",
        s.GEN_AI_TOOL_CALL_RESULT: "ok",
        s.COST_USD: 0.1,
        s.STEP_SUCCESS: True,
    }
    assert span["attributes"].items() >= expected.items()


def test_told_afterwards_that_it_failed() -> None:
    """With or without a reason; there is no result."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.log_step("cargo", success=False, output="x")
        run.log_step("git", success=False, error=ValueError("odd"))
    first, second = captured.spans[:2]
    assert (first["status"], first["attributes"][s.ERROR_TYPE]) == ("ERROR", "tool_error")
    assert s.GEN_AI_TOOL_CALL_RESULT not in first["attributes"]
    assert s.STEP_START_ESTIMATED not in first["attributes"]
    assert (second["status_description"], second["attributes"][s.ERROR_TYPE]) == ("odd", "ValueError")


def test_told_of_an_execution_of_another_process() -> None:
    """Its file in the state folder says where the step belongs."""
    with capture(raise_errors=True) as captured:
        run = agent_otel.execution("elsewhere", session_id="s-1", execution_id=ID)
        run.begin()
        get_client().running.clear()
        agent_otel.log_step(ID, tool="t")
        run.end()
    span, parent = step_span(captured), captured.span("invoke_agent elsewhere")
    assert (span["trace_id"], span["parent_id"]) == (parent["trace_id"], parent["span_id"])
    assert span["attributes"].items() >= {s.GEN_AI_AGENT_NAME: "elsewhere", s.SESSION_ID: "s-1"}.items()


def test_told_of_an_execution_by_correlation() -> None:
    """Known by nobody here, it is placed by both ids."""
    with capture(raise_errors=True) as captured:
        agent_otel.log_step(ID, tool="t", correlation_id=C, agent="far")
    (span,) = captured.spans
    assert span["trace_id"] == C.replace("-", "")
    assert span["parent_id"] == f"{ids.execution_span_id(uuid.UUID(ID)):016x}"
    assert span["attributes"].items() >= {s.EXECUTION_ID: ID, s.GEN_AI_AGENT_NAME: "far"}.items()
    assert s.SESSION_ID not in span["attributes"]


@pytest.mark.parametrize(("execution_id", "said"), [(ID, "give correlation_id"), ("seven", "is not a UUID")])
def test_told_of_nothing_known(execution_id: str, said: str, warned: list[str]) -> None:
    """The error says what to do; in an agent it is logged and the answer is None."""
    with pytest.raises(UnknownExecutionError, match=said), capture(raise_errors=True):
        agent_otel.log_step(execution_id, tool="t")


@pytest.mark.usefixtures("errors_are_swallowed")
def test_told_of_nothing_known_in_an_agent(warned: list[str]) -> None:
    """The agent goes on."""
    with capture() as captured:
        assert agent_otel.log_step(ID, tool="t") is None
    assert captured.spans == []
    assert "give correlation_id" in warned[0]


@pytest.mark.parametrize("latency", [-1, float("nan"), MAX_LATENCY_MS * 2, "fast"])
def test_impossible_latency(latency: Any, warned: list[str]) -> None:
    """It is left out, with a warning, and the step has no length."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.log_step("t", latency_ms=latency)
    span = step_span(captured)
    assert span["start_time"] == span["end_time"] > START_NS
    assert "latency_ms" in warned[0]
