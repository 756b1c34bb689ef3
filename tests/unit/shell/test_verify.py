"""`agent-otel verify` without a database: what it sends, to whom it belongs, how it leaves."""

import json
import os
import pwd
from typing import Any

import pytest

from agent_otel.shell import journal
from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


@pytest.fixture(autouse=True)
def without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is named, and none runs in the folder of a test."""
    monkeypatch.delenv("AGENT_OTEL_DATABASE_URL", raising=False)


def _said(sink: Sink) -> list[dict[str, Any]]:
    return [attributes(event) for event in events(sink) if "evaluation" in event["eventName"]]


def test_an_execution_of_which_only_the_id_is_known(verb: Verb, sink: Sink) -> None:
    """An event without a trace that says nothing of the execution but its id; who calls, gives it."""
    printed = verb("verify", ID.upper(), "--status", "mismatch", "--expected-vs-actual", "3 files, found 1")
    assert (printed.code, printed.err) == (0, "")
    caller = pwd.getpwuid(os.geteuid()).pw_name
    at = printed.answer["verified_at"]
    assert printed.answer == {
        "success": True,
        "execution_id": ID,
        "agent_name": None,
        "verification_status": "MISMATCH",
        "verified_by": caller,
        "verified_at": at,
    }
    (event,) = events(sink)
    assert "traceId" not in event
    assert event["body"]["stringValue"] == "execution: verification: MISMATCH"
    told = attributes(event)
    told.pop("aotel.event.id")
    assert told == {
        "aotel.execution.id": ID,
        "gen_ai.evaluation.name": "verification",
        "gen_ai.evaluation.score.label": "MISMATCH",
        "gen_ai.evaluation.explanation": "3 files, found 1",
        "aotel.verification.expected_vs_actual": "3 files, found 1",
        "aotel.stated_by": caller,
    }


def test_each_verdict_is_one_of_its_own(verb: Verb, sink: Sink) -> None:
    """The same words twice are two verdicts."""
    for _ in range(2):
        verb("verify", ID, "--status", "MATCH", "--by", "ci")
    first, second = _said(sink)
    assert first.pop("aotel.event.id") != second.pop("aotel.event.id")
    assert first == second


def test_while_it_runs_here(verb: Verb, sink: Sink) -> None:
    """The event lies in its trace, its span carries it, and names the verdict; the one of the end wins there."""
    verb("start", "--agent", "a", "--execution-id", ID)
    assert verb("verify", ID, "--status", "PARTIAL", "--confidence", "0.5", "--issue", "i").answer["agent_name"] == "a"
    verb("complete", "--execution-id", ID)
    (span,) = spans(sink)
    by_name = {event["eventName"]: event for event in events(sink)}
    verdict = by_name["gen_ai.evaluation.result"]
    assert (verdict["traceId"], verdict["spanId"]) == (span["traceId"], span["spanId"])
    assert [event["name"] for event in span["events"]] == ["gen_ai.evaluation.result", "aotel.execution.issue"]
    assert attributes(span["events"][0])["aotel.event.id"] == attributes(verdict)["aotel.event.id"]
    final = attributes(span)
    assert (final["aotel.verification.status"], final["aotel.verification.confidence"]) == ("PARTIAL", 0.5)
    other = ("start", "--agent", "a", "--execution-id", ID.replace("0b", "1b"))
    verb(*other)
    verb("verify", other[-1], "--status", "PARTIAL", "--confidence", "0.5")
    verb("complete", "--execution-id", other[-1], "--verification-status", "MATCH")
    final = attributes(spans(sink)[1])
    assert final["aotel.verification.status"] == "MATCH"
    assert "aotel.verification.confidence" not in final


def test_a_verdict_is_on_the_span_with_its_event(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many progress events are: its attributes alone would count as another verdict."""
    monkeypatch.setattr(journal, "MAX_SPAN_EVENTS", 1)
    verb("start", "--agent", "a", "--execution-id", ID)
    for stage in "rst":
        verb("progress", "--execution-id", ID, "--stage", stage)
    verb("verify", ID, "--status", "MATCH")
    verb("complete", "--execution-id", ID)
    (span,) = spans(sink)
    assert [event["name"] for event in span["events"]] == ["aotel.execution.progress", "gen_ai.evaluation.result"]
    assert attributes(span)["aotel.verification.status"] == "MATCH"


def test_after_its_end_here(verb: Verb, sink: Sink) -> None:
    """An event in its trace; the span is gone."""
    verb("start", "--agent", "a", "--execution-id", ID)
    verb("complete", "--execution-id", ID)
    assert verb("verify", ID, "--status", "ERROR").answer["agent_name"] == "a"
    assert events(sink)[-1]["traceId"] == spans(sink)[0]["traceId"]
    assert len(spans(sink)) == 1


def test_quality_issues_and_learning(verb: Verb, sink: Sink) -> None:
    """Each an event of its own, all by whoever says them; no verdict is needed for them."""
    labels = ("--completeness", "LOW", "--accuracy", "HIGH", "--efficiency", "MEDIUM", "--adherence", "none")
    notes = ("--issue", "i", "--learning", '{"insights_gained": ["l"]}', "--by", "reviewer")
    printed = verb("verify", *labels, ID, "--quality-score", "0.25", *notes)
    assert (printed.code, printed.answer["verification_status"]) == (0, None)
    score = "gen_ai.evaluation.score."
    assert [
        (told["gen_ai.evaluation.name"], told.get(f"{score}label", told.get(f"{score}value"))) for told in _said(sink)
    ] == [
        ("completeness", "LOW"), ("accuracy", "HIGH"), ("efficiency", "MEDIUM"), ("adherence_to_standards", "none"),
        ("quality", 0.25),
    ]  # fmt: skip
    assert {attributes(event)["aotel.stated_by"] for event in events(sink)} == {"reviewer"}
    assert [event["eventName"] for event in events(sink)[5:]] == ["aotel.execution.issue", "aotel.execution.learning"]


@pytest.mark.parametrize(
    ("words", "said", "recorded"),
    [
        ((ID, "--status", "FINE"), "--status 'FINE': expected MATCH, PARTIAL, MISMATCH or ERROR", 0),
        ((ID, "--status", "MATCH", "--confidence", "7"), "--confidence '7': expected a number from 0 to 1", 1),
        ((ID, "--confidence", "1"), "--confidence '1.0': expected only with --status MATCH", 0),
        ((ID,), "nothing is said: give --status", 0),
        ((ID, "--learning", "{}"), "--learning '{}': expected a JSON object such as", 0),
        (("--status", "MATCH"), "EXECUTION is missing: its execution id", 0),
        ((ID, "more", "--status", "MATCH"), "unknown argument more", 1),
        ((ID, "--verification-status", "MATCH"), "did you mean", 0),
    ],
)
def test_wrong_usage(verb: Verb, sink: Sink, words: tuple[str, ...], said: str, recorded: int) -> None:
    """Exit code 2; what can be used is recorded, with what cannot."""
    printed = verb("verify", *words)
    assert printed.code == 2
    assert (printed.answer["success"], printed.answer["recorded"]) == (False, bool(recorded))
    assert said in printed.answer["error"]
    assert said in printed.err
    assert len(_said(sink)) == recorded
    for told in _said(sink):
        assert json.loads(told["aotel.metadata"])["rejected"]


@pytest.mark.parametrize("name", ["last", "ticket-7", "ticket=7"])
def test_a_name_that_needs_a_database(verb: Verb, sink: Sink, name: str) -> None:
    """Nothing is recorded, and what is missing is said."""
    printed = verb("verify", name, "--status", "MATCH")
    assert (printed.code, printed.answer["recorded"]) == (1, False)
    assert f"{name!r} is no execution id, and there is no database" in printed.err
    assert not sink.seen


def test_the_nil_uuid(verb: Verb, sink: Sink) -> None:
    """It is no execution's."""
    printed = verb("verify", "00000000-0000-0000-0000-000000000000", "--status", "MATCH")
    assert (printed.code, printed.answer["recorded"]) == (1, False)
    assert not sink.seen


def test_a_database_that_is_down(verb: Verb, sink: Sink) -> None:
    """An id needs none; that it was not looked up is said."""
    url = "postgresql://user:secret@127.0.0.1:1/none"
    printed = verb("verify", ID, "--status", "MATCH", "--database-url", url)
    assert (printed.code, printed.answer["success"]) == (0, True)
    assert "whether there is such an execution is not known: cannot connect to PostgreSQL at 127.0.0.1:1" in printed.err
    assert "secret" not in printed.err + printed.out
    assert len(_said(sink)) == 1


def test_an_outage(verb: Verb, sink: Sink) -> None:
    """It is on the disk: that is recorded; the next call takes it along."""
    sink.close()
    printed = verb("verify", ID, "--status", "MATCH")
    assert printed.code == 0
    assert (printed.answer["success"], printed.answer["recorded"], printed.answer["spooled"]) == (False, True, True)
    assert verb("verify", ID, "--status", "MATCH", "--strict").code == 3


def test_switched_off(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everything of ours, and no failure."""
    monkeypatch.setenv("AGENT_OTEL_DISABLED", "true")
    printed = verb("verify", ID, "--status", "MATCH")
    assert (printed.code, printed.answer["recorded"]) == (0, False)
    assert not sink.seen
