"""agent_otel.counts: what became of spans and events adds up over processes, each counted once."""

import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent_otel import counts
from agent_otel.counts import Counts, read_counts

ADD = """
import sys
from agent_otel.counts import Counts
for _ in range(200):
    counts = Counts(sys.argv[1])
    counts.add("sent", 1)
    counts.persist()
"""


def test_adds_up_over_processes(tmp_path: Path) -> None:
    """The sum in the file is that of all processes at once, the file locked or not when they came."""
    command = [sys.executable, "-c", ADD, str(tmp_path)]
    adding = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in adding] == [0] * 4
    assert read_counts(str(tmp_path)) == {counts.SENT: 4 * 200}


def test_saved_once(tmp_path: Path) -> None:
    """What was written is not written again."""
    counted = Counts(str(tmp_path))
    counted.add(counts.ACKNOWLEDGED, 2)
    counted.persist()
    counted.add(counts.DAMAGED, 1)
    counted.persist()
    counted.persist()
    assert read_counts(str(tmp_path)) == {counts.ACKNOWLEDGED: 2, counts.DAMAGED: 1}
    assert counted.losses == {counts.DAMAGED: 1}


def test_waits_for_the_disk(tmp_path: Path) -> None:
    """What cannot be written now is written later; a damaged file starts anew."""
    folder = tmp_path / "spool"
    counted = Counts(str(folder))
    counted.add(counts.IO_ERROR, 7)
    counted.persist()
    folder.mkdir()
    (folder / counts.FILE_NAME).write_text("damaged")
    counted.persist()
    assert read_counts(str(folder)) == {counts.IO_ERROR: 7}


def test_held_by_a_stopped_process(tmp_path: Path) -> None:
    """Whoever holds the file does not hold up others, and what they counted is part of the sum."""
    counted = Counts(str(tmp_path))
    counted.add(counts.SENT, 1)
    counted.persist()
    with (tmp_path / counts.FILE_NAME).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        begun = time.monotonic()
        for _ in range(2):
            counted.add(counts.SENT, 1)
            counted.persist()
        assert time.monotonic() - begun < 2
    counted.add(counts.SENT, 1)
    counted.persist()
    assert read_counts(str(tmp_path)) == {counts.SENT: 4}


def test_what_earlier_versions_counted(tmp_path: Path) -> None:
    """Their losses are not forgotten."""
    (tmp_path / counts.OLD_NAME).write_text(json.dumps({counts.SPOOL_FULL: 3}))
    counted = Counts(str(tmp_path))
    counted.add(counts.SPOOL_FULL, 1)
    counted.persist()
    assert read_counts(str(tmp_path)) == {counts.SPOOL_FULL: 4}


@pytest.mark.parametrize("link", [counts.FILE_NAME, counts.LATE_NAME])
def test_planted_link(tmp_path: Path, link: str) -> None:
    """Nothing is written through a link."""
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / link).symlink_to(target)
    counted = Counts(str(tmp_path))
    counted.add(counts.SENT, 1)
    counted.persist()
    assert target.read_text() == "mine"


def test_kinds() -> None:
    """Refused by the receiver, lost here, and neither."""
    counted = {
        counts.SPOOLED: 32,
        counts.SENT: 1,
        counts.ACKNOWLEDGED: 2,
        counts.REFUSED: 4,
        counts.REJECTED: 8,
        counts.SPOOL_FULL: 16,
    }
    assert (counts.refused(counted), counts.lost(counted)) == (12, 16)
    assert (counts.refused({}), counts.lost({})) == (0, 0)
