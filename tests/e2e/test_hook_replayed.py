"""Recorded hooks, told to `agent-otel hook`: in order, twice, out of order and without their end; the same rows."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.claude import comparison, tree
from tests.claude.recorded import Payload, Recorded, all_recorded
from tests.claude.scenario import Expected
from tests.claude.scenarios import SCENARIOS
from tests.fixtures.replay import Replay
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import rows, wait_for

EXPECTED = {scenario.name: scenario.expected for scenario in SCENARIOS}
#: Where processes are killed, the hooks' own parent would have to be, too: `make claude` does that.
TOLD = [each for each in all_recorded() if not each.scenario.startswith("sig")]
#: Where order and repetition could matter most.
TRICKY = ("denied-tool", "parallel-agents", "nested-agents", "background-agent")
AGAIN = pytest.mark.parametrize("recorded", [each for each in TOLD if each.scenario in TRICKY], ids="/".join)
BETWEEN = {"PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "SubagentStart"}
_QUARANTINED = "SELECT quarantine_id, reason FROM quarantine ORDER BY quarantine_id"


@pytest.fixture
def replay(stack: LocalStack, tmp_path: Path) -> Callable[[Recorded], Replay]:
    """Tellings that go to the stack, with a home of their own."""
    shell = Shell(environment(stack.endpoint, tmp_path / "home"), tmp_path)
    return lambda recorded: Replay(recorded, shell, tmp_path / "transcripts")


@pytest.fixture(autouse=True)
def _nothing_is_refused(stack: LocalStack) -> Iterator[None]:
    """No record of these tests may go into quarantine, as one does that says something else under the same id."""
    before = rows(stack, _QUARANTINED)
    yield
    assert rows(stack, _QUARANTINED) == before


def require(stack: LocalStack, told: Replay, expected: Sequence[Expected]) -> None:
    """Wait until the rows are those of the ledger."""
    wrong: list[str] = []

    def right() -> bool:
        wrong[:] = comparison.differences(expected, told.requests, tree.executions(stack, told.sessions), cost=False)
        return not wrong

    try:
        wait_for(right, "the right rows")
    except AssertionError:
        pytest.fail("\n".join(wrong))


@pytest.mark.parametrize("recorded", TOLD, ids="/".join)
def test_a_recording_makes_the_rows_of_its_ledger(
    stack: LocalStack, replay: Callable[[Recorded], Replay], recorded: Recorded
) -> None:
    """Executions, parents, statuses, tool calls, prompts and tokens."""
    told = replay(recorded)
    told.tell(told.payloads)
    require(stack, told, EXPECTED[recorded.scenario])


@AGAIN
def test_hooks_that_run_twice_make_the_same_rows(
    stack: LocalStack, replay: Callable[[Recorded], Replay], recorded: Recorded
) -> None:
    """Registered twice, they run side by side."""
    told = replay(recorded)
    with ThreadPoolExecutor(2) as pool:
        for each in told.payloads:
            list(pool.map(told.tell, [[each], [each]]))
    require(stack, told, EXPECTED[recorded.scenario])


@AGAIN
def test_a_session_that_is_told_again_makes_the_same_rows(
    stack: LocalStack, replay: Callable[[Recorded], Replay], recorded: Recorded
) -> None:
    """All of it, from its first event."""
    told = replay(recorded)
    told.tell(told.payloads)
    told.tell(told.payloads)
    require(stack, told, EXPECTED[recorded.scenario])


@AGAIN
def test_neighbours_may_change_places(
    stack: LocalStack, replay: Callable[[Recorded], Replay], recorded: Recorded
) -> None:
    """Hooks of tools and sub-agents that run side by side come in any order."""
    told = replay(recorded)
    told.tell(_swapped(told.payloads, random.Random(f"{recorded.version}/{recorded.scenario}")))
    require(stack, told, EXPECTED[recorded.scenario])


@pytest.mark.parametrize("recorded", [each for each in TOLD if each.scenario == "tool"], ids="/".join)
def test_a_prompt_without_its_stop_is_cancelled(
    stack: LocalStack, replay: Callable[[Recorded], Replay], recorded: Recorded
) -> None:
    """By the session's end; what it used is known all the same."""
    told = replay(recorded)
    told.tell([each for each in told.payloads if each.event != "Stop"])
    require(stack, told, [Expected("tool", status="cancelled", inferred=True)])


def _swapped(payloads: Sequence[Payload], rng: random.Random) -> list[Payload]:
    """With every other pair of neighbours the other way round, if the CLI does not wait for the first of them."""
    found = list(payloads)
    for place in range(rng.randrange(2), len(found) - 1, 2):
        if _side_by_side(*found[place : place + 2]):
            found[place : place + 2] = found[place : place + 2][::-1]
    return found


def _side_by_side(one: Payload, other: Payload) -> bool:
    """Whether both are of tools and sub-agents, and of different agents or of different calls of one turn."""
    if not {one.event, other.event} <= BETWEEN:
        return False
    if one.payload.get("agent_id") != other.payload.get("agent_id"):
        return True
    is_turn = "PostToolBatch" not in (one.event, other.event)
    return is_turn and one.payload.get("tool_use_id") != other.payload.get("tool_use_id")
