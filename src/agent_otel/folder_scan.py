"""The files of a folder by modification time and size, where no git says what changed."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

#: Files of one folder; of more, none are tracked.
MAX_FILES: Final = 100_000
#: What is nobody's work: the store of a version control system.
_NOT_ENTERED: Final = frozenset({b".git", b".hg", b".svn", b".jj"})


class TooManyFilesError(Exception):
    """The folder has more files than are tracked."""


class FolderScan:
    """`files`: path -> modification time in ns and size in bytes; `unread`: folders that could not be read.

    Symbolic links are files of their own and are not followed; paths are relative, in bytes.
    """

    __slots__ = ("files", "unread")

    def __init__(self, files: dict[bytes, tuple[int, int]], unread: set[bytes]) -> None:
        self.files = files
        self.unread = unread

    @classmethod
    def of(cls, root: bytes, without: bytes = b"") -> FolderScan:
        """Look at every file below `root` but those below `without`. Raises TooManyFilesError."""
        scan = cls({}, set())
        waiting = [b""]
        while waiting:
            folder = waiting.pop()
            for name, entry in scan._entries(root, folder):
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _NOT_ENTERED and entry.path != without:
                        waiting.append(name)
                    continue
                scan._note(name, entry)
        return scan

    def changed_since(self, before: FolderScan) -> set[bytes]:
        """Files that were created, changed or deleted; nothing is said of what one of both could not read."""
        names = self.files.keys() | before.files.keys()
        changed = {name for name in names if self.files.get(name) != before.files.get(name)}
        unread = tuple(folder and folder + b"/" for folder in self.unread | before.unread)
        return {name for name in changed if not name.startswith(unread)} if unread else changed

    def _entries(self, root: bytes, folder: bytes) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    yield os.path.join(folder, entry.name), entry
        except FileNotFoundError:  # it went meanwhile
            return
        except OSError:
            self.unread.add(folder)

    def _note(self, name: bytes, entry: os.DirEntry[bytes]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:  # it went meanwhile
            return
        self.files[name] = (status.st_mtime_ns, status.st_size)
        if len(self.files) > MAX_FILES:
            raise TooManyFilesError
