"""A folder of small files in the state folder that several processes of one user share. Standard library only.

Nothing is followed that another user could have planted, and a file is there whole or not at all.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: What a file is called while it is made.
MADE: Final = ".new"


class StateFolder:
    """One folder. A folder that cannot be written costs its files: `failures` counts, `problem` says why."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.failures = 0
        self.problem = ""

    def read(self, name: str) -> str:
        """What one of our files holds; empty when there is none, or it is another user's."""
        try:
            descriptor = os.open(self._file(name), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return ""
        with open(descriptor, encoding="utf-8", errors="replace") as file:
            return file.read() if os.fstat(descriptor).st_uid == os.geteuid() else ""

    def append(self, name: str, line: str) -> bool:
        """Add a line to one of our files; False when it cannot be written."""
        try:
            self._write(name, os.O_APPEND, f"{line}\n".encode(errors="replace"))
        except OSError as error:
            self._failed(error)
            return False
        return True

    def put(self, name: str, content: str) -> bool:
        """Make a file, all or nothing; False when it is there already. A folder that cannot be written: True."""
        made = f"{name}.{os.getpid()}{MADE}"
        try:
            self._write(made, os.O_TRUNC, content.encode(errors="replace"))
            os.link(self._file(made), self._file(name))
        except FileExistsError:
            return False
        except OSError as error:
            self._failed(error)
        finally:
            unlink(self._file(made))
        return True

    def remove_file(self, name: str) -> None:
        """Remove one of our files, if it is there."""
        unlink(self._file(name))

    def _write(self, name: str, flag: int, content: bytes) -> None:
        """Create or open one of our files and write `content`, wholly or not at all."""
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | flag
        try:
            self._check()
            descriptor = os.open(self._file(name), flags, 0o600)
        except FileNotFoundError:
            for folder in (self.path, os.path.dirname(self._file(name))):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            descriptor = os.open(self._file(name), flags, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            if content and os.write(descriptor, content) != len(content):
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)

    def _check(self) -> None:
        """Raise OSError when another user could plant files here, as the spool does."""
        status = os.lstat(self.path)
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, f"belongs to user {status.st_uid}, not to us; set AGENT_OTEL_HOME")
        if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "is no folder that only we can write; chmod 700 it")

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        self.problem = f"{self.path}: {error.strerror or error}"

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"


def unlink(path: str) -> bool:
    """Remove a file; False when that was not possible."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def lives(pid: str) -> bool:
    """Whether a process of that number runs."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True
