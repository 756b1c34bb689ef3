"""A task delegated with everything that can be said of it, through the real path, read from SQL and Jaeger."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.local_stack.stack import LocalStack
from tests.fixtures.stack import agent, client_environment, jaeger_trace, rows, wait_for

_AGENT = """
import sys, pathlib, agent_otel
work = pathlib.Path(sys.argv[2])
with agent_otel.delegate(
    "fixer",
    correlation_id=sys.argv[1],
    prompt="Fix the failing test",
    user_request="make the build green",
    reasoning="it knows the code",
    expected_outcome="a green build",
    criteria=["tests pass", "lint passes"],
    risk="may break the API",
    context="the build broke yesterday",
    instructions="change no test",
    configuration={"temperature": 0.5},
    tools=["Edit", "Bash"],
    agent_version="v2.0",
    track_files=work,
) as run:
    run.progress("reading", 10)
    with agent_otel.step("Bash", action="run the tests", input={"command": "make test"}) as call:
        call.output("1 failed")
    work.joinpath("fixed.py").write_text("pass")
    run.criteria("docs are written")
    run.issue("a flaky test", "WARNING", impact="slow", resolution="ran it again", prevention="pin the seed")
    run.learning(["the seed matters"], ["pin seeds"], "capable", "give it the log", by="main")
    run.record_error(TimeoutError("slow"), recovery_action="tried again")
    run.result("It is fixed.")
    run.structured({"fixed": 1})
    run.commands("make test")
    run.api_calls("https://api.github.com/repos")
    run.tests_run(12)
    run.issues_found(1)
    run.quality("HIGH", "MEDIUM", "LOW", "compliant")
    run.verification("MATCH", "as expected", criteria_met=["tests pass"], confidence=0.9, manual_required=False)
print(run.execution_id)
print(agent_otel.flush(timeout=20))
"""
_LATE = """
import sys, agent_otel
agent_otel.verify(sys.argv[1], "MISMATCH", "it still fails", criteria_failed=["tests pass"], by="alice")
print(agent_otel.flush(timeout=20))
"""
INTENT = {
    "reasoning": "it knows the code",
    "expected_outcome": "a green build",
    "risk_assessment": "may break the API",
    "agent_configuration": {"temperature": 0.5},
    "agent_version": "v2.0",
    "context": "the build broke yesterday",
    "prompt_length": 20,
}
OUTPUT = {
    "structured_data": '{"fixed": 1}',
    "commands_executed": ["make test"],
    "api_calls": ["https://api.github.com/repos"],
    "files_modified": ["fixed.py"],
    "tests_run": 12,
    "issues_found": 1,
    "output_size": 12,
}


def run(stack: LocalStack, home: Path, *command: str) -> list[str]:
    """Run an agent against the stack; the lines that it printed."""
    environment = client_environment(stack, home)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "lost=0" in done.stdout
    return done.stdout.splitlines()


def told(stack: LocalStack, execution_id: str) -> dict[str, list[dict[str, Any]]]:
    """Attributes of the execution's events by name, in the order of their times."""
    statement: Any = """SELECT event_name, attributes FROM execution_events WHERE execution_id = %(e)s
                        ORDER BY time, time_ns"""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, attributes in rows(stack, statement, {"e": execution_id}):
        found.setdefault(name, []).append(attributes)
    return found


def test_delegated_task(stack: LocalStack, tmp_path: Path) -> None:
    """Intent, output, issue, learning and both verdicts, the second of another process, days later for all we know."""
    (tmp_path / "work").mkdir()
    correlation = uuid.uuid4()
    execution_id = run(stack, tmp_path, *agent(_AGENT), str(correlation), str(tmp_path / "work"))[0]
    run(stack, tmp_path / "elsewhere", *agent(_LATE), execution_id)
    wait_for(lambda: len(told(stack, execution_id).get(s.GEN_AI_EVALUATION_RESULT, ())) == 2, "both verdicts")
    ended: Any = "SELECT count(*) FROM agent_executions WHERE execution_id = %(e)s AND status = 'success'"
    wait_for(lambda: rows(stack, ended, {"e": execution_id}) == [(1,)], "the end")

    _check_row(stack, execution_id)
    _check_events(told(stack, execution_id))
    wait_for(lambda: _span(stack, correlation) is not None, "the span in Jaeger")
    _check_span(_span(stack, correlation))


def _check_row(stack: LocalStack, execution_id: str) -> None:
    statement: Any = "SELECT to_jsonb(a) FROM agent_executions a WHERE execution_id = %(e)s"
    ((row,),) = rows(stack, statement, {"e": execution_id})
    assert row.items() >= {**INTENT, **OUTPUT}.items()
    assert sorted(row["success_criteria"]) == ["docs are written", "lint passes", "tests pass"]
    assert row["cpu_time_s"] >= 0
    assert row["memory_max_bytes"] > 1 << 20


def _check_events(events: dict[str, list[dict[str, Any]]]) -> None:
    match, mismatch = events[s.GEN_AI_EVALUATION_RESULT]
    assert match[s.GEN_AI_EVALUATION_SCORE_LABEL] == "MATCH"
    assert mismatch[s.GEN_AI_EVALUATION_SCORE_LABEL] == "MISMATCH"
    assert (mismatch[s.STATED_BY], mismatch[s.CRITERIA_FAILED]) == ("alice", ["tests pass"])
    (issue,), (learning,) = events[s.EVENT_ISSUE], events[s.EVENT_LEARNING]
    assert (issue[s.ISSUE_TYPE], issue[s.ISSUE_PREVENTION]) == ("WARNING", "pin the seed")
    assert (learning[s.LEARNING_INSIGHTS], learning[s.STATED_BY]) == (["the seed matters"], "main")
    (end,) = events[s.EVENT_COMPLETED]
    assert (end[s.QUALITY_COMPLETENESS], end[s.QUALITY_ADHERENCE]) == ("HIGH", "compliant")
    assert s.VERIFICATION_STATUS not in end


def _span(stack: LocalStack, trace_id: uuid.UUID) -> Span | None:
    found = jaeger_trace(stack, trace_id)
    spans = [span for group in found.resource_spans for scope in group.scope_spans for span in scope.spans]
    return next((span for span in spans if span.name == "invoke_agent fixer"), None)


def _check_span(span: Span | None) -> None:
    """Jaeger finds it by its last verdict before the end, and shows what was said as events of the span."""
    assert span is not None
    attributes = {pair.key: pair.value for pair in span.attributes}
    assert attributes[s.VERIFICATION_STATUS].string_value == "MATCH"
    assert json.loads(attributes[s.OUTPUT_STRUCTURED].string_value) == {"fixed": 1}
    names = {s.EVENT_PROGRESS, s.EVENT_ISSUE, s.EVENT_LEARNING, s.EVENT_EXCEPTION, s.GEN_AI_EVALUATION_RESULT}
    assert {event.name for event in span.events} == names
