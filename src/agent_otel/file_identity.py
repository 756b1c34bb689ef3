"""What a file of a git work tree holds: as git would store it, or, of a large one, its time and size."""

from __future__ import annotations

import os
import stat

from agent_otel.digest import sha1, sha256
from agent_otel.git_command import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

#: Larger files, and those beyond so many or so many bytes, are known by time and size only.
MAX_HASHED_BYTES: Final = 16 * 1024**2
MAX_HASHED: Final = 2_000
MAX_HASHED_SUM: Final = 128 * 1024**2
#: Files that git is asked about at once; a command line holds them.
_AT_ONCE: Final = 200
_SHA1_DIGITS: Final = 40

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
LINK: Final = "120000"
REPOSITORY: Final = "160000"
_OTHER: Final = "other"


class FileIdentity:
    """`mode` as git spells it; `content`: id of its blob, empty when unknown; `size`: below 0 when unknown."""

    __slots__ = ("content", "mode", "modified", "size")

    def __init__(self, mode: str, content: str = "", size: int = -1, modified: int = 0) -> None:
        self.mode = mode
        self.content = content
        self.size = size
        self.modified = modified

    def is_other_than(self, before: FileIdentity) -> bool:
        """Whether the file is not what it was."""
        if self.mode != before.mode:
            return True
        if self.content and before.content:
            return self.content != before.content
        return (self.size, self.modified) != (before.size, before.modified)


def look(root: bytes, paths: Iterable[bytes], digits: int) -> dict[bytes, FileIdentity | None]:
    """The files as they are on the disk, None where there is none; `digits` of the repository's ids."""
    found = {path: _of(root, path, digits) for path in paths}
    wanted: list[bytes] = []
    total = 0
    for path, file in found.items():
        if file is None or file.mode not in (FILE, EXECUTABLE) or file.size > MAX_HASHED_BYTES:
            continue
        total += file.size
        if total > MAX_HASHED_SUM or len(wanted) >= MAX_HASHED:
            break
        if os.access(os.path.join(root, path), os.R_OK):  # git stops at the first that it cannot read
            wanted.append(path)
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        for path, content in zip(some, _hashes(root, some), strict=False):
            file = found[path]
            if file is not None:
                file.content = content
    return found


def _of(root: bytes, path: bytes, digits: int) -> FileIdentity | None:
    full = os.path.join(root, path)
    try:
        status = os.lstat(full)
        if stat.S_ISLNK(status.st_mode):
            return FileIdentity(LINK, _blob(os.readlink(full), digits))
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return None
    mode = (EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE) if stat.S_ISREG(status.st_mode) else _OTHER
    return FileIdentity(mode, "", status.st_size, status.st_mtime_ns)


def _hashes(root: bytes, paths: list[bytes]) -> list[str]:
    """What git would store, its filters applied; nothing when one of them went meanwhile."""
    said = git(root, b"hash-object", b"--", *paths)
    return said.decode("ascii", "replace").split() if said is not None else []


def _blob(content: bytes, digits: int) -> str:
    digest = sha1 if digits == _SHA1_DIGITS else sha256
    found: str = digest(b"blob %d\0%b" % (len(content), content)).hexdigest()
    return found
