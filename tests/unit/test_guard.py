"""agent_otel.guard: errors of ours stay ours."""

import pytest

import agent_otel
from agent_otel import guard
from agent_otel.execution_span import Execution
from agent_otel.guard import Guard, guarded


@guarded
def broken(message: str) -> None:
    """Fail."""
    raise RuntimeError(message)


@pytest.mark.usefixtures("errors_are_swallowed")
def test_logged_once_and_counted(warned: list[str]) -> None:
    """An error is swallowed, logged the first time and counted each time."""
    before = guard.swallowed["broken: RuntimeError"]
    for _ in range(3):
        broken("message")
    assert guard.swallowed["broken: RuntimeError"] == before + 3
    assert [text for text in warned if "message" in text] == warned
    assert len(warned) == 1


def test_raised_in_tests() -> None:
    """With raise_errors on, it comes out."""
    with pytest.raises(RuntimeError, match="out"):
        broken("out")


@pytest.mark.usefixtures("errors_are_swallowed")
def test_block_of_the_agent_is_not_guarded() -> None:
    """A guard never swallows what is not an Exception."""
    with pytest.raises(KeyboardInterrupt), Guard("block"):
        raise KeyboardInterrupt


@pytest.mark.usefixtures("errors_are_swallowed")
def test_agent_survives_a_broken_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every start of a span failing, the agent's blocks run, its result comes and its exceptions pass."""

    def fail(*_: object) -> None:
        raise OSError("client is broken")

    monkeypatch.setattr(Execution, "_start", fail)
    with agent_otel.execution("a") as run:
        run.progress("x", 1)
        run.result("y")
        assert run.execution_id == ""
        assert run.traceparent == ""

    @agent_otel.execution("a")
    def work() -> int:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        work()


@pytest.mark.usefixtures("errors_are_swallowed")
def test_memory_of_messages_is_bounded(monkeypatch: pytest.MonkeyPatch, warned: list[str]) -> None:
    """At most MAX_REMEMBERED different messages are logged."""
    monkeypatch.setattr(guard, "MAX_REMEMBERED", 3)
    for number in range(10):
        guard.warn_once(f"message {number}")
    assert len(warned) == 3
