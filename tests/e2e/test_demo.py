"""`agent-otel demo`: the README's first command."""

import os
import re
import subprocess
import sys
from pathlib import Path

from agent_otel.local_stack.process import identify

ROOT = Path(__file__).parents[2]


def demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the demo in a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_OTEL_DATABASE")}
    command = [sys.executable, "-m", "agent_otel", "demo"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_shows_the_tree_and_leaves_nothing_running(real_tools: None, tmp_path: Path) -> None:
    """Twice in a row: the tree, the query, every hop, the same number of spans in both stores; then all is stopped."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for _ in range(2):
        finished = demo(tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "✓ reviewer  success" in finished.stdout
        assert re.search(r"notes-checker +success", finished.stdout)
        assert "spans in PostgreSQL: 9, in Jaeger: 9" in finished.stdout
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        left = [pid for pid in pids if _is_ours(pid, tmp_path)]
        assert left == []


def _is_ours(pid: int, folder: Path) -> bool:
    process = identify(pid)
    return process is not None and any(str(folder) in argument for argument in process.argv)


def test_outside_a_checkout_the_demo_says_where_to_run(tmp_path: Path) -> None:
    """Without the example the command names what is missing."""
    finished = demo(tmp_path)
    assert finished.returncode == 1
    assert "make demo" in finished.stderr
