"""start, progress and complete: what they answer, what arrives, what a retry and a wrong value do."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.sink import Answer, Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
STATED = {
    "--description": ("aotel.task.description", "Research"),
    "--expected-outcome": ("aotel.intent.expected_outcome", "a list"),
    "--reason": ("aotel.intent.reasoning", "it can search"),
    "--risk": ("aotel.intent.risk", "none"),
    "--priority": ("aotel.priority", "high"),
    "--triggered-by": ("aotel.triggered_by", "user"),
    "--user-id": ("user.id", "u"),
    "--agent-version": ("gen_ai.agent.version", "v2.0"),
    "--agent-description": ("gen_ai.agent.description", "d"),
    "--agent-instance-id": ("aotel.agent.instance_id", "i"),
    "--context": ("aotel.context", "background"),
    "--model": ("gen_ai.request.model", "m"),
    "--provider": ("gen_ai.provider.name", "p"),
    "--conversation-id": ("gen_ai.conversation.id", "c"),
    "--external-id": ("aotel.external_id", "exec-123"),
}
ENDED = {
    "--error-message": ("aotel.error.message", "API timeout"),
    "--error-type": ("error.type", "Timeout"),
    "--quality-score": ("aotel.quality.score", 0.5),
    "--tokens": ("aotel.usage.total_tokens", 5),
    "--input-tokens": ("gen_ai.usage.input_tokens", 3),
    "--output-tokens": ("gen_ai.usage.output_tokens", 2),
    "--cost-usd": ("aotel.usage.cost_usd", 0.25),
    "--files-modified-count": ("aotel.output.files_modified_count", 7),
    "--tests-run": ("aotel.output.tests_run", 8),
    "--issues-found": ("aotel.output.issues_found", 9),
    "--structured": ("aotel.output.structured", '{"a": 1}'),
}
LISTS = {
    "--files-modified": ("aotel.output.files_modified", ["x.py", "y.py"]),
    "--command": ("aotel.output.commands", ["make", "make test"]),
    "--api-call": ("aotel.output.api_calls", ["https://a", "https://b"]),
}


def words(options: dict[str, tuple[str, Any]]) -> list[str]:
    """Options as a command line."""
    return [word for name, (_, value) in options.items() for word in (name, str(value))]


def many(options: dict[str, tuple[str, list[str]]]) -> list[str]:
    """Options that are given several times."""
    return [word for name, (_, values) in options.items() for value in values for word in (name, value)]


def test_everything_that_can_be_said_arrives(verb: Verb, sink: Sink) -> None:
    """Every option is an attribute of the event and of the final span."""
    begun = verb("start", "--agent", "a", *words(STATED), "--criteria", "one", "--criteria", "two", "--prompt", "p é")
    execution_id = begun.answer["execution_id"]
    verb("complete", "--execution-id", execution_id, "--status", "failed", *words(ENDED), *many(LISTS))
    started, completed = map(attributes, events(sink))
    (span,) = spans(sink)
    found = attributes(span)
    expected = dict(STATED.values())
    assert expected.items() <= started.items()
    assert expected.items() <= found.items()
    assert started["aotel.intent.success_criteria"] == found["aotel.intent.success_criteria"] == ["one", "two"]
    assert json.loads(found["gen_ai.input.messages"])[0]["parts"][0]["content"] == "p é"
    assert (found["aotel.prompt.length"], started["aotel.execution.status"]) == (3, "in_progress")
    final = dict(ENDED.values()) | dict(LISTS.values())
    for record in (completed, found):
        assert final.items() <= record.items()
        assert record["aotel.execution.status"] == "error"
    assert span["status"] == {"code": 2, "message": "API timeout"}
    assert span["name"] == "invoke_agent a"
    assert str(completed["aotel.execution.end_time_unix_nano"]) == span["endTimeUnixNano"]


def test_progress_is_on_the_final_span(verb: Verb, sink: Sink) -> None:
    """Each stage as an event of the span, under the id of its log record; the last one is the span's stage."""
    execution_id = verb("start", "--agent", "a", "--metadata", '{"a": 1, "b": 1}').answer["execution_id"]
    first = verb("progress", "--execution-id", execution_id, "--stage", "one", "--percent", "30").answer
    verb("progress", "--execution-id", execution_id, "--stage", "two", "--metadata", '{"b": 2, "c": 2}')
    verb("complete", "--execution-id", execution_id, "--metadata", '{"c": 3}')
    assert list(first) == ["success", "execution_id", "agent_name", "stage", "progress"]
    assert first["progress"] | {"updated_at": ""} == {"stage": "one", "percent": 30, "updated_at": ""}
    (span,) = spans(sink)
    logged = [attributes(event)["aotel.event.id"] for event in events(sink)[1:3]]
    assert [attributes(event)["aotel.event.id"] for event in span["events"]] == logged
    assert [event["name"] for event in span["events"]] == ["aotel.execution.progress"] * 2
    found = attributes(span)
    assert (found["aotel.progress.stage"], found["aotel.progress.percent"]) == ("two", 30.0)
    assert json.loads(found["aotel.metadata"]) == {"a": 1, "b": 2, "c": 3}


def test_a_torn_journal_costs_its_lines_only(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """What another process left half-written, or wrote on purpose, does not spoil the span."""
    execution_id = verb("start", "--agent", "a", "--description", "d").answer["execution_id"]
    verb("progress", "--execution-id", execution_id, "--stage", "one")
    journal = tmp_path / "home" / "state" / "executions" / f"{execution_id}.events"
    for line in (
        '{"event": "not an event", "latest": {}}',
        '{"event": "5", "latest": {}}',
        "[]",
        '{"event": 5}',
        '{"attributes": 5}',
        "{",
        "\0",
    ):
        with journal.open("a") as file:
            file.write(line + "\n")
    verb("progress", "--execution-id", execution_id, "--stage", "two")
    assert verb("complete", "--execution-id", execution_id).answer["success"] is True
    (span,) = spans(sink)
    assert [attributes(event)["aotel.progress.stage"] for event in span["events"]] == ["one", "two"]
    assert attributes(span)["aotel.task.description"] == "d"


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
    second = verb("complete", "--execution-id", ID, "--status", "partial").answer
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
        ("hook",),
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


@pytest.mark.parametrize("mode", ["metadata", "minimal"])
def test_what_is_not_to_be_kept_is_not_kept(
    verb: Verb, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Neither sent nor in any file of ours, from the start to the end."""
    monkeypatch.setenv("AGENT_OTEL_CAPTURE", mode)
    verb(
        "start", "--agent", "a", "--execution-id", ID, "--prompt", "SECRET", "--context", "SECRET", "--reason", "SECRET"
    )
    verb("step", "--execution-id", ID, "--tool", "t", "--input", "SECRET", "--output", "SECRET")
    kept = "".join(path.read_text() for path in (tmp_path / "home").rglob("*") if path.is_file())
    verb("complete", "--execution-id", ID, "--output", "SECRET", "--structured", '"SECRET"')
    assert "SECRET" not in kept + b"".join(received.body for received in sink.accepted).decode()
    assert attributes(spans(sink)[-1])["aotel.prompt.length"] == 6


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
