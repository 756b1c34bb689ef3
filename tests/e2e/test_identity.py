"""Executions of the span helpers through the real path: ids, parents and events in PostgreSQL and in Jaeger."""

import subprocess
import uuid
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.stack import agent, client_environment, jaeger_trace, rows, wait_for

EXAMPLE = Path(__file__).parents[2] / "examples" / "review_agent.py"

_AGENT = """
import sys, agent_otel
with agent_otel.execution("outer", correlation_id=sys.argv[1], description="d") as run:
    run.progress("half", 50)
    with agent_otel.step("tool-a", action="a"):
        pass
    with agent_otel.execution("inner"):
        with agent_otel.step("tool-b", kind="decision"):
            pass
print(agent_otel.flush(timeout=20))
"""


def spans_in_jaeger(stack: LocalStack, trace_id: uuid.UUID) -> dict[bytes, Span]:
    """The spans of a trace by span id."""
    data = jaeger_trace(stack, trace_id)
    return {span.span_id: span for group in data.resource_spans for scope in group.scope_spans for span in scope.spans}


def run(stack: LocalStack, home: Path, *command: str) -> str:
    """Run an agent against the stack; its output."""
    environment = client_environment(stack, home)
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_correlation_id_is_the_trace_id_everywhere(stack: LocalStack, tmp_path: Path) -> None:
    """Given C: Jaeger's trace id is C without dashes, SQL's correlation_id is C, steps hang under their executions."""
    correlation = uuid.uuid4()
    assert "lost=0" in run(stack, tmp_path, *agent(_AGENT), str(correlation))
    ended: Any = """SELECT agent_name, execution_id, span_id FROM agent_executions
                    WHERE correlation_id = %(c)s AND status = 'success'"""
    wait_for(lambda: len(rows(stack, ended, {"c": correlation})) == 2, "both executions")
    executions = {
        name: (execution_id, span_id) for name, execution_id, span_id in rows(stack, ended, {"c": correlation})
    }
    steps: Any = (
        "SELECT execution_id, parent_span_id FROM agent_execution_steps WHERE correlation_id = %(c)s ORDER BY name"
    )
    wait_for(lambda: len(rows(stack, steps, {"c": correlation})) == 2, "both steps")
    assert sorted(rows(stack, steps, {"c": correlation})) == sorted(executions.values())
    child: Any = "SELECT agent_name, parent_execution_id FROM agent_executions WHERE correlation_id = %(c)s ORDER BY 1"
    assert rows(stack, child, {"c": correlation}) == [("inner", executions["outer"][0]), ("outer", None)]

    wait_for(lambda: len(spans_in_jaeger(stack, correlation)) == 4, "the trace in Jaeger")
    found = spans_in_jaeger(stack, correlation)
    parents = {span.name: found[span.parent_span_id].name for span in found.values() if span.parent_span_id}
    assert parents == {
        "execute_tool tool-a": "invoke_agent outer",
        "invoke_agent inner": "invoke_agent outer",
        "decision tool-b": "invoke_agent inner",
    }
    assert {span.trace_id.hex() for span in found.values()} == {correlation.hex}


def test_events_are_log_records_in_postgresql_and_span_events_in_jaeger(stack: LocalStack, tmp_path: Path) -> None:
    """Start and completion are in PostgreSQL only; progress is also a span event, with the same event id."""
    correlation = uuid.uuid4()
    run(stack, tmp_path, *agent(_AGENT), str(correlation))
    names: Any = "SELECT event_name, count(*) FROM execution_events WHERE trace_id = %(c)s GROUP BY 1 ORDER BY 1"
    expected = [("aotel.execution.completed", 2), ("aotel.execution.progress", 1), ("aotel.execution.started", 2)]
    wait_for(lambda: rows(stack, names, {"c": correlation}) == expected, "every event")
    wait_for(lambda: len(spans_in_jaeger(stack, correlation)) == 4, "the trace in Jaeger")
    progress: Any = """SELECT event_id::text FROM execution_events
                       WHERE trace_id = %(c)s AND event_name = 'aotel.execution.progress'"""
    ((event_id,),) = rows(stack, progress, {"c": correlation})
    on_spans = [event for span in spans_in_jaeger(stack, correlation).values() for event in span.events]
    attributes = [{pair.key: pair.value.string_value for pair in event.attributes} for event in on_spans]
    assert [(event.name, found["aotel.event.id"]) for event, found in zip(on_spans, attributes, strict=True)] == [
        ("aotel.execution.progress", event_id)
    ]


def test_the_example_is_the_same_in_both_stores(stack: LocalStack, tmp_path: Path) -> None:
    """Every span of the example agent is in PostgreSQL and in Jaeger, under the same ids and times."""
    import sys

    session = str(uuid.uuid4())
    environment = client_environment(stack, tmp_path, AGENT_OTEL_SESSION_ID=session)
    subprocess.run([sys.executable, str(EXAMPLE)], env=environment, capture_output=True, timeout=60, check=True)
    trace: Any = "SELECT DISTINCT correlation_id FROM agent_executions WHERE session_id = %(s)s AND status = 'success'"
    wait_for(lambda: len(rows(stack, trace, {"s": session})) == 1, "the example's trace")
    ((correlation,),) = rows(stack, trace, {"s": session})
    stored: Any = """SELECT span_id, (extract(epoch FROM start_time)::numeric * 1000000000)::int8 + start_ns, name
                     FROM spans WHERE trace_id = %(c)s"""
    wait_for(lambda: len(rows(stack, stored, {"c": correlation})) == 9, "the example's spans")
    in_postgresql = {
        (span_id.to_bytes(8, signed=True), start, name)
        for span_id, start, name in rows(stack, stored, {"c": correlation})
    }
    wait_for(lambda: len(spans_in_jaeger(stack, correlation)) == 9, "the example's spans in Jaeger")
    in_jaeger = {
        (span.span_id, span.start_time_unix_nano, span.name) for span in spans_in_jaeger(stack, correlation).values()
    }
    assert in_jaeger == in_postgresql
