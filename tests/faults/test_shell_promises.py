"""What a printed answer of the command promises, and what it does not."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.faults import ledger
from tests.faults.shell_caller import Caller


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    """One that calls nothing."""
    return Caller(tmp_path / "caller", tmp_path / "home", "http://127.0.0.1:1", 0)


def kinds(caller: Caller) -> list[str]:
    """Of what stands in the ledger."""
    return [entry.kind for entry in ledger.parse(caller.ledger.read_text())][1:]


def answer(**members: Any) -> str:
    """What `start` prints."""
    ids = {"execution_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4())}
    return json.dumps({**ids, **members}) + "\n"


@pytest.mark.parametrize(
    ("printed", "promised"),
    [
        (answer(success=True), [ledger.EVENTS]),
        (answer(success=False, recorded=True, spooled=True), [ledger.EVENTS]),
        (answer(success=False, recorded=False), []),
        (answer(success=True)[:-1], []),
        ("", []),
    ],
    ids=["delivered", "spooled", "lost", "torn", "nothing"],
)
def test_what_is_promised_is_what_was_printed(caller: Caller, printed: str, promised: list[str]) -> None:
    """A whole line that says delivered or spooled, and no other."""
    assert caller.note(caller.new_execution().start(), printed) == bool(promised)
    assert kinds(caller) == promised


def test_an_end_promises_its_event_its_span_and_its_counters(caller: Caller) -> None:
    """Unless steps of killed calls may count too."""
    execution = caller.new_execution()
    assert caller.note(execution.complete(), answer(success=True))
    assert caller.note(execution.complete(counted=False), answer(success=True))
    assert kinds(caller) == [ledger.EVENTS, ledger.SPANS, ledger.EXECUTION, ledger.EVENTS, ledger.SPANS]


def test_an_answer_with_fewer_steps_than_told_is_wrong(caller: Caller) -> None:
    """Each line must have its span."""
    with pytest.raises(AssertionError):
        caller.note(caller.new_execution().step(2), answer(success=True, steps=["0" * 16]))
