"""The comparison finds what is wrong: each thing that may be missing, doubled or false, on hand-made rows."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from agent_otel import identity
from tests.claude.comparison import differences
from tests.claude.ledger import Request, ToolCall, Usage, total
from tests.claude.scenario import SUB, Expected, sub
from tests.claude.tree import Execution, Step

SESSION, PROMPT, AGENT = "session", str(uuid.UUID(int=7)), "a1"
MODEL = "claude-sonnet-4-5"
EXPECTED = [Expected("main", failing=frozenset({1})), sub("child", "main")]
REQUESTS = [
    Request("req_1", SESSION, "main", 0, MODEL, Usage(1, 2, 3, 4), (ToolCall("t1", "Bash"), ToolCall("t2", "Agent"))),
    Request("req_2", SESSION, "child", 0, MODEL, Usage(10, 20, 30, 40), ()),
    Request("req_3", SESSION, "main", 1, MODEL, Usage(100, 200, 300, 400), (ToolCall("t3", "Read"),)),
]


def made(own: str) -> uuid.UUID:
    """The id that the contract makes."""
    return uuid.UUID(int=identity.named_uuid(identity.NAMESPACE, f"{SESSION}/{own}"))


def row(script: str, **more: Any) -> dict[str, Any]:
    """A right row of a successful execution."""
    own = [request for request in REQUESTS if request.script == script]
    usage = total(own)
    facts = {
        "execution_id": made(PROMPT),
        "correlation_id": uuid.UUID(PROMPT),
        "session_id": SESSION,
        "parent_execution_id": None,
        "agent_name": "claude-code",
        "agent_instance_id": None,
        "prompt": f"[[{script}]] please",
        "description": None,
        "status": "success",
        "error_type": None,
        "end_inferred": False,
        "input_tokens": usage.all_input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_creation_tokens": usage.cache_creation,
        "cost_usd": sum(request.cost_usd for request in own),
    }
    return {**facts, **more}


def main_agent(**more: Any) -> Execution:
    """The main agent's row: its parallel calls came in the other order."""
    return Execution(
        row("main", **more), (Step("t2", "Agent", False), Step("t1", "Bash", True), Step("t3", "Read", True))
    )


def child(**more: Any) -> Execution:
    """The sub-agent's row."""
    own = {
        "execution_id": made(AGENT),
        "agent_instance_id": AGENT,
        "agent_name": SUB,
        "parent_execution_id": made(PROMPT),
    }
    return Execution(row("child", **{**own, **more}), ())


def test_what_is_right_passes() -> None:
    """Parallel calls may come in any order; without telemetry there is no cost."""
    assert differences(EXPECTED, REQUESTS, [main_agent(), child()], cost=True) == []
    without = [main_agent(cost_usd=None), child(cost_usd=None)]
    assert differences(EXPECTED, REQUESTS, without, cost=False) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (lambda: [main_agent()], "child: 0 rows"),
        (lambda: [main_agent(), child(), child()], "child: 2 rows"),
        (lambda: [main_agent(), child(), child(agent_name="other")], "3 executions instead of 2"),
        (lambda: [main_agent(), child(parent_execution_id=None)], "child: its parent"),
        (lambda: [main_agent(), child(execution_id=made("another"))], "child: its id"),
        (lambda: [main_agent(prompt="[[main]] please!"), child()], "main: its prompt"),
        (lambda: [main_agent(status="cancelled"), child()], "main: its status is cancelled"),
        (lambda: [main_agent(end_inferred=True), child()], "main: end_inferred"),
        (lambda: [main_agent(input_tokens=8), child()], "main: its tokens"),
        (lambda: [main_agent(cache_read_tokens=None), child()], "main: its tokens"),
        (lambda: [main_agent(cost_usd=None), child()], "main: its cost"),
        (lambda: [main_agent(cost_usd=0.5), child()], "main: its cost"),
        (lambda: [main_agent()._replace(steps=main_agent().steps[1:]), child()], "main: its steps"),
        (lambda: [main_agent()._replace(steps=main_agent().steps * 2), child()], "main: its steps"),
        (lambda: [main_agent()._replace(steps=main_agent().steps[::-1]), child()], "main: its steps are of the turns"),
        (lambda: [main_agent(), child()._replace(steps=(Step("t9", "Bash", True),))], "child: its steps"),
    ],
)
def test_what_is_wrong_is_told(rows: Callable[[], list[Execution]], words: str) -> None:
    """One thing is wrong at a time, and it is named."""
    told = differences(EXPECTED, REQUESTS, rows(), cost=True)
    assert any(words in each for each in told), told


def test_a_cost_without_telemetry_was_made_up() -> None:
    """Only telemetry tells costs."""
    told = differences(EXPECTED, REQUESTS, [main_agent(), child()], cost=False)
    assert any("its cost" in each for each in told)
