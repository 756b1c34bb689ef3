"""The recordings that are committed: complete, small, of two versions, and nobody's machine is in them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.claude.environment import CANARY
from tests.claude.recording import HOME, PROJECT, RECORDINGS
from tests.claude.scenario import Scenario
from tests.claude.scenarios import SCENARIOS
from tests.claude.versions import OLDEST

VERSIONS = sorted(path.name for path in RECORDINGS.iterdir())
RECORDED = [scenario for scenario in SCENARIOS if scenario.recorded]
#: Folders at the root that are somebody's.
ELSEWHERE = re.compile(r"(?<![\w.$}>-])/(?:root|tmp|var|work|Users|private|home/(?!agent\b))\b")
MAX_BYTES = 2_000_000


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_oldest_and_a_newer_version_are_recorded() -> None:
    """Every scenario that plays with hooks alone."""
    assert OLDEST in VERSIONS
    assert len(VERSIONS) > 1
    for version in VERSIONS:
        found = {path.name.split(".")[0] for path in (RECORDINGS / version).glob("*.jsonl")}
        assert found == {scenario.name for scenario in RECORDED}
    assert sum(path.stat().st_size for path in RECORDINGS.rglob("*.json*")) < MAX_BYTES


@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.rglob("*.json*")), ids=lambda path: str(path.relative_to(RECORDINGS))
)
def test_nobodys_machine_is_in_a_recording(path: Path) -> None:
    """No folder of ours, no secret, not even one that stands for a secret."""
    text = path.read_text(encoding="utf-8")
    assert not ELSEWHERE.findall(text)
    assert CANARY not in text
    assert "TOKEN" not in text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", RECORDED, ids=lambda scenario: scenario.name)
def test_payloads_tell_their_event_and_their_files(scenario: Scenario, version: str) -> None:
    """In the order of their times, with transcripts that are there, of the sessions that the model served."""
    folder = RECORDINGS / version
    payloads = lines(folder / f"{scenario.name}.jsonl")
    assert payloads
    assert [line["at"] for line in payloads] == sorted(line["at"] for line in payloads)
    for line in payloads:
        assert line["version"] == version
        assert line["event"] == line["payload"]["hook_event_name"]
        assert line["payload"]["cwd"].startswith(HOME)
        transcript = line["payload"]["transcript_path"]
        assert transcript == f"{PROJECT}/{line['payload']['session_id']}.jsonl"
        assert (folder / scenario.name / Path(transcript).name).exists()
    served = {line["session"] for line in lines(folder / f"{scenario.name}.ledger.jsonl")}
    assert served <= {line["payload"]["session_id"] for line in payloads}
