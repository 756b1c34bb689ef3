"""agent_otel.delegate: everything that a hand-over says, and every way in which it may run."""

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import agent_otel
from agent_otel import semconv as s
from agent_otel.intent import Intent
from agent_otel.testing import Captured, capture

CRITERIA = ["tests pass", "docs are written"]


def started(captured: Captured) -> dict[str, Any]:
    """Attributes of the one start event."""
    attributes: dict[str, Any] = captured.event(s.EVENT_STARTED)["attributes"]
    return attributes


def completed(captured: Captured) -> dict[str, Any]:
    """Attributes of the one completion event."""
    attributes: dict[str, Any] = captured.event(s.EVENT_COMPLETED)["attributes"]
    return attributes


def test_intent_is_told_at_the_start() -> None:
    """Every field of phases 1 and 2 is on the start event and the span; what is no content on the end, too."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.delegate(
            "fixer",
            prompt="Fix the bug",
            user_request="please fix it",
            reasoning="it knows the code",
            expected_outcome="a green build",
            criteria=CRITERIA,
            risk="breaks the API",
            context="background",
            instructions="be careful",
            configuration={"temperature": 0, "deep": {"er": [1]}},
            tools=["git"],
            agent_version="v2.0",
            session_id="s-1",
        ),
    ):
        pass
    plain = {
        s.EXPECTED_OUTCOME: "a green build",
        s.RISK: "breaks the API",
        s.AGENT_CONFIGURATION: '{"temperature": 0, "deep": {"er": [1]}}',
        s.GEN_AI_AGENT_VERSION: "v2.0",
        s.PROMPT_LENGTH: 11,
        s.SESSION_ID: "s-1",
    }
    content = {s.USER_REQUEST: "please fix it", s.INTENT_REASONING: "it knows the code", s.CONTEXT: "background"}
    span = captured.span("invoke_agent fixer")["attributes"]
    assert started(captured).items() >= {**plain, **content}.items()
    assert span.items() >= {**plain, **content}.items()
    assert completed(captured).items() >= plain.items()
    assert not set(content) & set(completed(captured))
    for record in (span, started(captured), completed(captured)):
        assert list(record[s.SUCCESS_CRITERIA]) == CRITERIA
    for name in (s.GEN_AI_INPUT_MESSAGES, s.GEN_AI_SYSTEM_INSTRUCTIONS, s.GEN_AI_TOOL_DEFINITIONS):
        assert span[name] == started(captured)[name]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("plain text", "plain text"), ({"a": 1}, '{"a": 1}'), ('{"a": 1}', '{"a": 1}'), ([1, "b"], '[1, "b"]')],
)
def test_configuration_of_any_form(given: object, kept: str) -> None:
    """An object is kept as JSON, a text as it stands."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", configuration=given):
        pass
    assert started(captured)[s.AGENT_CONFIGURATION] == kept


@pytest.mark.parametrize("criteria", ["one", ["one"], ("one", "one"), {"one"}, iter(["one"]), {"one": 1}.keys()])
def test_one_criterion_in_any_form(criteria: Any) -> None:
    """A text is one criterion, not its letters; an iterator is not used up by the first record."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", criteria=criteria):
        pass
    assert started(captured)[s.SUCCESS_CRITERIA] == completed(captured)[s.SUCCESS_CRITERIA] == ["one"]


def test_criteria_that_come_later() -> None:
    """Every record states the whole list that it knows, in the order told."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", criteria=CRITERIA) as run:
        run.progress("reading")
        run.criteria("fast", "tests pass")
        run.progress("writing")
    early, late = (e["attributes"][s.SUCCESS_CRITERIA] for e in captured.events if e["name"] == s.EVENT_PROGRESS)
    assert started(captured)[s.SUCCESS_CRITERIA] == early == CRITERIA
    assert late == completed(captured)[s.SUCCESS_CRITERIA] == [*CRITERIA, "fast"]
    assert list(captured.span("invoke_agent a")["attributes"][s.SUCCESS_CRITERIA]) == [*CRITERIA, "fast"]


def test_what_it_did_and_produced() -> None:
    """Structured data, commands, API calls and counts, each with the end."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.result("raw")
        run.structured({"found": [1, 2]})
        run.commands("ls", "make test")
        run.commands("ls")
        run.api_calls("https://api.github.com/repos")
        run.files_modified("b.py", "a.py")
        run.tests_run(3)
        run.tests_run(12)
        run.issues_found(0)
    for record in (captured.span("invoke_agent a")["attributes"], completed(captured)):
        assert json.loads(record[s.OUTPUT_STRUCTURED]) == {"found": [1, 2]}
        assert list(record[s.COMMANDS_EXECUTED]) == ["ls", "make test"]
        assert list(record[s.API_CALLS]) == ["https://api.github.com/repos"]
        assert list(record[s.FILES_MODIFIED]) == ["b.py", "a.py"]
        assert (record[s.TESTS_RUN], record[s.ISSUES_FOUND], record[s.OUTPUT_SIZE]) == (12, 0, 3)


def test_lists_in_any_form() -> None:
    """A list where its members were meant, a path, what is no text at all: nothing is lost, nothing is raised."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        run.files_modified(["a.py", Path("b/c.py")], Path("d.py"))  # type: ignore[arg-type]  # a list
        run.commands(("ls", "ls"), {"not": "text"}, b"x", None)  # type: ignore[arg-type]
        run.criteria(5)  # type: ignore[arg-type]
        run.api_calls()
    told = completed(captured)
    assert told[s.FILES_MODIFIED] == ["a.py", "b/c.py", "d.py"]
    assert told[s.COMMANDS_EXECUTED] == ["ls", '{"not": "text"}', "\"b'x'\""]
    assert told[s.SUCCESS_CRITERIA] == ["5"]
    assert s.API_CALLS not in told


@pytest.mark.parametrize("method", ["tests_run", "issues_found"])
def test_wrong_counts(method: str, warned: list[str]) -> None:
    """A count that is none costs itself; the warning names what was called."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a") as run:
        getattr(run, method)("12")
    assert not {s.TESTS_RUN, s.ISSUES_FOUND} & set(completed(captured))
    assert warned == [f"agent_otel: {method}='12' is ignored: expected a whole number from 0 to {10**15}"]


def test_nested() -> None:
    """What is delegated inside is the child of who delegates, with steps of its own."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.delegate("main", prompt="p") as outer,
        agent_otel.delegate("sub", prompt="q") as inner,
        agent_otel.step("t"),
    ):
        pass
    sub = captured.span("invoke_agent sub")
    assert sub["attributes"][s.PARENT_EXECUTION_ID] == outer.execution_id
    assert sub["parent_id"] == outer.span_id
    assert captured.span("execute_tool t")["attributes"][s.EXECUTION_ID] == inner.execution_id


def test_decorated_functions_of_each_kind() -> None:
    """Each call is an execution of its own with the whole intent; what is said in it does not reach the next."""
    helper = agent_otel.delegate("a", prompt="p", criteria=["c"])

    def say() -> None:
        run = agent_otel.current_execution()
        assert run is not None
        run.criteria(f"of call {run.execution_id}")
        run.verification("MATCH")

    @helper
    def plain() -> None:
        say()

    @helper
    def generator() -> Iterator[int]:
        say()
        yield 1

    @helper
    async def coroutine() -> None:
        say()

    @helper
    async def async_generator() -> AsyncIterator[int]:
        say()
        yield 1

    async def consume() -> None:
        await coroutine()
        assert [number async for number in async_generator()] == [1]

    with capture(raise_errors=True) as captured:
        plain()
        plain()
        assert list(generator()) == [1]
        asyncio.run(consume())
    assert len(captured.spans) == 5
    assert len({span["span_id"] for span in captured.spans}) == 5
    for span in captured.spans:
        first, second = span["attributes"][s.SUCCESS_CRITERIA]
        assert (first, second) == ("c", f"of call {span['attributes'][s.EXECUTION_ID]}")
        assert span["attributes"][s.VERIFICATION_STATUS] == "MATCH"


def test_threads_and_tasks_at_once() -> None:
    """Delegations that run at the same time keep what is said apart."""
    barrier = threading.Barrier(4)

    def work(name: str) -> None:
        with agent_otel.delegate(name, prompt="p") as run:
            barrier.wait(30)
            run.verification("MATCH", f"of {name}")
            run.commands(f"run {name}")

    async def work_async(name: str) -> None:
        async with agent_otel.delegate(name, prompt="p") as run:
            await asyncio.sleep(0)
            run.verification("MATCH", f"of {name}")
            run.commands(f"run {name}")

    async def gather() -> None:
        await asyncio.gather(*(work_async(f"task-{number}") for number in range(4)))

    with capture(raise_errors=True) as captured:
        threads = [threading.Thread(target=work, args=(f"thread-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        asyncio.run(gather())
    assert len(captured.spans) == 8
    for span in captured.spans:
        name = span["attributes"][s.GEN_AI_AGENT_NAME]
        assert span["attributes"][s.EXPECTED_VS_ACTUAL] == f"of {name}"
        assert list(span["attributes"][s.COMMANDS_EXECUTED]) == [f"run {name}"]


def test_exception_leaves_everything_that_was_said() -> None:
    """It is raised on; the end has the error and what was said before."""

    @agent_otel.delegate("a", prompt="p")
    def work() -> None:
        run = agent_otel.current_execution()
        assert run is not None
        run.commands("ls")
        run.verification("ERROR", "it broke")
        raise ValueError("no")

    with capture(raise_errors=True) as captured, pytest.raises(ValueError, match="no"):
        work()
    assert completed(captured).items() >= {s.EXECUTION_STATUS: "error", s.ERROR_TYPE: "ValueError"}.items()
    assert completed(captured)[s.COMMANDS_EXECUTED] == ["ls"]
    assert captured.span("invoke_agent a")["attributes"][s.VERIFICATION_STATUS] == "ERROR"


def test_every_parameter_is_a_field_of_the_intent() -> None:
    """In the same order, by which they are handed on; delegate has them all, but for the durability that it is."""
    parameters = list(inspect.signature(agent_otel.execution).parameters)
    assert parameters == list(Intent._fields)
    assert {*inspect.signature(agent_otel.delegate).parameters, "durable"} == set(parameters)


def test_decorator_without_its_parentheses() -> None:
    """The one mistake that would replace the user's function is refused."""
    with pytest.raises(TypeError, match="needs a name"):
        agent_otel.delegate(lambda: None, prompt="p")  # type: ignore[arg-type]  # the mistake itself
