"""agent_otel.execution: each way of ending."""

import asyncio
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.testing import Captured, capture


def completed(captured: Captured) -> dict[str, Any]:
    """Attributes of the one completion event."""
    attributes: dict[str, Any] = captured.event(s.EVENT_COMPLETED)["attributes"]
    return attributes


def test_exception() -> None:
    """It passes through; the execution is an error with type and message; the exception is an event on both ways."""
    with (
        capture(raise_errors=True) as captured,
        pytest.raises(LookupError, match="no such file"),
        agent_otel.execution("a"),
    ):
        raise LookupError("no such file")
    span = captured.span("invoke_agent a")
    assert (span["status"], span["status_description"]) == ("ERROR", "no such file")
    for record in (span["attributes"], completed(captured)):
        assert (record[s.EXECUTION_STATUS], record[s.ERROR_TYPE]) == ("error", "LookupError")
        assert record[s.ERROR_MESSAGE] == "no such file"
    event, on_span = captured.event(s.EVENT_EXCEPTION), span["events"][0]
    assert event["severity"] == 17
    assert event["attributes"][s.EXCEPTION_TYPE] == "LookupError"
    assert "raise LookupError" in event["attributes"][s.EXCEPTION_STACKTRACE]
    assert on_span["attributes"].items() <= event["attributes"].items()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()])
def test_told_to_stop(error: BaseException) -> None:
    """Ctrl-C, a cancelled task and a closed generator cancel; that is no error."""
    with capture(raise_errors=True) as captured, pytest.raises(type(error)), agent_otel.execution("a"):
        raise error
    span = captured.span("invoke_agent a")
    assert (span["status"], span["attributes"][s.EXECUTION_STATUS]) == ("UNSET", "cancelled")
    assert s.ERROR_TYPE not in span["attributes"]
    assert [event["name"] for event in captured.events] == [s.EVENT_STARTED, s.EVENT_COMPLETED]


@pytest.mark.parametrize(("code", "status"), [(None, "success"), (0, "success"), (3, "error"), ("no", "error")])
def test_sys_exit(code: object, status: str) -> None:
    """sys.exit() is a success unless it has a code."""
    with capture(raise_errors=True) as captured, pytest.raises(SystemExit), agent_otel.execution("a"):
        raise SystemExit(code)
    assert completed(captured)[s.EXECUTION_STATUS] == status


def test_handled_error() -> None:
    """A recorded error, with what was done about it, leaves the execution a success."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.record_error(TimeoutError("slow"), recovery_action="tried again")
        run.record_error("odd answer")
    first, second = (event["attributes"] for event in captured.events if event["name"] == s.EVENT_EXCEPTION)
    assert (first[s.EXCEPTION_TYPE], first[s.ERROR_RECOVERY_ACTION]) == ("TimeoutError", "tried again")
    assert (second[s.EXCEPTION_TYPE], second[s.EXCEPTION_MESSAGE]) == ("_OTHER", "odd answer")
    assert completed(captured)[s.EXECUTION_STATUS] == "success"
    assert captured.span("invoke_agent a")["status"] == "UNSET"


@pytest.mark.parametrize("method", ["partial", "cancelled"])
def test_partial_and_cancelled(method: str) -> None:
    """They are no errors; the reason is kept; the last word holds."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.fail("first thought")
        getattr(run, method)("half of it")
    span = captured.span("invoke_agent a")
    assert (span["status"], span["attributes"][s.EXECUTION_STATUS]) == ("UNSET", method)
    assert span["attributes"][s.ERROR_MESSAGE] == "half of it"
    assert s.ERROR_TYPE not in span["attributes"]


def test_fail_by_text_or_exception() -> None:
    """A failure that did not raise: by text, with a class of its own, or by the exception."""
    with capture(raise_errors=True) as captured:
        with agent_otel.execution("a") as run:
            run.fail("API timeout", error_type="timeout")
        with agent_otel.execution("b") as run:
            run.fail(ValueError("odd"))
    first, second = captured.span("invoke_agent a"), captured.span("invoke_agent b")
    assert (first["status"], first["attributes"][s.ERROR_TYPE]) == ("ERROR", "timeout")
    assert (second["attributes"][s.ERROR_TYPE], second["attributes"][s.ERROR_MESSAGE]) == ("ValueError", "odd")
    assert len(second["events"]) == 1


def test_exception_that_was_recorded_already() -> None:
    """The same exception, recorded and then raised, is one event."""

    @agent_otel.execution("a")
    def work() -> None:
        try:
            raise ValueError("x")
        except ValueError as error:
            current = agent_otel.current_execution()
            assert current is not None
            current.record_error(error)
            raise

    with capture(raise_errors=True) as captured, pytest.raises(ValueError, match="x"):
        work()
    assert len([event for event in captured.events if event["name"] == s.EVENT_EXCEPTION]) == 1


def test_failed_step_does_not_fail_the_execution() -> None:
    """An error that was handled inside stays inside."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("a"),
        pytest.raises(ValueError, match="x"),
        agent_otel.step("t"),
    ):
        raise ValueError("x")
    assert captured.span("execute_tool t")["status"] == "ERROR"
    assert captured.span("invoke_agent a")["status"] == "UNSET"


def test_completed_twice(warned: list[str]) -> None:
    """The second end of one execution is an event only, and it is said."""
    execution_id = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
    with capture(raise_errors=True) as captured:
        for status in ("success", "error"):
            with agent_otel.execution("a", execution_id=execution_id) as run:
                if status == "error":
                    run.fail("x")
    assert len(captured.spans) == 1
    assert captured.spans[0]["attributes"][s.EXECUTION_STATUS] == "success"
    ends = [event["attributes"][s.EXECUTION_STATUS] for event in captured.events if event["name"] == s.EVENT_COMPLETED]
    assert ends == ["success", "error"]
    assert f"already completed: execution {execution_id}" in warned[0]
