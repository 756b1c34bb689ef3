"""A start that is told again because the first call died, or met a full disk, somewhere on its way."""

from pathlib import Path

import pytest

from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.ids import parse_uuid
from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
START = ("start", "--agent", "a", "--description", "the task", "--execution-id", ID)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the executions."""
    return tmp_path / "home" / "state" / "executions"


def test_what_the_first_call_did_not_note_is_noted(verb: Verb, sink: Sink, folder: Path) -> None:
    """It is the same event, and the final span says what the start said."""
    verb(*START)
    (folder / f"{ID}.events").unlink()
    assert verb(*START).answer["warning"] == "already started"
    verb("complete", "--execution-id", ID)
    assert attributes(spans(sink)[0])[s.TASK_DESCRIPTION] == "the task"
    uuid = parse_uuid(ID)
    assert uuid is not None
    started = [attributes(event)[s.EVENT_ID] for event in events(sink) if event["eventName"] == s.EVENT_STARTED]
    assert started == [str(ids.event_id(uuid, s.EVENT_STARTED))] * 2


def test_a_start_after_the_end_notes_nothing(verb: Verb, folder: Path) -> None:
    """The span is gone already."""
    verb(*START)
    verb("complete", "--execution-id", ID)
    verb(*START)
    assert not (folder / f"{ID}.events").exists()


@pytest.mark.parametrize("left", ["", '{"agent_name": '], ids=["empty", "torn"])
def test_a_file_without_its_content_is_written_anew(verb: Verb, sink: Sink, folder: Path, left: str) -> None:
    """Else the execution would be unknown on its own machine for ever."""
    folder.mkdir(parents=True)
    (folder / f"{ID}.json").write_text(left)
    assert "warning" not in verb(*START).answer
    assert verb("complete", "--execution-id", ID).answer["success"] is True
    assert len(spans(sink)) == 1
