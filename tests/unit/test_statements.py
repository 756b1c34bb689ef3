"""What is said about an execution: verdicts, quality, issues, learning; in time, too late, wrongly."""

import json
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.errors import AgentOtelError
from agent_otel.execution_span import MAX_STATEMENT_SPAN_EVENTS
from agent_otel.testing import Captured, capture

VERIFICATION = (s.VERIFICATION_STATUS, s.EXPECTED_VS_ACTUAL, s.CRITERIA_MET, s.VERIFICATION_CONFIDENCE)


def named(captured: Captured, name: str) -> list[dict[str, Any]]:
    """The events of that name."""
    return [event for event in captured.events if event["name"] == name]


def on_span(captured: Captured, name: str) -> list[dict[str, Any]]:
    """The events of that name on the one span."""
    (span,) = captured.spans
    return [event for event in span["events"] if event["name"] == name]


def rejected(record: dict[str, Any]) -> Any:
    """What was given and is no use, as a record keeps it."""
    return json.loads(record["attributes"][s.METADATA])["rejected"]


def test_verdict() -> None:
    """It is an event at once and a span event of the same id; the span says it, the completion event does not."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.verification(
            "PARTIAL",
            "two of three",
            criteria_met=["x", "y"],
            criteria_failed="z",  # a text is one criterion
            confidence=0.8,
            manual_required=True,
            by="ci",
        )
        assert len(captured.events) == 2
    details = {
        s.EXPECTED_VS_ACTUAL: "two of three",
        s.CRITERIA_MET: ["x", "y"],
        s.CRITERIA_FAILED: ["z"],
        s.VERIFICATION_CONFIDENCE: 0.8,
        s.VERIFICATION_MANUAL: True,
    }
    (event,) = named(captured, s.GEN_AI_EVALUATION_RESULT)
    assert (
        event["attributes"].items()
        >= {
            s.GEN_AI_EVALUATION_NAME: "verification",
            s.GEN_AI_EVALUATION_SCORE_LABEL: "PARTIAL",
            s.GEN_AI_EVALUATION_EXPLANATION: "two of three",
            s.STATED_BY: "ci",
            **details,
        }.items()
    )
    assert event["severity"] == 9
    (copy,) = on_span(captured, s.GEN_AI_EVALUATION_RESULT)
    assert copy["attributes"][s.EVENT_ID] == event["attributes"][s.EVENT_ID]
    assert copy["time"] == event["time"]
    span = captured.spans[0]["attributes"]
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in span.items()}.items() >= {
        s.VERIFICATION_STATUS: "PARTIAL",
        **details,
    }.items()
    assert not set(VERIFICATION) & set(captured.event(s.EVENT_COMPLETED)["attributes"])


def test_last_verdict_stands_on_the_span() -> None:
    """Of two, both are events with ids of their own; nothing of the first is left in the second."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.verification("MISMATCH", "wrong", confidence=0.1)
        run.verification("match")
    labels = [e["attributes"][s.GEN_AI_EVALUATION_SCORE_LABEL] for e in named(captured, s.GEN_AI_EVALUATION_RESULT)]
    assert labels == ["MISMATCH", "MATCH"]
    assert len({e["attributes"][s.EVENT_ID] for e in on_span(captured, s.GEN_AI_EVALUATION_RESULT)}) == 2
    span = captured.spans[0]["attributes"]
    assert {name: span[name] for name in VERIFICATION if name in span} == {s.VERIFICATION_STATUS: "MATCH"}


def test_verdict_after_the_end() -> None:
    """It is an event of its own; the span, which is gone, does not know it."""
    with capture(raise_errors=True) as captured:
        with agent_otel.execution("a") as run:
            pass
        run.verification("MISMATCH", "it said so, but no", by="alice")
    late = captured.events[-1]
    assert late["attributes"][s.GEN_AI_EVALUATION_SCORE_LABEL] == "MISMATCH"
    assert late["attributes"][s.EXECUTION_ID] == run.execution_id
    assert (late["trace_id"], late["span_id"]) == (run.trace_id, run.span_id)
    assert on_span(captured, s.GEN_AI_EVALUATION_RESULT) == []
    assert s.VERIFICATION_STATUS not in captured.spans[0]["attributes"]


@pytest.mark.parametrize("method", ["verification", "issue", "quality", "quality_score"])
def test_before_it_has_begun(method: str) -> None:
    """There is nothing to speak of yet: a clear error."""
    with capture(raise_errors=True), pytest.raises(AgentOtelError, match="has not begun"):
        getattr(agent_otel.execution("a"), method)(0.5 if method == "quality_score" else "MATCH")


def test_before_it_has_begun_in_an_agent(errors_are_swallowed: None, warned: list[str]) -> None:
    """The agent goes on, and is told once."""
    with capture():
        run = agent_otel.execution("a")
        run.verification("MATCH")
        run.verification("MATCH")
    (told,) = warned
    assert "has not begun" in told


def test_no_verdict(warned: list[str]) -> None:
    """Another word is kept and no verdict: the span still says the one before; the warning says what to use."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.verification("MATCH")
        run.verification("OK", "all fine", confidence=7, manual_required="no")  # type: ignore[arg-type]
    (warning,) = [text for text in warned if "verification(status=" in text]
    assert warning == (
        "agent_otel: verification(status='OK') is not used, only kept in metadata.rejected: "
        "use one of MATCH, PARTIAL, MISMATCH, ERROR"
    )
    assert len(warned) == 3
    kept = {"verification_status": "OK", "verification_confidence": 7, "verification_manual_required": "no"}
    event = named(captured, s.GEN_AI_EVALUATION_RESULT)[-1]
    assert (
        event["attributes"].items()
        >= {
            s.GEN_AI_EVALUATION_NAME: "verification",
            s.GEN_AI_EVALUATION_SCORE_LABEL: "OK",
            s.EXPECTED_VS_ACTUAL: "all fine",
        }.items()
    )
    assert rejected(event) == rejected(captured.event(s.EVENT_COMPLETED)) == rejected(captured.spans[0]) == kept
    assert captured.spans[0]["attributes"][s.VERIFICATION_STATUS] == "MATCH"


def test_quality_labels(warned: list[str]) -> None:
    """They come with the end, the last one told; a wrong one costs itself."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", metadata={"rejected": {"mine": 1}}) as run:
        run.quality("LOW", "high", adherence=0.97)
        run.quality(completeness="HIGH", efficiency="GREAT")
        run.quality(efficiency=0.5)  # type: ignore[arg-type]
        run.quality_score(0.9)
        run.quality_score(9)
    expected = {
        s.QUALITY_COMPLETENESS: "HIGH",
        s.QUALITY_ACCURACY: "HIGH",
        s.QUALITY_ADHERENCE: "0.97",
        s.QUALITY_SCORE: 0.9,
    }
    for record in (captured.event(s.EVENT_COMPLETED), captured.spans[0]):
        assert record["attributes"].items() >= expected.items()
        assert s.QUALITY_EFFICIENCY not in record["attributes"]
        assert rejected(record) == {"mine": 1, "quality_efficiency": "GREAT 0.5", "quality_score": 9}
    assert [event["name"] for event in captured.events] == [s.EVENT_STARTED, s.EVENT_COMPLETED]
    assert any("quality(efficiency='GREAT')" in text and "HIGH, MEDIUM, LOW" in text for text in warned)


def test_quality_after_the_end(warned: list[str]) -> None:
    """Each label is an evaluation of its own; what is no use is kept, too."""
    with capture(raise_errors=True) as captured:
        with agent_otel.execution("a") as run:
            pass
        run.quality("LOW", efficiency="?", adherence="compliant")
        run.quality_score(0.25)
    told = [event["attributes"] for event in named(captured, s.GEN_AI_EVALUATION_RESULT)]
    found = {
        attributes[s.GEN_AI_EVALUATION_NAME]: attributes.get(s.GEN_AI_EVALUATION_SCORE_LABEL)
        or attributes.get(s.GEN_AI_EVALUATION_SCORE_VALUE)
        for attributes in told
    }
    assert found == {
        "completeness": "LOW",
        "adherence_to_standards": "compliant",
        "quality": 0.25,
        "efficiency": "?",
    }
    assert len(warned) == 1
    (odd,) = [event for event in captured.events if s.METADATA in event["attributes"]]
    assert rejected(odd) == {"quality_efficiency": "?"}


@pytest.mark.parametrize(("kind", "severity"), [("ERROR", 17), ("warning", 13), ("INFO", 9)])
def test_issue(kind: str, severity: int) -> None:
    """Its members, its severity, on both ways under one id."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.issue("flaky", kind, impact="slow", resolution="ran again", prevention="fix it", by="bob")
    event = captured.event(s.EVENT_ISSUE)
    assert event["severity"] == severity
    assert (
        event["attributes"].items()
        >= {
            s.ISSUE_TYPE: kind.upper(),
            s.ISSUE_DESCRIPTION: "flaky",
            s.ISSUE_IMPACT: "slow",
            s.ISSUE_RESOLUTION: "ran again",
            s.ISSUE_PREVENTION: "fix it",
            s.STATED_BY: "bob",
        }.items()
    )
    (copy,) = on_span(captured, s.EVENT_ISSUE)
    assert copy["attributes"][s.EVENT_ID] == event["attributes"][s.EVENT_ID]
    assert "flaky" not in event["body"]


def test_issue_of_no_type(warned: list[str]) -> None:
    """It is an ERROR, as one without; what was said is kept."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.issue("d", "CRITICAL")
    event = captured.event(s.EVENT_ISSUE)
    assert event["attributes"][s.ISSUE_TYPE] == "ERROR"
    assert rejected(event) == rejected(captured.event(s.EVENT_COMPLETED)) == {"issue_type": "CRITICAL"}
    assert "issue(type='CRITICAL')" in warned[0]
    assert "ERROR, WARNING, INFO" in warned[0]


def test_issue_by_an_exception() -> None:
    """Its class and message describe it."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.issue(ValueError("odd"))
    assert captured.event(s.EVENT_ISSUE)["attributes"][s.ISSUE_DESCRIPTION] == "ValueError: odd"


def test_learning() -> None:
    """Lists and texts; one text is a list of one."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.learning(["i1", "i2"], "p1", "able", {"use": "again"}, by="x")  # type: ignore[arg-type]
    event = captured.event(s.EVENT_LEARNING)
    assert (
        event["attributes"].items()
        >= {
            s.LEARNING_INSIGHTS: ["i1", "i2"],
            s.LEARNING_IMPROVEMENTS: ["p1"],
            s.LEARNING_PERFORMANCE: "able",
            s.LEARNING_RECOMMENDATION: '{"use": "again"}',
            s.STATED_BY: "x",
        }.items()
    )
    assert on_span(captured, s.EVENT_LEARNING)[0]["attributes"][s.EVENT_ID] == event["attributes"][s.EVENT_ID]


def test_nothing_learned() -> None:
    """Who says so is nothing that was learned."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.learning(by="x")
    assert named(captured, s.EVENT_LEARNING) == []


def test_many_issues_leave_the_verdict_on_the_span() -> None:
    """All are events; the span, which has room for a few, keeps every verdict: its attributes repeat the last."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.verification("MATCH")
        for number in range(200):
            run.issue(f"issue {number}")
            run.progress(f"stage {number}")
    assert len(named(captured, s.EVENT_ISSUE)) == 200
    assert len(on_span(captured, s.EVENT_ISSUE)) == MAX_STATEMENT_SPAN_EVENTS
    assert len(on_span(captured, s.GEN_AI_EVALUATION_RESULT)) == 1
