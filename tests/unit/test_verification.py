"""agent_otel.verify: a verdict by the execution's id, wherever that execution is."""

import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.errors import UnknownExecutionError
from agent_otel.testing import Captured, capture
from tests.fixtures import spooled

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


def verdicts(captured: Captured) -> list[dict[str, Any]]:
    """Attributes of the verdicts, in order."""
    return [event["attributes"] for event in captured.events if event["name"] == s.GEN_AI_EVALUATION_RESULT]


def test_of_an_execution_that_runs_here() -> None:
    """It is as if its own method had been called: the span knows, too."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        agent_otel.verify(
            uuid.UUID(run.execution_id),
            "MATCH",
            "as expected",
            criteria_met=["a"],
            criteria_failed=["b"],
            confidence=1,
            manual_required=False,
            by="alice",
        )
    (told,) = verdicts(captured)
    (span,) = captured.spans
    assert (
        span["attributes"].items()
        >= {
            s.VERIFICATION_STATUS: "MATCH",
            s.EXPECTED_VS_ACTUAL: "as expected",
            s.CRITERIA_MET: ("a",),
            s.CRITERIA_FAILED: ("b",),
            s.VERIFICATION_CONFIDENCE: 1.0,
            s.VERIFICATION_MANUAL: False,
        }.items()
    )
    assert span["events"][0]["attributes"][s.EVENT_ID] == told[s.EVENT_ID]
    assert told[s.STATED_BY] == "alice"


def test_of_an_execution_that_is_not_known_here() -> None:
    """Its id is enough; nothing is invented about it."""
    with capture(raise_errors=True) as captured:
        agent_otel.verify(ID, "MISMATCH", by="alice")
        agent_otel.verify(ID, "MATCH")
    first, second = verdicts(captured)
    assert first.pop(s.EVENT_ID) != second.pop(s.EVENT_ID)
    assert first == {
        s.EXECUTION_ID: ID,
        s.GEN_AI_EVALUATION_NAME: "verification",
        s.GEN_AI_EVALUATION_SCORE_LABEL: "MISMATCH",
        s.STATED_BY: "alice",
    }
    assert captured.events[0]["body"] == "execution: verification: MISMATCH"
    assert captured.spans == []


def test_of_nothing(warned: list[str]) -> None:
    """What is not a UUID is one clear error."""
    with capture(raise_errors=True), pytest.raises(UnknownExecutionError, match="'reviewer' is not a UUID"):
        agent_otel.verify("reviewer", "MATCH")
    assert warned == []


def test_no_verdict(warned: list[str]) -> None:
    """Without an end that could keep it, the event itself keeps what was said."""
    with capture(raise_errors=True) as captured:
        agent_otel.verify(ID, "passed", "fine")
    (told,) = verdicts(captured)
    assert told[s.METADATA] == '{"rejected": {"verification_status": "passed"}}'
    assert (told[s.GEN_AI_EVALUATION_SCORE_LABEL], told[s.GEN_AI_EVALUATION_EXPLANATION]) == ("passed", "fine")
    assert "MATCH, PARTIAL, MISMATCH, ERROR" in warned[0]


_OPEN = """
import agent_otel, os, subprocess, sys
with agent_otel.execution("a") as run:
    code = "import agent_otel, sys; agent_otel.verify(sys.argv[1], 'PARTIAL')"
    subprocess.run([sys.executable, "-c", code, run.execution_id], check=True)
    print(run.execution_id, run.trace_id, run.span_id)
"""


def test_of_an_execution_of_another_process(tmp_path: Path) -> None:
    """An open one is found by its file: the event stands in its trace. All by real processes and a real spool."""
    done = subprocess.run(
        spooled.agent(_OPEN), env=spooled.environment(tmp_path), capture_output=True, text=True, check=True, timeout=60
    )
    execution_id, trace_id, span_id = done.stdout.split()
    (event,) = [event for event in spooled.events(tmp_path) if event["name"] == s.GEN_AI_EVALUATION_RESULT]
    assert (event["trace_id"], event["span_id"]) == (trace_id, span_id)
    assert event["attributes"][s.EXECUTION_ID] == execution_id
    assert event["attributes"][s.GEN_AI_AGENT_NAME] == "a"
    assert event["attributes"][s.GEN_AI_EVALUATION_SCORE_LABEL] == "PARTIAL"


def test_of_a_process_of_its_own(tmp_path: Path) -> None:
    """A script that does nothing else leaves the verdict in the spool."""
    source = f"import agent_otel; agent_otel.verify({ID!r}, 'MATCH', by='night check')"
    subprocess.run(spooled.agent(source), env=spooled.environment(tmp_path), check=True, timeout=60)
    (event,) = spooled.events(tmp_path)
    assert event["attributes"][s.EXECUTION_ID] == ID
    assert event["attributes"][s.STATED_BY] == "night check"
