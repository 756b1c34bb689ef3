"""Git, asked without `subprocess`, whose import costs a short call more than the answer.

Names are bytes, as git has them. Nothing of the repository is written (no refreshed index), no monitor of its
configuration is started, and what the environment of a git hook says of another repository is not handed on.
"""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: A command that takes longer, or says more, is given up.
MAX_SECONDS: Final = 30.0
MAX_BYTES: Final = 64 * 1024**2
_CHUNK: Final = 1024**2
#: `git rev-parse --local-env-vars`: what binds git to a repository other than that of its folder.
_LOCAL: Final = frozenset(
    {
        *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE"),
        *("GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
        *("GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE"),
    }
)
_OURS: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def git(folder: bytes, *words: bytes) -> bytes | None:
    """What git prints, asked in `folder`; None when it fails, takes too long or is not there."""
    command = [b"git", b"-C", folder, b"-c", b"core.fsmonitor=false", *words]
    try:
        reading, writing = os.pipe()
    except OSError:
        return None
    try:
        pid = _spawn(command, writing)
    finally:
        os.close(writing)
    try:
        said = _all_of(reading) if pid else None
    finally:
        os.close(reading)
    return said if pid and _ended_well(pid, killed=said is None) else None


def _spawn(command: list[bytes], writing: int) -> int:
    """Start it; 0 when there is no git that could be."""
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    )
    try:
        return os.posix_spawnp("git", command, {**environment, **_OURS}, file_actions=actions)
    except OSError:
        return 0


def _all_of(descriptor: int) -> bytes | None:
    """Everything until the end; None when that is too much or too late."""
    deadline = time.monotonic() + MAX_SECONDS
    parts: list[bytes] = []
    size = 0
    ready = select.poll()
    ready.register(descriptor, select.POLLIN | select.POLLHUP)
    while ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
        part = os.read(descriptor, _CHUNK)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            break
    return None


def _ended_well(pid: int, *, killed: bool) -> bool:
    try:
        if killed:
            from signal import SIGKILL  # its import is slow

            os.kill(pid, SIGKILL)
        _, status = os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError):  # the program reaps its children itself
        return not killed
    return os.waitstatus_to_exitcode(status) == 0
