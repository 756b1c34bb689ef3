"""Our wheel in a fresh virtual environment, with its bytecode compiled: what a user has after `pip install`."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_FOLDERS: Final = ("src", "scripts")
_FILES: Final = ("pyproject.toml", "README.md", "LICENSE")
_PIP_S: Final = 600


class Installed:
    """Builds the wheel and installs it into `folder`; `dependencies=False` leaves out what the commands do not need."""

    def __init__(self, folder: Path, *, dependencies: bool) -> None:
        # A copy: a build in the tree would put modules into the wheel that an earlier one left in build/.
        source = folder / "source"
        for name in _FOLDERS:
            shutil.copytree(_ROOT / name, source / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for name in _FILES:
            shutil.copy(_ROOT / name, source)
        needed = [] if dependencies else ["--no-deps"]
        _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder / "wheel"), str(source))
        (wheel,) = (folder / "wheel").glob("*.whl")
        _run(sys.executable, "-m", "venv", str(folder / "venv"))
        self._bin = folder / "venv" / "bin"
        _run(self.python, "-m", "pip", "install", "--compile", *needed, str(wheel))
        # pip and the standard library of a fresh environment are compiled on their first import.
        _run(self.python, "-c", "pass")

    @property
    def python(self) -> str:
        """The environment's Python."""
        return str(self._bin / "python")

    @property
    def command(self) -> str:
        """The installed `agent-otel`."""
        return str(self._bin / "agent-otel")


def _run(*command: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check"] if "pip" in command else []
    finished = subprocess.run([*command, *quiet], capture_output=True, text=True, check=False, timeout=_PIP_S)
    if finished.returncode:
        raise SystemExit(f"{' '.join(command)}: {finished.stderr}")
