"""Which files an execution changed: in a git work tree by git, else by modification time and size.

Standard library only and little of it; nothing here raises. What others change meanwhile counts as well: nobody can
tell who wrote a file.
"""

from __future__ import annotations

import errno
import os

from agent_otel import plain_json
from agent_otel.attribute_value import text
from agent_otel.folder_scan import MAX_FILES, FolderScan, TooManyFilesError
from agent_otel.git_tree import GitTree, prefix_in_work_tree
from agent_otel.settings_file import git_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_PLACES: Final = ("_folder", "_without", "_prefix")


class FileTracking:
    """A folder as it was when the execution began. `problem`: why nothing, or not all, is known; empty when all is."""

    def __init__(self) -> None:
        self._folder = b""
        self._without = b""
        self._prefix = b""
        self._tree: GitTree | None = None
        self._scan: FolderScan | None = None
        self.problem = ""

    @classmethod
    def begin(cls, path: str, *, without: str = "") -> FileTracking:
        """Remember the folder `path`. Files below the folder `without` do not count."""
        tracking = cls()
        try:
            tracking._folder = os.path.realpath(os.fsencode(path))
            tracking._without = os.path.realpath(os.fsencode(without)) if without else b""
            tracking._remember()
        except (OSError, ValueError, TypeError) as error:
            tracking.problem = f"{path}: {getattr(error, 'strerror', '') or error}"
        except TooManyFilesError:
            tracking.problem = f"{path}: more than {MAX_FILES} files: which of them change is not tracked"
        return tracking

    def modified(self) -> list[str]:
        """Files that were created, changed or deleted since: relative to the folder, sorted, separated by ``/``."""
        try:
            found = self._changed()
        except (OSError, ValueError) as error:
            self.problem = f"{self._shown}: {error}"
            return []
        except TooManyFilesError:
            self.problem = f"{self._shown}: more than {MAX_FILES} files now: which of them changed is not known"
            return []
        if self._without.startswith(self._folder + b"/"):
            ours = self._without.removeprefix(self._folder + b"/") + b"/"
            found = {name for name in found if not name.startswith(ours)}
        return sorted(text(os.fsdecode(name)) for name in found)

    def dumps(self) -> str:
        """As one line of JSON, for another process."""
        scan = self._scan
        return plain_json.dumps(
            {
                **{name: getattr(self, name).decode("latin-1") for name in _PLACES},
                "problem": self.problem,
                "tree": self._tree.as_object() if self._tree else None,
                "files": {name.decode("latin-1"): seen for name, seen in scan.files.items()} if scan else None,
                "unread": [name.decode("latin-1") for name in scan.unread] if scan else [],
            }
        )

    @classmethod
    def loads(cls, dumped: str) -> FileTracking:
        """What `dumps` wrote; anything else tracks nothing, and says so."""
        try:
            return cls._from_object(plain_json.loads(dumped))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            damaged = cls()
            damaged.problem = "what was kept of the files at the start is damaged"
            return damaged

    @classmethod
    def _from_object(cls, members: dict[str, Any]) -> FileTracking:
        tracking = cls()
        for name in _PLACES:
            setattr(tracking, name, members[name].encode("latin-1"))
        tracking.problem = str(members["problem"])
        if members["tree"] is not None:
            tracking._tree = GitTree.from_object(members["tree"])
        if members["files"] is not None:
            files = {name.encode("latin-1"): (int(time), int(size)) for name, (time, size) in members["files"].items()}
            tracking._scan = FolderScan(files, {name.encode("latin-1") for name in members["unread"]})
        return tracking

    @property
    def _shown(self) -> str:
        return text(os.fsdecode(self._folder))

    @property
    def _top(self) -> bytes:
        """The top of the work tree."""
        return self._folder[: -len(self._prefix)] if self._prefix else self._folder

    def _remember(self) -> None:
        if not os.path.isdir(self._folder):
            raise NotADirectoryError(errno.ENOTDIR, "is no folder: which files change is not tracked")
        prefix = prefix_in_work_tree(self._folder) if git_root(os.fsdecode(self._folder)) else None
        if prefix is not None:
            self._prefix = prefix
            self._tree = GitTree.of(self._top, prefix)
        if self._tree is None:
            self._prefix = b""
            self._scan = FolderScan.of(self._folder, self._without)
            self._tell_unread(self._scan)
        elif len(self._tree.dirty) > MAX_FILES:
            self._tree = None
            raise TooManyFilesError

    def _changed(self) -> set[bytes]:
        if self._tree is not None:
            found = self._tree.changed(self._top, self._prefix)
            if found is None:
                self.problem = f"{self._shown}: git does not say any more which files changed"
                return set()
            return {name.removeprefix(self._prefix) for name in found if name.startswith(self._prefix)}
        if self._scan is None:
            return set()
        now = FolderScan.of(self._folder, self._without)
        self._tell_unread(now)
        return now.changed_since(self._scan)

    def _tell_unread(self, scan: FolderScan) -> None:
        if scan.unread and not self.problem:
            folder = text(os.fsdecode(os.path.join(self._folder, min(scan.unread))))
            self.problem = f"{folder}: cannot be read: which of its files change is not known"
