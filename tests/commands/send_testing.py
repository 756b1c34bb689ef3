"""`agent-otel doctor --send-test`, in this process and as a command."""

import subprocess
import sys

from agent_otel import settings
from agent_otel.commands import passage, send_test
from agent_otel.commands.passage import Passage

#: Enough for what arrives, and not much to wait for what does not.
SECONDS = 2.0


def sent(seconds: float = SECONDS) -> tuple[str, dict[str, Passage], Passage | None]:
    """The test execution, its passages by hop, and the broken hop."""
    execution_id, passages = send_test.send_test(settings.load(), seconds)
    return execution_id, {each.name: each for each in passages}, passage.broken(passages)


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    command = [sys.executable, "-m", "agent_otel", "doctor", "--send-test", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
