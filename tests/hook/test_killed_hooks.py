"""Hooks that are killed at any point of their work: what they were told is in the rows once somebody sees it."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent_otel.drain import drain
from tests.claude.recorded import Recorded
from tests.hook import rows
from tests.hook.player import Play, Player, Told

#: What a hook does to files and processes; before each of them it may be killed.
_DEEDS = ("link", "rename", "unlink", "write", "fsync", "ftruncate", "truncate", "open", "rmdir", "setsid")
_STEP = 3
_fork = os.fork  # a player has a hook do in line what it would do in the background


def told_and_killed(player: Player, event: Told, patch: pytest.MonkeyPatch, deed: int) -> bool:
    """Tell the event to a process that dies by SIGKILL before this deed; whether it came so far."""
    child = _fork()
    if not child:
        _count_down(patch, deed)
        try:
            player.tell(event)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _count_down(patch: pytest.MonkeyPatch, deed: int) -> None:
    left = [deed]

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return do

    for name in _DEEDS:
        patch.setattr(os, name, deadly(getattr(os, name)))


@pytest.mark.parametrize(
    ("scenario", "event"),
    [
        ("tool", "Stop"),
        ("tool", "PostToolUse"),
        ("tool", "UserPromptSubmit"),
        ("parallel-agents", "SubagentStop"),
        ("overloaded", "StopFailure"),
        ("sigterm", "SessionEnd"),
    ],
)
def test_killed_anywhere(
    play: Play, database_url: str, monkeypatch: pytest.MonkeyPatch, scenario: str, event: str
) -> None:
    """The rows are those of a hook that lived; of its own words only those that it had not yet kept are lost."""
    recorded = Recorded("2.1.330", scenario)
    expected = played(play(recorded), database_url)
    deed, was_killed = 1, True
    while was_killed:
        player = play(recorded)
        (place, *_) = [place for place, each in enumerate(player.events) if each.event == event]
        with player.in_line(), player.process():
            for each in player.events[:place]:
                player.tell(each)
            player.growth.until(player.events[place].at + 10**9)
            was_killed = told_and_killed(player, player.events[place], monkeypatch, deed)
            for each in player.events[place + 1 :]:
                player.tell(each)
        found = settled(player, database_url)
        for row in found.executions:
            if deed <= 5 and event in ("Stop", "SubagentStop") and row["status"] == "cancelled":
                row["status"] = "success"  # before it was kept that all went well
        if event == "PostToolUse":
            found = found._replace(steps=expected.steps) if is_only_refused(found, expected) else found
        assert rows.differences(found, expected) == [], deed
        deed += _STEP if was_killed else 0
    assert deed > 10


def is_only_refused(found: rows.Rows, expected: rows.Rows) -> bool:
    """Whether its steps are all there, some of them taken for such that did not run: nobody knew that they did."""
    return [step[:3] for step in found.steps] == [step[:3] for step in expected.steps]


def played(player: Player, url: str) -> rows.Rows:
    """The rows of a recording as it was told."""
    player.play()
    return settled(player, url)


def settled(player: Player, url: str) -> rows.Rows:
    """The rows when everything that died was looked after."""
    player.flush()
    drain(player.settings, time.monotonic())
    rows.emptied(url)
    rows.store(url, player.spool)
    return rows.rows(url)
