"""Log files of the parts: appended to, turned over once they are large, quoted when a part fails."""

from pathlib import Path
from typing import IO, Final

#: At a start a larger log becomes <name>.1, replacing the one before.
MAX_LOG_BYTES: Final = 10 * 1024 * 1024
TAIL_LINES: Final = 15
_TAIL_BYTES: Final = 8192


def open_log(path: Path) -> IO[bytes]:
    """Open a part's log for appending, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    path.touch(mode=0o600)
    return path.open("ab")


def tail(path: Path) -> str:
    """The last lines of a log."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])
