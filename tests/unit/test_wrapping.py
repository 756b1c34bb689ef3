"""agent_otel as decorators: functions, coroutines, generators, async generators."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.testing import Captured, capture


def agent() -> str | None:
    """The current execution's agent."""
    current = agent_otel.current_execution()
    return current.record.agent_name if current else None


def statuses(captured: Captured) -> list[str]:
    """How the executions ended, in order."""
    return [span["attributes"][s.EXECUTION_STATUS] for span in captured.spans if "invoke_agent" in span["name"]]


@agent_otel.execution("function")
def function(value: int) -> tuple[int, str | None]:
    """Its docstring."""
    return value, agent()


@agent_otel.execution("coroutine")
async def coroutine(value: int) -> tuple[int, str | None]:
    """Return what it was given."""
    await asyncio.sleep(0)
    return value, agent()


@agent_otel.execution("generator")
def generator(count: int) -> Generator[tuple[int, str | None], str, str]:
    """Give numbers and take words."""
    taken = ""
    for number in range(count):
        taken += yield number, agent()
    return taken


@agent_otel.execution("stream")
async def stream(count: int) -> AsyncIterator[tuple[int, str | None]]:
    """Give numbers."""
    for number in range(count):
        await asyncio.sleep(0)
        yield number, agent()


def test_kinds_are_kept() -> None:
    """A decorated function is what it was, with its name and docstring."""
    assert (function.__name__, function.__doc__) == ("function", "Its docstring.")
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(stream)


def test_function() -> None:
    """Each call is an execution of its own."""
    with capture(raise_errors=True) as captured:
        assert [function(1), function(2)] == [(1, "function"), (2, "function")]
        assert agent() is None
    first, second = captured.spans
    assert first["attributes"][s.EXECUTION_ID] != second["attributes"][s.EXECUTION_ID]
    assert first["trace_id"] != second["trace_id"]


def test_recursion() -> None:
    """A function that calls itself nests."""

    @agent_otel.execution("deep")
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)

    with capture(raise_errors=True) as captured:
        deep(3)
    assert len({span["trace_id"] for span in captured.spans}) == 1
    assert [span["parent_id"] for span in captured.spans][:-1] == [span["span_id"] for span in captured.spans][1:]


def test_coroutine() -> None:
    """Concurrent calls do not mix."""

    async def main() -> list[tuple[int, str | None]]:
        return await asyncio.gather(*map(coroutine, range(3)))

    with capture(raise_errors=True) as captured:
        assert asyncio.run(main()) == [(0, "coroutine"), (1, "coroutine"), (2, "coroutine")]
    assert statuses(captured) == ["success"] * 3


def test_cancelled_coroutine() -> None:
    """A cancelled task is a cancelled execution."""

    @agent_otel.execution("slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with capture(raise_errors=True) as captured:
        asyncio.run(main())
    assert statuses(captured) == ["cancelled"]


def test_generator() -> None:
    """The body is in the execution, the consumer is not; values, sent words and the result pass."""
    with capture(raise_errors=True) as captured:
        running = generator(2)
        assert next(running) == (0, "generator")
        assert agent() is None
        assert running.send("a") == (1, "generator")
        with pytest.raises(StopIteration) as end:
            running.send("b")
    assert end.value.value == "ab"
    assert statuses(captured) == ["success"]


def test_generator_delegated_to() -> None:
    """``yield from`` a decorated generator works."""

    def outer() -> Generator[tuple[int, str | None], str, str]:
        return (yield from generator(1))

    with capture(raise_errors=True):
        running = outer()
        next(running)
        with pytest.raises(StopIteration) as end:
            running.send("x")
    assert end.value.value == "x"


def test_generator_closed_early() -> None:
    """Its cleanup runs inside the execution, which is cancelled."""
    cleaned: list[str | None] = []

    @agent_otel.execution("early")
    def early() -> Iterator[int]:
        try:
            yield 1
        finally:
            cleaned.append(agent())

    with capture(raise_errors=True) as captured:
        running = early()
        next(running)
        assert isinstance(running, Generator)
        running.close()
    assert (cleaned, statuses(captured)) == (["early"], ["cancelled"])


def test_generator_thrown_into() -> None:
    """The body may handle what its consumer throws; if it does not, the execution fails."""

    @agent_otel.execution("thrown")
    def thrown() -> Iterator[str]:
        try:
            yield "first"
        except KeyError:
            yield "handled"

    with capture(raise_errors=True) as captured:
        running = thrown()
        assert isinstance(running, Generator)
        next(running)
        assert running.throw(KeyError("x")) == "handled"
        with pytest.raises(ValueError, match="y"):
            running.throw(ValueError("y"))
    assert statuses(captured) == ["error"]


def test_async_generator() -> None:
    """The body is in the execution, the consumer is not."""

    async def main() -> list[tuple[int, str | None, str | None]]:
        return [(number, inside, agent()) async for number, inside in stream(2)]

    with capture(raise_errors=True) as captured:
        assert asyncio.run(main()) == [(0, "stream", None), (1, "stream", None)]
    assert statuses(captured) == ["success"]


def test_async_generator_left_early() -> None:
    """Closing it cancels the execution; an exception in the body fails it."""

    @agent_otel.execution("failing")
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise LookupError("no more")

    async def main() -> None:
        running = stream(5)
        assert inspect.isasyncgen(running)
        await running.__anext__()
        await running.aclose()
        with pytest.raises(LookupError, match="no more"):
            async for _ in failing():
                pass

    with capture(raise_errors=True) as captured:
        asyncio.run(main())
    assert statuses(captured) == ["cancelled", "error"]


def test_async_generator_sent_and_thrown() -> None:
    """asend and athrow reach the body."""

    @agent_otel.execution("echo")
    async def echo() -> AsyncGenerator[str, str]:
        word = "start"
        while True:
            try:
                word = yield word
            except KeyError:
                word = "caught"

    async def main() -> list[str]:
        running = echo()
        found = [await running.__anext__(), await running.asend("word"), await running.athrow(KeyError("x"))]
        await running.aclose()
        return found

    with capture(raise_errors=True):
        assert asyncio.run(main()) == ["start", "word", "caught"]


def test_steps_decorate_too() -> None:
    """A step of each call, in whatever execution is current."""

    @agent_otel.step("add", kind="tool")
    def add(a: int, b: int) -> int:
        return a + b

    with capture(raise_errors=True) as captured, agent_otel.execution("a"):
        assert add(1, b=2) == 3
        with pytest.raises(TypeError):
            add(1, "x")  # type: ignore[arg-type]
    first, second = captured.spans[:2]
    assert (first["name"], first["status"], second["status"]) == ("execute_tool add", "UNSET", "ERROR")


def trace_nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("helper", [agent_otel.execution, agent_otel.step])
def test_without_parentheses(helper: Any) -> None:
    """A decorator without its parentheses is refused where it is written."""
    with pytest.raises(TypeError, match=r'needs a name: write @agent_otel\.\w+\("name"\)'):
        helper(trace_nothing)


def test_under_contextmanager() -> None:
    """In either order with @contextmanager the block runs and the execution ends with it."""

    @contextmanager
    @agent_otel.execution("managed")
    def managed() -> Iterator[str]:
        yield "inside"

    with capture(raise_errors=True) as captured, managed() as value:
        assert value == "inside"
    assert statuses(captured) == ["success"]


def test_async_with() -> None:
    """Both helpers are async context managers."""

    async def main() -> None:
        async with agent_otel.execution("a"), agent_otel.step("t"):
            assert agent() == "a"

    with capture(raise_errors=True) as captured:
        asyncio.run(main())
    assert [span["name"] for span in captured.spans] == ["execute_tool t", "invoke_agent a"]
