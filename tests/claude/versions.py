"""The real CLI, from npm, kept in the folder of the tools: the oldest supported version, and the newest."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent_otel.local_stack.tools import tools_dir

#: What the plugin's events are chosen for; npm chooses it on Node 20.
OLDEST: Final = "2.1.197"
_PACKAGE: Final = "@anthropic-ai/claude-code"
_NPM_S: Final = 300


class CliMissingError(Exception):
    """The CLI cannot be had; the message says what to do."""


def resolve(name: str) -> str:
    """The version that `A` (oldest supported), `B` (newest on npm) or a number means."""
    if name == "A":
        return OLDEST
    return _npm("view", _PACKAGE, "version").strip() if name == "B" else name


def installed(version: str, report: Callable[[str], None]) -> Path:
    """The program of this version, installed first where it is not there; it appears whole or not at all."""
    folder = tools_dir() / f"claude-code-{version}"
    program = folder / "node_modules" / ".bin" / "claude"
    if not program.exists():
        report(f"installing {_PACKAGE} {version} from npm")
        _install(version, folder)
    return program.resolve(strict=True)


def _install(version: str, folder: Path) -> None:
    tools_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".claude-code-", dir=tools_dir()) as work:
        prefix = Path(work) / "finished"
        prefix.mkdir()
        _npm("install", "--no-audit", "--no-fund", "--prefix", str(prefix), f"{_PACKAGE}@{version}")
        shutil.rmtree(folder, ignore_errors=True)  # what stands in the way has no program in it
        prefix.rename(folder)


def _npm(*arguments: str) -> str:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise CliMissingError("node and npm are needed, to install the CLI: apt-get install nodejs npm (20 or newer)")
    command = ["npm", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_NPM_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise CliMissingError(f"`{' '.join(command)}` did not end within {_NPM_S} s") from late
    if done.returncode:
        raise CliMissingError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
