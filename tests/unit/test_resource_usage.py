"""Processor time and memory of an execution, as the system counts them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

import agent_otel
from agent_otel import resource_usage
from agent_otel import semconv as s
from agent_otel.resource_usage import ResourceUsage
from agent_otel.testing import capture
from tests.fixtures import spooled

_BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
_AGENT = f"""
import subprocess, sys, time, agent_otel
BURN = {_BURN!r}
with agent_otel.execution("idle"):
    pass
with agent_otel.execution("busy"):
    held = b"x" * (200 << 20)
    begun = time.process_time()
    while time.process_time() < begun + 0.3:
        pass
with agent_otel.execution("parent"):
    subprocess.run([sys.executable, "-c", BURN], check=True)
"""
#: What starts it is larger than it ever becomes.
_LARGE = """
import subprocess, sys
held = b"x" * (400 << 20)
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Attributes of the completion events of one real process, by agent."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([*spooled.agent(_LARGE), _AGENT], env=spooled.environment(home), check=True, timeout=120)
    found = [event["attributes"] for event in spooled.events(home) if event["name"] == s.EVENT_COMPLETED]
    return {attributes[s.GEN_AI_AGENT_NAME]: attributes for attributes in found}


def test_processor_time_of_the_process(ends: dict[str, dict[str, Any]]) -> None:
    """What it burnt while the execution ran, and not what it burnt before."""
    assert 0 <= ends["idle"][s.CPU_TIME_S] < 0.3 <= ends["busy"][s.CPU_TIME_S]


def test_processor_time_of_children(ends: dict[str, dict[str, Any]]) -> None:
    """A child that ended meanwhile counts."""
    assert ends["parent"][s.CPU_TIME_S] >= 0.3


def test_memory(ends: dict[str, dict[str, Any]]) -> None:
    """The largest that the process had until then, in bytes; not that of the process that started it."""
    assert 1 << 20 < ends["idle"][s.MEMORY_MAX_BYTES] < 200 << 20
    assert 200 << 20 <= ends["busy"][s.MEMORY_MAX_BYTES] < 400 << 20
    assert ends["parent"][s.MEMORY_MAX_BYTES] >= ends["busy"][s.MEMORY_MAX_BYTES]


def test_of_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told then."""
    monkeypatch.setattr(resource_usage, "getrusage", None)
    assert ResourceUsage().attributes() == {}


def test_of_a_forked_child(tmp_path: Path) -> None:
    """An execution that its parent began: never less than nothing."""
    source = f"""
import os, sys
from agent_otel.resource_usage import ResourceUsage
{_BURN}
usage = ResourceUsage()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert usage.attributes()[{s.CPU_TIME_S!r}] == 0.0, usage.attributes()
"""
    subprocess.run(spooled.agent(source), env=spooled.environment(tmp_path), check=True, timeout=60)


def test_captures_repeat() -> None:
    """agent_otel.testing leaves out what is another each time."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a"):
        pass
    assert s.CPU_TIME_S not in captured.spans[0]["attributes"]
