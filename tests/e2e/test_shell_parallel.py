"""Calls of the command at once, under a Collector that dies, and killed themselves: the small size of the campaign."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import shell
from tests.faults.report import Report
from tests.faults.rig import Rig
from tests.faults.shell import Size

#: `python -m tests.faults shell` is the full size.
SIZE = Size(callers=8, calls=8, kills=2, pauses=(0.1, 0.6))


@pytest.fixture(scope="module")
def rig(real_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack whose Collector may be killed."""
    with Rig(tmp_path_factory.mktemp("rig")) as rig:
        yield rig


def test_many_calls_at_once_lose_and_double_nothing(rig: Rig, tmp_path: Path) -> None:
    """Eight callers on one state folder, the Collector killed and restarted: every record once, the spool empty."""
    report = Report()
    shell.many_at_once(rig, tmp_path, report, random.Random(), SIZE)
    assert report.failures == []


def test_a_command_that_only_promises_is_found_out(rig: Rig, tmp_path: Path) -> None:
    """The control: the comparison above sees a loss."""
    report = Report()
    shell.control(rig, tmp_path, report)
    assert report.failures == []


def test_a_killed_call_loses_nothing_that_it_printed(rig: Rig, tmp_path: Path) -> None:
    """Also with nobody to deliver to; each call is made again and works, and the final span is there, once."""
    report = Report()
    shell.kills(rig, tmp_path, report, random.Random(), SIZE)
    assert report.failures == []
