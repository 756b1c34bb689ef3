"""However hooks are called, the rows are the same: twice, in another order, with some of them missing.

Same: executions, parents, statuses, steps with tool, success and error type, tokens; everything but times.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.claude.recorded import Recorded, all_recorded
from tests.hook import changes, rows
from tests.hook.changes import Change
from tests.hook.player import Play
from tests.hook.rows import Rows

RowsOf = Callable[..., Rows]
_EXAMPLES = settings.default.max_examples // 5 if settings.default else 1
RECORDED = all_recorded()
#: The CLI was ended while a tool ran, of which nobody but PreToolUse tells.
_CUT_SHORT = [each for each in RECORDED if each.scenario.startswith("sig")]
_WHOLE = [each for each in RECORDED if each not in _CUT_SHORT]
_FAILED = [each for each in RECORDED if any(told.event == "StopFailure" for told in each.payloads())]
_AGENTS = [each for each in _WHOLE if any(told.event == "SubagentStart" for told in each.payloads())]
_as_told: dict[Recorded, Rows] = {}


def each(recorded: list[Recorded]) -> pytest.MarkDecorator:
    """For each of these recordings."""
    return pytest.mark.parametrize("recorded", recorded, ids="/".join)


@pytest.fixture
def rows_of(play: Play, database_url: str) -> RowsOf:
    """The rows of a recording, its events changed."""

    def made(recorded: Recorded, change: Change, *, background_lives: bool = True) -> Rows:
        rows.emptied(database_url)
        player = play(recorded)
        player.background_lives = background_lives
        player.play(change(player.events))
        player.flush()
        rows.store(database_url, player.spool)
        return rows.rows(database_url)

    return made


def as_told(rows_of: RowsOf, recorded: Recorded) -> Rows:
    """The rows of a recording as it was told, which tests/hook/test_replay.py compares with its ledger."""
    if recorded not in _as_told:
        _as_told[recorded] = rows_of(recorded, list)
    return _as_told[recorded]


@each(RECORDED)
def test_every_hook_twice(rows_of: RowsOf, recorded: Recorded) -> None:
    """Registered twice in the settings, or in the settings and in a plugin."""
    assert rows.differences(rows_of(recorded, changes.twice), as_told(rows_of, recorded)) == []


@each(RECORDED)
def test_the_process_in_the_background_is_killed(rows_of: RowsOf, recorded: Recorded) -> None:
    """Whoever sees the session next sends what it would have sent."""
    assert rows.differences(rows_of(recorded, list, background_lives=False), as_told(rows_of, recorded)) == []


@given(data=st.data())
@settings(max_examples=_EXAMPLES)
def test_any_order_any_repeats(rows_of: RowsOf, data: st.DataObject) -> None:
    """The events of each prompt in any order, some of them told again, the background killed or not."""
    recorded = data.draw(st.sampled_from(RECORDED))
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    shuffle, repeat, lives = changes.shuffled(rng), changes.repeated(rng), data.draw(st.booleans())
    found = rows_of(recorded, lambda events: repeat(shuffle(events)), background_lives=lives)
    assert rows.differences(found, as_told(rows_of, recorded)) == []


@given(data=st.data())
@settings(max_examples=_EXAMPLES)
def test_hooks_that_are_lost(rows_of: RowsOf, data: st.DataObject) -> None:
    """Without the first hook of a prompt, of a tool or of a sub-agent, each or all of them."""
    recorded = data.draw(st.sampled_from(_WHOLE))
    first = st.sampled_from(["UserPromptSubmit", "PreToolUse", "SubagentStart", "SessionStart", "SessionEnd"])
    lost = data.draw(st.lists(first, min_size=1, unique=True))
    if "SessionStart" in lost and recorded.scenario == "compacted":
        lost.remove("SessionStart")
    found = rows_of(recorded, changes.without(*lost))
    assert rows.differences(found, as_told(rows_of, recorded)) == []


@each(_WHOLE)
def test_without_stop(rows_of: RowsOf, recorded: Recorded) -> None:
    """All is known but that it went well."""
    found, expected = rows_of(recorded, changes.without("Stop", "SubagentStop")), as_told(rows_of, recorded)
    ends = {row["execution_id"]: row["status"] for row in expected.executions}
    for row in found.executions:
        if row["status"] == "cancelled":
            row["status"] = ends[row["execution_id"]]
    assert rows.differences(found, expected) == []


@each([r for r in RECORDED if r.scenario in ("tool", "parallel-tools", "failing-tool", "nested-agents")])
def test_post_before_pre(rows_of: RowsOf, recorded: Recorded) -> None:
    """Each PreToolUse after everything that tells what became of its call."""
    found = rows_of(recorded, changes.last_before_the_end("PreToolUse", "Stop"))
    assert rows.differences(found, as_told(rows_of, recorded)) == []


@each(_AGENTS)
def test_subagent_start_after_post_tool_use_of_agent(rows_of: RowsOf, recorded: Recorded) -> None:
    """As 2.1.330 may tell of a sub-agent in the background."""
    found = rows_of(recorded, changes.last_before_the_end("SubagentStart"))
    assert rows.differences(found, as_told(rows_of, recorded)) == []


@each(_FAILED)
def test_stop_failure_after_session_end(rows_of: RowsOf, recorded: Recorded) -> None:
    """It runs beside SessionEnd, and may be the later one; or it is lost, and the transcript says as much."""
    expected = as_told(rows_of, recorded)
    assert rows.differences(rows_of(recorded, changes.after_the_end("StopFailure")), expected) == []
    assert rows.differences(rows_of(recorded, changes.without("StopFailure")), expected) == []
