"""agent_otel.testing: what users assert on."""

import pytest
from opentelemetry import trace

import agent_otel
from agent_otel import guard, provider
from agent_otel import semconv as s
from agent_otel.errors import UnknownExecutionError
from agent_otel.testing import START_NS, TICK_NS, Captured, capture

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


def trace_something() -> Captured:
    """One execution with one step."""
    with (
        capture() as captured,
        agent_otel.execution("a", prompt="hello"),
        agent_otel.step("t", input={"x": 1}) as call,
    ):
        call.output("done")
    return captured


def test_the_same_each_time() -> None:
    """Ids and times repeat from capture to capture, so that a test can compare whole spans."""
    first, second = trace_something(), trace_something()
    assert first.spans == second.spans
    assert first.events == second.events


def test_whole_span() -> None:
    """A span is a plain dict."""
    assert trace_something().span("execute_tool t") == {
        "name": "execute_tool t",
        "kind": "INTERNAL",
        "trace_id": "00000000000040008000000000000001",
        "span_id": "0000000000000001",
        "parent_id": "8000000000000003",
        "start_time": START_NS + TICK_NS,
        "end_time": START_NS + 2 * TICK_NS,
        "attributes": {
            s.GEN_AI_OPERATION_NAME: "execute_tool",
            s.GEN_AI_TOOL_NAME: "t",
            s.STEP_KIND: "tool",
            s.STEP_SUCCESS: True,
            s.GEN_AI_TOOL_CALL_ARGUMENTS: '{"x": 1}',
            s.EXECUTION_ID: "00000000-0000-4000-8000-000000000003",
            s.GEN_AI_AGENT_NAME: "a",
            s.SESSION_ID: "00000000-0000-4000-8000-000000000002",
            s.GEN_AI_TOOL_CALL_RESULT: "done",
        },
        "status": "UNSET",
        "status_description": None,
        "events": [],
        "links": [],
    }


def test_span_and_event_by_name() -> None:
    """Exactly one, or an error that lists what there is."""
    captured = trace_something()
    assert captured.event(s.EVENT_STARTED)["body"] == "a started"
    with pytest.raises(LookupError, match=r"0 of the name 'x'; there are \['execute_tool t', 'invoke_agent a'\]"):
        captured.span("x")


def test_nothing_is_left() -> None:
    """Afterwards the client is the one of before; the program's global provider was never touched."""
    before = provider.install(None)
    try:
        trace_something()
        assert provider.install(None) is None
    finally:
        provider.install(before)
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_environment_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings do not change what a test sees."""
    plain = trace_something()
    for name, value in (("AGENT_OTEL_CAPTURE", "minimal"), ("AGENT_OTEL_DISABLED", "1"), ("AGENT_OTEL_PROJECT", "p")):
        monkeypatch.setenv(name, value)
    assert trace_something().spans == plain.spans


@pytest.mark.usefixtures("errors_are_swallowed")
def test_errors_can_be_raised() -> None:
    """With raise_errors=True a misuse fails the test; otherwise, and afterwards, it is logged."""
    with pytest.raises(UnknownExecutionError), capture(raise_errors=True):
        agent_otel.log_step(ID, tool="t")
    assert not guard.raise_errors
    with capture():
        assert agent_otel.log_step(ID, tool="t") is None
