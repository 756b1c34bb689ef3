"""A delegation is on the disk before its block runs: killed at the first line, and counted with strace."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from agent_otel import semconv as s
from tests.faults.shell_syncs import unsafe
from tests.fixtures import spooled

_BEGIN = """
import agent_otel, os, signal
with agent_otel.delegate(
    "fixer", prompt="P", user_request="U", reasoning="R", expected_outcome="E", criteria=["C"], risk="K",
    context="X", instructions="I", configuration={{"a": 1}}, tools=["T"],
) as run:
    {block}
"""
_KILLED = _BEGIN.format(block="os.kill(os.getpid(), signal.SIGKILL)")
#: The background, which syncs as well, comes too late in any case.
_SAYS_SO = "import agent_otel.courier\nagent_otel.courier.LINGER_SECONDS = 60" + _BEGIN.format(
    block='os.write(1, b"in the block\\n"); os._exit(0)'
)


def test_killed_at_the_first_line_of_the_block(tmp_path: Path) -> None:
    """SIGKILL takes nothing of the intent: it is all in the spool."""
    killed = subprocess.run(
        spooled.agent(_KILLED), env=spooled.environment(tmp_path), capture_output=True, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (event,) = spooled.events(tmp_path)
    assert event["name"] == s.EVENT_STARTED
    told = event["attributes"]
    assert (
        told.items()
        >= {
            s.GEN_AI_AGENT_NAME: "fixer",
            s.EXECUTION_STATUS: "in_progress",
            s.USER_REQUEST: "U",
            s.INTENT_REASONING: "R",
            s.EXPECTED_OUTCOME: "E",
            s.SUCCESS_CRITERIA: ["C"],
            s.RISK: "K",
            s.CONTEXT: "X",
            s.AGENT_CONFIGURATION: '{"a": 1}',
            s.PROMPT_LENGTH: 1,
        }.items()
    )
    assert json.loads(told[s.GEN_AI_INPUT_MESSAGES])[0]["parts"][0]["content"] == "P"
    assert json.loads(told[s.GEN_AI_SYSTEM_INSTRUCTIONS])[0]["content"] == "I"
    assert json.loads(told[s.GEN_AI_TOOL_DEFINITIONS])[0]["name"] == "T"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace (Debian)")
@pytest.mark.parametrize("durable", [True, False])
def test_synced_before_the_block(tmp_path: Path, durable: bool) -> None:
    """File and folder are synced before the block's first write; of a plain execution they need not be."""
    source = _SAYS_SO if durable else _SAYS_SO.replace("delegate(", "execution(")
    trace = tmp_path / "strace"
    calls = "trace=write,pwrite64,rename,unlink,ftruncate,fsync,fdatasync"
    subprocess.run(
        ["strace", "-f", "-y", "-e", calls, "-o", str(trace), *spooled.agent(source)],
        env=spooled.environment(tmp_path),
        capture_output=True,
        check=True,
        timeout=60,
    )
    until_block, said, _ = trace.read_text().partition('"in the block')
    found = list(unsafe(until_block + said + '"..., 13) = 13\n'))
    assert (found == []) is durable, found
