"""What the arguments of start, progress and complete become: attributes of events and of the final span."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.sink import Sink
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


def test_texts_from_files(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """More than a command line takes, whole, whatever bytes it has; what cannot be read costs only itself."""
    long = "é" * 300_000
    (tmp_path / "long").write_text(long)
    (tmp_path / "odd").write_bytes(b"a\xffb")
    started = verb("start", "--agent", "a", "--execution-id", ID, "--prompt-file", f"{tmp_path}/long",
                   "--context-file", f"{tmp_path}/odd", "--instructions-file", f"{tmp_path}/none").answer  # fmt: skip
    assert (started["success"], started["recorded"]) == (False, True)
    assert f"--instructions-file '{tmp_path}/none': expected a file that can be read" in started["error"]
    verb("step", "--execution-id", ID, "--tool", "t", "--output-file", f"{tmp_path}/long")
    verb("complete", "--execution-id", ID, "--output-file", f"{tmp_path}/long")
    step, execution = map(attributes, spans(sink))
    assert json.loads(execution["gen_ai.input.messages"])[0]["parts"][0]["content"] == long
    assert execution["aotel.context"] == "a\\udcffb"
    assert (step["gen_ai.tool.call.result"], execution["aotel.output.size"]) == (long, 300_000)


def test_a_file_keeps_its_line_ends(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """The exact prompt is exact: nobody turns a carriage return into something else."""
    text = "one\r\ntwo\rthree\n\n"
    (tmp_path / "prompt").write_bytes(text.encode())
    verb("start", "--agent", "a", "--prompt-file", f"{tmp_path}/prompt")
    started = attributes(events(sink)[0])
    assert json.loads(started["gen_ai.input.messages"])[0]["parts"][0]["content"] == text
    assert started["aotel.prompt.length"] == len(text)


def test_a_text_from_standard_input(verb: Verb, sink: Sink, tmp_path: Path) -> None:
    """A dash, as in other commands."""
    (tmp_path / "in").write_text("piped")
    before = os.dup(0)
    with (tmp_path / "in").open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        verb("start", "--agent", "a", "--prompt-file", "-")
    finally:
        os.dup2(before, 0)
    assert "piped" in attributes(events(sink)[0])["gen_ai.input.messages"]


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
    texts = ("--error-message", "--command", "--api-call") if mode == "minimal" else ()
    more = [word for name in texts for word in (name, "SECRET")]
    verb("complete", "--execution-id", ID, "--output", "SECRET", "--structured", '"SECRET"', *more)
    assert "SECRET" not in kept + b"".join(received.body for received in sink.accepted).decode()
    assert attributes(spans(sink)[-1])["aotel.prompt.length"] == 6
