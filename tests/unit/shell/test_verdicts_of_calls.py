"""The verdict, the issues and the learning of `complete`: events of their own, on the span too."""

import json
from typing import Any

import pytest

from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
VERDICTS = "expected MATCH, PARTIAL, MISMATCH or ERROR"
ISSUE = {
    "type": "warning",
    "description": "one source is old",
    "impact": "the third figure may be off",
    "resolution": "marked as such",
    "prevention": "ask for sources of this year",
}
LEARNING = {
    "insights_gained": ["the API pages its answers", 7],
    "process_improvements": "read the changelog first",
    "agent_performance": "good",
    "recommendation_for_future": "give it more time",
}
VERDICT = (
    *("--verification-status", "partial", "--expected-vs-actual", "3 sources, found 2", "--criteria-met", "cited"),
    *("--criteria-met", "short", "--criteria-failed", "3 sources", "--confidence", "0.75", "--manual-verification"),
    *("--verified-by", "reviewer"),
)


def _said(sink: Sink) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Events other than start, progress and completion, each with its attributes."""
    common = ("aotel.execution.started", "aotel.execution.progress", "aotel.execution.completed")
    return [(event, attributes(event)) for event in events(sink) if event["eventName"] not in common]


def _end(verb: Verb, *words: str) -> dict[str, Any]:
    verb("start", "--agent", "a", "--execution-id", ID)
    return verb("complete", "--execution-id", ID, *words).answer


def test_a_verdict(verb: Verb, sink: Sink) -> None:
    """One event, on the span as well; the span's attributes name it, the completion event's do not."""
    assert _end(verb, *VERDICT)["success"] is True
    ((event, told),) = _said(sink)
    assert (event["eventName"], event["body"]["stringValue"]) == (
        "gen_ai.evaluation.result",
        "a: verification: PARTIAL",
    )
    details = {
        "aotel.verification.expected_vs_actual": "3 sources, found 2",
        "aotel.verification.criteria_met": ["cited", "short"],
        "aotel.verification.criteria_failed": ["3 sources"],
        "aotel.verification.confidence": 0.75,
        "aotel.verification.manual_required": True,
    }
    own = {
        "gen_ai.evaluation.name": "verification",
        "gen_ai.evaluation.score.label": "PARTIAL",
        "gen_ai.evaluation.explanation": "3 sources, found 2",
        "aotel.stated_by": "reviewer",
        **details,
    }
    assert told.items() >= {"aotel.execution.id": ID, "gen_ai.agent.name": "a", **own}.items()
    (span,) = spans(sink)
    (on_span,) = span["events"]
    assert (on_span["name"], on_span["timeUnixNano"]) == (event["eventName"], event["timeUnixNano"])
    assert attributes(on_span) == {"aotel.event.id": told["aotel.event.id"], **own}
    assert attributes(span).items() >= {"aotel.verification.status": "PARTIAL", **details}.items()
    completed = attributes(events(sink)[-1])
    assert not [name for name in completed if name.startswith("aotel.verification.")]


def test_issues_and_learning(verb: Verb, sink: Sink) -> None:
    """A plain text is an issue's description; its type is its severity; numbers and single texts become lists."""
    _end(verb, "--issue", json.dumps(ISSUE), "--issue", "it was slow", "--learning", json.dumps(LEARNING))
    (warned, first), (slow, second), (learned, third) = _said(sink)
    assert [e["eventName"] for e in (warned, slow, learned)] == [
        *["aotel.execution.issue"] * 2,
        "aotel.execution.learning",
    ]
    assert [(e["severityNumber"], e["severityText"]) for e in (warned, slow, learned)] == [
        (13, "WARN"), (17, "ERROR"), (9, "INFO"),
    ]  # fmt: skip
    assert {name.removeprefix("aotel.issue."): value for name, value in first.items() if ".issue." in name} == {
        **ISSUE, "type": "WARNING",
    }  # fmt: skip
    assert (second["aotel.issue.type"], second["aotel.issue.description"]) == ("ERROR", "it was slow")
    assert {name.removeprefix("aotel.learning."): value for name, value in third.items() if ".learning." in name} == {
        **LEARNING,
        "insights_gained": ["the API pages its answers", "7"],
        "process_improvements": ["read the changelog first"],
    }
    assert not [told for told in (first, second, third) if "aotel.stated_by" in told]
    assert [e["name"] for e in spans(sink)[0]["events"]] == [e["eventName"] for e in (warned, slow, learned)]


def test_issues_of_one_call_keep_their_order(verb: Verb, sink: Sink) -> None:
    """Each was told at a moment of its own, none after the end: SQL has no other order."""
    texts = [f"issue {number}" for number in range(9)]
    _end(verb, *(f"--issue={text}" for text in texts))
    told = sorted((int(event["timeUnixNano"]), said["aotel.issue.description"]) for event, said in _said(sink))
    assert [text for _, text in told] == texts
    assert len({time for time, _ in told}) == len(told)
    assert told[-1][0] <= int(spans(sink)[0]["endTimeUnixNano"])


def test_one_call_is_one_request_for_its_events(verb: Verb, sink: Sink) -> None:
    """All of it travels together, the span beside it."""
    verb("start", "--agent", "a", "--execution-id", ID)
    sink.seen.clear()
    verb("complete", "--execution-id", ID, *VERDICT, "--issue", "i", "--learning", json.dumps(LEARNING))
    assert sorted(received.path for received in sink.seen) == ["/v1/logs", "/v1/traces"]


def test_a_call_that_is_repeated_says_the_same(verb: Verb, sink: Sink) -> None:
    """The same events; other words are others, and two issues alike are two."""
    words = (*VERDICT, "--issue", "i", "--issue", "i", "--learning", json.dumps(LEARNING))
    _end(verb, *words)
    first = [told["aotel.event.id"] for _, told in _said(sink)]
    verb("complete", "--execution-id", ID, *words)
    assert [told["aotel.event.id"] for _, told in _said(sink)] == first * 2
    assert len(set(first)) == 4
    verb("complete", "--execution-id", ID, *VERDICT[:2])
    assert _said(sink)[-1][1]["aotel.event.id"] not in first


def test_no_hash_of_what_is_not_to_be_told(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id is made of what the capture mode lets pass only; issues that then look alike are still two."""
    monkeypatch.setenv("AGENT_OTEL_CAPTURE", "minimal")
    monkeypatch.setattr("agent_otel.redaction.DROPPED_BY_MINIMAL", frozenset({"aotel.issue.description"}))
    monkeypatch.setattr("agent_otel.redaction._CONCERNED", frozenset({"aotel.issue.description"}))
    _end(verb, "--issue", "secret", "--issue", "other")
    verb("complete", "--execution-id", ID, "--issue", "neither", "--issue", "nor")
    ids = [told["aotel.event.id"] for _, told in _said(sink)]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


def test_quality_and_criteria(verb: Verb, sink: Sink) -> None:
    """Labels stand on event and span; every record that states criteria states all that it knows, in order."""
    verb("start", "--agent", "a", "--execution-id", ID, "--criteria", "one", "--criteria", "two")
    verb("progress", "--execution-id", ID, "--stage", "s", "--criteria", "three", "--criteria", "one")
    verb("progress", "--execution-id", ID, "--stage", "t")
    labels = ("--completeness", "high", "--accuracy", "MEDIUM", "--efficiency", "Low", "--adherence", "9 of 10 rules")
    assert verb("complete", "--execution-id", ID, "--criteria", "four", *labels).answer["success"] is True
    _, added, unsaid, completed = map(attributes, events(sink))
    assert added["aotel.intent.success_criteria"] == ["one", "two", "three"]
    assert "aotel.intent.success_criteria" not in unsaid
    expected = {
        "aotel.quality.completeness": "HIGH",
        "aotel.quality.accuracy": "MEDIUM",
        "aotel.quality.efficiency": "LOW",
        "aotel.quality.adherence_to_standards": "9 of 10 rules",
    }
    for record in (completed, attributes(spans(sink)[0])):
        assert record.items() >= expected.items()
        assert record["aotel.intent.success_criteria"] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("words", "said", "rejected", "others"),
    [
        (("--verification-status", "FINE"), f"'FINE': {VERDICTS}", {"verification_status": "FINE"}, 0),
        (("--confidence", "7", "--verification-status", "MATCH"), "'7': expected a number", {"confidence": "7"}, 1),
        (("--confidence", "0.5"), "'0.5': expected only with --verification-status MATCH", {"confidence": 0.5}, 0),
        (("--criteria-met", "c"), """'["c"]': expected only with""", {"criteria_met": ["c"]}, 0),
        (("--verified-by", "me"), "'me': expected only with", {"verified_by": "me"}, 0),
        (("--completeness", "much"), "expected HIGH, MEDIUM or LOW", {"completeness": "much"}, 0),
        (("--issue", '{"type": "BAD", "description": "d"}'), "expected one of ERROR", {"issue": '{"type": "BAD"}'}, 1),
        (("--issue", '{"type": "INFO"}'), "description is missing", {"issue": '{"type": "INFO"}'}, 0),
        (("--issue", "{broken"), "expected a text, or a JSON object", {"issue": "{broken"}, 0),
        (("--issue", ""), "expected a text", {"issue": ""}, 0),
        (("--issue", '{"description": "d", "mood": 1}'), "unknown member", {"issue": '{"mood": 1}'}, 1),
        (("--learning", "text"), "expected a JSON object", {"learning": "text"}, 0),
        (("--learning", '{"insight": "i"}'), "it has insights_gained", {"learning": '{"insight": "i"}'}, 0),
    ],
)  # fmt: skip
def test_what_a_wrong_value_costs(
    verb: Verb, sink: Sink, words: tuple[str, ...], said: str, rejected: dict[str, Any], others: int
) -> None:
    """Itself: the end is recorded, what can be used of the rest is, and the value is kept as it was given."""
    answer = _end(verb, *words, "--quality-score", "0.5")
    assert (answer["success"], answer["recorded"]) == (False, True)
    assert words[0] in answer["error"]
    assert said in answer["error"]
    assert len(_said(sink)) == others
    final = attributes(spans(sink)[0])
    assert json.loads(final["aotel.metadata"])["rejected"] == rejected
    assert final["aotel.quality.score"] == 0.5


def test_of_an_execution_that_began_elsewhere(verb: Verb, sink: Sink) -> None:
    """The verdict goes out all the same, without a trace."""
    answer = verb("complete", "--execution-id", ID, "--verification-status", "MATCH").answer
    assert answer["recorded"] is True
    ((event, told),) = _said(sink)
    assert (told["aotel.execution.id"], told["gen_ai.evaluation.score.label"]) == (ID, "MATCH")
    assert "traceId" not in event


def test_a_completion_hook_takes_them_too(verb: Verb, sink: Sink) -> None:
    """All of them."""
    answer = verb("hook", "completion", "a", "exec-7", "success", *VERDICT, "--issue", "i", "--accuracy", "HIGH").answer
    assert answer["recorded"] is True
    assert [event["eventName"] for event, _ in _said(sink)] == ["gen_ai.evaluation.result", "aotel.execution.issue"]
    assert attributes(events(sink)[-1])["aotel.quality.accuracy"] == "HIGH"


@pytest.mark.parametrize(("given", "kept"), [('{"depth": 3}', '{"depth": 3}'), ("depth 3", "depth 3"), ("{x", "{x")])
def test_intent(verb: Verb, sink: Sink, given: str, kept: str) -> None:
    """The user's request is content; a configuration is an object or any text."""
    verb("start", "--agent", "a", "--execution-id", ID, "--user-request", "please", "--configuration", given)
    verb("complete", "--execution-id", ID)
    started, completed = map(attributes, events(sink))
    final = attributes(spans(sink)[0])
    assert started["aotel.intent.user_request"] == final["aotel.intent.user_request"] == "please"
    assert started["aotel.agent.configuration"] == final["aotel.agent.configuration"] == kept
    assert "aotel.intent.user_request" not in completed
