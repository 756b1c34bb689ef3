"""Recordings of both versions, played to the hook: the executions, steps and tokens that the model's ledger says."""

import pytest

from tests.claude.comparison import differences
from tests.claude.recorded import Recorded, all_recorded
from tests.claude.scenarios import SCENARIOS
from tests.hook import rows
from tests.hook.player import Play

RECORDED = pytest.mark.parametrize("recorded", all_recorded(), ids="/".join)
_EXPECTED = {scenario.name: scenario.expected for scenario in SCENARIOS}


@RECORDED
def test_a_recording_becomes_what_its_ledger_says(play: Play, database_url: str, recorded: Recorded) -> None:
    """The tree, each status, the steps in their order, and every token once."""
    player = play(recorded)
    player.play()
    player.flush()
    rows.store(database_url, player.spool)
    found = rows.executions(database_url)
    expected = _EXPECTED[recorded.scenario]
    assert differences(expected, recorded.ledger(), found, cost=False) == []
