"""Calls of the command at once, under a Collector that dies, and killed themselves: the small size of the campaign."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent_otel.local_stack.stack import LocalStack
from agent_otel.semconv import PROGRESS_STAGE
from tests.e2e.test_identity import spans_in_jaeger
from tests.faults import shell
from tests.faults.report import Report
from tests.faults.rig import Rig
from tests.faults.shell import Size
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import wait_for

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


def test_many_callers_of_one_execution(stack: LocalStack, tmp_path: Path) -> None:
    """Stages and steps that are told at the same time: each stage is an event of the one span, each step a span."""
    caller = Shell(environment(stack.endpoint, tmp_path / "home"), tmp_path)
    started = caller.delivered("start", "--agent", "prover")
    own = ("--execution-id", started["execution_id"])
    stages = [f"stage {number}" for number in range(16)]
    calls: list[tuple[str, ...]] = [("progress", *own, "--stage", stage) for stage in stages]
    calls += [("step", *own, "--tool", "cargo", "--action", f"build {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(caller.told, *call) for call in calls]:
            done.result()
    caller.delivered("complete", *own)
    trace = uuid.UUID(started["correlation_id"])
    wait_for(lambda: len(spans_in_jaeger(stack, trace)) == 9, "the execution's span and its steps")
    (span,) = [span for span in spans_in_jaeger(stack, trace).values() if not span.parent_span_id]
    told = [pair.value.string_value for event in span.events for pair in event.attributes if pair.key == PROGRESS_STAGE]
    assert sorted(told) == sorted(stages)


def test_a_killed_call_loses_nothing_that_it_printed(rig: Rig, tmp_path: Path) -> None:
    """Also with nobody to deliver to; each call is made again and works, and the final span is there, once."""
    report = Report()
    shell.kills(rig, tmp_path, report, random.Random(), SIZE)
    assert report.failures == []
