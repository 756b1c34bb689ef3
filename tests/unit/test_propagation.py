"""agent_otel.propagation: W3C context in and out, threads and processes."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.propagation import context_of
from agent_otel.testing import capture
from tests.fixtures.sink import Sink

TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def names(work: str = "x") -> list[str | None]:
    """The agent of the current execution, from inside whatever runs this."""
    current = agent_otel.current_execution()
    return [work, current.record.agent_name if current else None]


def test_inject_and_extract() -> None:
    """What one execution injects, another continues: same trace, parent span, parent execution, session."""
    with capture(raise_errors=True) as captured:
        with agent_otel.execution("caller", session_id="s-1") as caller:
            headers = agent_otel.inject({"x": "kept"})
            caller_id = caller.execution_id
        with agent_otel.extract(headers), agent_otel.execution("callee"):
            pass
    callee, parent = captured.span("invoke_agent callee"), captured.span("invoke_agent caller")
    assert headers["x"] == "kept"
    assert headers["traceparent"] == f"00-{parent['trace_id']}-{parent['span_id']}-03"
    assert (callee["trace_id"], callee["parent_id"]) == (parent["trace_id"], parent["span_id"])
    assert callee["attributes"][s.PARENT_EXECUTION_ID] == caller_id
    assert callee["attributes"][s.SESSION_ID] == "s-1"


def test_inject_outside() -> None:
    """Outside any span nothing is injected, and the child's environment stays as it is."""
    assert agent_otel.inject() == {}
    assert agent_otel.child_env({"TRACEPARENT": TRACEPARENT}) == {"TRACEPARENT": TRACEPARENT}


def test_child_env() -> None:
    """The environment of a child names the current step as parent; stale variables do not survive."""
    with capture(raise_errors=True), agent_otel.execution("a") as run, agent_otel.step("t") as call:
        env = agent_otel.child_env({"PATH": "p", "TRACESTATE": "old=1", "TRACEPARENT": TRACEPARENT})
        assert env["TRACEPARENT"] == f"00-{run.trace_id}-{call.span_id}-03"
        assert f"{s.EXECUTION_ID}={run.execution_id}" in env["BAGGAGE"]
        assert "TRACESTATE" not in env
        assert env["PATH"] == "p"


@pytest.mark.parametrize("malformed", ["", "nonsense", "00-" + "0" * 32 + "-0123456789abcdef-01", TRACEPARENT + "x"])
def test_malformed(malformed: str, warned: list[str]) -> None:
    """A traceparent that is none is ignored, with a warning."""
    with capture() as captured, agent_otel.extract({"traceparent": malformed}), agent_otel.execution("a"):
        pass
    assert captured.span("invoke_agent a")["parent_id"] is None
    assert ["is malformed" in text for text in warned] == ([True] if malformed else [])


def test_keys_in_any_case() -> None:
    """Header names are case-insensitive."""
    found = context_of({"TraceParent": TRACEPARENT, "other": "x"})
    assert len(found) == 1


def test_threads() -> None:
    """A thread is outside unless its work is wrapped; wrapped work may run in many threads at once."""
    with capture(raise_errors=True), ThreadPoolExecutor(4) as pool:
        with agent_otel.execution("a"):
            assert pool.submit(names, "plain").result() == ["plain", None]
            assert list(pool.map(agent_otel.propagate(names), "bcd")) == [["b", "a"], ["c", "a"], ["d", "a"]]
        assert pool.submit(names).result() == ["x", None]


def test_asyncio() -> None:
    """Tasks and to_thread inherit; concurrent tasks do not see each other's executions."""

    async def task(agent: str) -> list[str | None]:
        async with agent_otel.execution(agent):
            await asyncio.sleep(0)
            return [*names(agent), *await asyncio.to_thread(names)]

    async def main() -> list[list[str | None]]:
        async with agent_otel.execution("outer"):
            return list(await asyncio.gather(task("one"), task("two"), asyncio.to_thread(names)))

    with capture(raise_errors=True) as captured:
        assert asyncio.run(main()) == [["one", "one", "x", "one"], ["two", "two", "x", "two"], ["x", "outer"]]
    outer = captured.span("invoke_agent outer")
    assert captured.span("invoke_agent one")["parent_id"] == outer["span_id"]
    assert captured.span("invoke_agent two")["parent_id"] == outer["span_id"]


CHILD = """
import sys, agent_otel
agent_otel.configure(endpoint=sys.argv[1])
with agent_otel.execution("child") as run:
    with agent_otel.step("t"):
        pass
agent_otel.flush(10)
"""


def test_processes(home: Path, sink: Sink) -> None:
    """A child process that is given child_env() goes on in its parent's trace, under the current span."""
    with capture(raise_errors=True), agent_otel.execution("parent", session_id="s-1") as run:
        env = {**agent_otel.child_env(), "AGENT_OTEL_HOME": str(home)}
        subprocess.run([sys.executable, "-c", CHILD, sink.endpoint], env=env, check=True)
        trace_id, span_id, execution_id = run.trace_id, run.span_id, run.execution_id
    spans = {span.name: span for span in sink.spans()}
    child = spans["invoke_agent child"]
    assert (child.trace_id.hex(), child.parent_span_id.hex()) == (trace_id, span_id)
    attributes = {pair.key: pair.value.string_value for pair in child.attributes}
    assert (attributes[s.PARENT_EXECUTION_ID], attributes[s.SESSION_ID]) == (execution_id, "s-1")
    assert spans["execute_tool t"].parent_span_id == child.span_id
    assert child.flags == 0x300


def test_environment_is_not_changed() -> None:
    """child_env returns a copy."""
    before = dict(os.environ)
    with capture(), agent_otel.execution("a"):
        agent_otel.child_env()
    assert dict(os.environ) == before
