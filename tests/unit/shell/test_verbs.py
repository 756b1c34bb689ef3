"""start, progress and complete: what they answer, what arrives, what a retry and a wrong value do."""

import json
import uuid
from pathlib import Path

import pytest

from tests.fixtures.sink import Answer, Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


def test_a_start_that_is_told_again(verb: Verb, sink: Sink) -> None:
    """With an id of one's own the second start answers as the first and sends the same bytes; other words are news."""
    first = verb("start", "--agent", "a", "--execution-id", ID, "--description", "d").answer
    again = verb("start", "--agent", "a", "--execution-id", ID, "--description", "d").answer
    assert again == {**first, "warning": "already started"}
    assert sink.accepted[0].body == sink.accepted[1].body
    other = verb("start", "--agent", "a", "--execution-id", ID, "--description", "other").answer
    assert other == again
    ids = [attributes(event)["aotel.event.id"] for event in events(sink)]
    assert ids[0] == ids[1] == str(uuid.uuid5(uuid.UUID(ID), "aotel.execution.started"))
    assert ids[2] != ids[0]


def test_two_completions(verb: Verb, sink: Sink) -> None:
    """The second is an event only, and says so; it still knows the agent."""
    verb("start", "--agent", "a", "--execution-id", ID)
    assert "warning" not in verb("complete", "--execution-id", ID).answer
    printed = verb("complete", "--execution-id", ID, "--status", "partial")
    assert printed.err == "agent-otel complete: already completed\n"
    second = printed.answer
    assert (second["success"], second["warning"], second["agent_name"]) == (True, "already completed", "a")
    assert len(spans(sink)) == 1
    assert [e["eventName"] for e in events(sink)].count("aotel.execution.completed") == 2
    late = verb("progress", "--execution-id", ID, "--stage", "late").answer
    assert (late["success"], late["warning"]) == (True, "already completed")


def test_without_a_local_start(verb: Verb, sink: Sink) -> None:
    """All three facts given: event and span, with a warning. None: the event alone, without a trace, and no success."""
    known = verb("complete", "--execution-id", ID, "--agent", "a", "--started-at", "2025-10-20T18:38:44Z",
                 "--correlation-id", "ticket").answer  # fmt: skip
    assert (known["success"], known["warning"], known["started_at"]) == (True, "no local start", "2025-10-20T18:38:44Z")
    assert len(spans(sink)) == 1
    other = str(uuid.uuid4())
    for name, more in (("complete", ()), ("progress", ("--stage", "s"))):
        unknown = verb(name, "--execution-id", other, *more)
        assert unknown.code == 0
        assert unknown.answer["success"] is False
        assert (unknown.answer["recorded"], unknown.answer["agent_name"]) == (True, None)
        assert unknown.answer["warning"] == "no local start"
        assert "--agent, --started-at and --correlation-id" in unknown.answer["error"]
        event = events(sink)[-1]
        assert "traceId" not in event
        assert attributes(event)["aotel.execution.id"] == other
    assert len(spans(sink)) == 1


@pytest.mark.parametrize(
    ("words", "argument", "raw"),
    [
        (("--percent", "101"), "percent", "101"),
        (("--metadata", "[1]"), "metadata", "[1]"),
        (("--mood", "good"), "mood", "good"),
    ],
)
def test_a_wrong_optional_value(verb: Verb, sink: Sink, words: tuple[str, ...], argument: str, raw: str) -> None:
    """The rest is recorded, the raw value is kept, the answer says so; with --strict the exit code, too."""
    verb("start", "--agent", "a", "--execution-id", ID)
    printed = verb("progress", "--execution-id", ID, "--stage", "s", *words)
    assert printed.code == 0
    assert (printed.answer["success"], printed.answer["recorded"]) == (False, True)
    assert raw in printed.answer["error"] or argument in printed.answer["error"]
    assert printed.err.startswith("agent-otel progress: ")
    assert json.loads(attributes(events(sink)[-1])["aotel.metadata"]) == {"rejected": {argument: raw}}
    assert verb("progress", "--execution-id", ID, "--stage", "s", "--strict", *words).code == 2


def test_what_was_refused_adds_up_to_the_end(verb: Verb, sink: Sink) -> None:
    """The final metadata has the refusals of all calls."""
    verb("start", "--agent", "a", "--execution-id", ID, "--priority", "urgent")
    verb("progress", "--execution-id", ID, "--stage", "s", "--percent", "x")
    verb("complete", "--execution-id", ID, "--quality-score", "1.2")
    final = json.loads(attributes(spans(sink)[0])["aotel.metadata"])
    assert final == {"rejected": {"priority": "urgent", "percent": "x", "quality_score": "1.2"}}


@pytest.mark.parametrize(
    "words",
    [
        ("start",),
        ("start", "--agent", ""),
        ("progress", "--execution-id", ID),
        ("progress", "--stage", "s"),
        ("progress", "--execution-id", "../../x", "--stage", "s"),
        ("complete",),
        ("complete", "--execution-id", "x\ny"),
        ("step", "--execution-id", ID),
        ("hook", "completion", "a"),
    ],
)
def test_a_wrong_required_value(verb: Verb, sink: Sink, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Nothing is recorded, and that is said; nothing is written."""
    printed = verb(*words)
    assert printed.code == 0
    assert (printed.answer["success"], printed.answer["recorded"]) == (False, False)
    assert printed.answer["error"]
    assert printed.err
    assert not sink.seen
    assert not (tmp_path / "home").exists()
    assert verb(*words, "--strict").code == 2


def test_nobody_listens(verb: Verb, sink: Sink) -> None:
    """On the disk, and said so; with --strict the exit code says it, too."""
    sink.close()
    printed = verb("start", "--agent", "a")
    assert printed.code == 0
    answer = printed.answer
    assert next(iter(answer)) == "success"
    assert (answer["success"], answer["recorded"], answer["spooled"]) == (False, True, True)
    assert "nothing listens" in answer["error"]
    assert uuid.UUID(answer["execution_id"])
    assert verb("start", "--agent", "a", "--strict").code == 3


def test_refused_by_the_receiver(verb: Verb, sink: Sink) -> None:
    """Neither acknowledged nor waiting: it is set aside, and said so."""
    sink.answer = lambda received: Answer(400 if b'logRecords":[{' in received.body else 200)
    answer = verb("start", "--agent", "a").answer
    assert (answer["success"], answer["recorded"]) == (False, False)
    assert "400" in answer["error"]


def test_quiet(verb: Verb) -> None:
    """The bare id, a call with its answer in 160 characters."""
    printed = verb("start", "--agent", "agent-research", "--quiet")
    execution_id = printed.out.strip()
    assert str(uuid.UUID(execution_id)) == execution_id
    call = f"agent-otel progress --execution-id {execution_id} --stage analyzing --percent 50 --quiet"
    answer = verb(*call.split()[1:]).out
    assert answer == f"{execution_id}\n"
    assert len(call + answer) <= 160


def test_switched_off(verb: Verb, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent's script goes on with ids; nothing is kept or sent, and that is no failure."""
    monkeypatch.setenv("AGENT_OTEL_DISABLED", "true")
    printed = verb("start", "--agent", "a", "--strict")
    assert printed.code == 0
    assert (printed.answer["success"], printed.answer["recorded"]) == (False, False)
    assert "AGENT_OTEL_DISABLED" in printed.answer["error"]
    assert uuid.UUID(printed.answer["execution_id"])
    assert not sink.seen
    assert not (tmp_path / "home").exists()


def test_hook_completion(verb: Verb, sink: Sink) -> None:
    """A known execution ends as by complete; an id of another system leads to the same execution each time."""
    verb("start", "--agent", "reviewer", "--execution-id", ID)
    assert verb("hook", "completion", "reviewer", ID, "success").answer["success"] is True
    assert len(spans(sink)) == 1
    first = verb("hook", "completion", "reviewer", "exec-123", "failed", "--error-message", "m").answer
    second = verb("hook", "completion", "reviewer", "exec-123", "partial").answer
    assert first["execution_id"] == second["execution_id"]
    assert (first["success"], first["recorded"], first["agent_name"]) == (False, True, "reviewer")
    found = attributes(events(sink)[-2])
    assert (found["aotel.external_id"], found["aotel.error.message"]) == ("exec-123", "m")


def test_the_execution_of_the_environment(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where BAGGAGE names an execution, no id has to be given."""
    verb("start", "--agent", "a", "--execution-id", ID)
    monkeypatch.setenv("BAGGAGE", f"aotel.execution.id={ID}")
    assert verb("progress", "--stage", "s").answer["execution_id"] == ID
    assert verb("step", "--tool", "t").answer["execution_id"] == ID
    assert verb("complete").answer["execution_id"] == ID
    assert len(spans(sink)) == 2


def test_a_hook_that_does_not_exist(verb: Verb, sink: Sink) -> None:
    """It is named, with those that do; an agent that calls it goes on."""
    printed = verb("hook", "instal")
    assert (printed.code, printed.out) == (0, "")
    assert "no such command: 'instal'; it has install and completion" in printed.err
    assert not sink.seen
