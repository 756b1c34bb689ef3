"""A git work tree at a moment, and which files are another than they were then: by commits, status and content.

Repositories inside it, submodules or not, are trees of their own.
"""

from __future__ import annotations

import os

from agent_otel.file_identity import FileIdentity, look
from agent_otel.git_command import git
from agent_otel.git_status import EMPTY_TREES, status, tree_changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from agent_otel.git_status import Dirty

#: Repositories inside repositories are looked at as deep as this.
MAX_DEPTH: Final = 8
_IDENTITY_FIELDS: Final = ("mode", "content", "size", "modified")


class GitTree:
    """`head`: what was checked out; `dirty`: the files that were not as committed, None for one that was missing;
    `inner`: the trees inside that were not as committed.
    """

    __slots__ = ("dirty", "head", "inner")

    def __init__(self, head: str, dirty: dict[bytes, FileIdentity | None], inner: dict[bytes, GitTree]) -> None:
        self.head = head
        self.dirty = dirty
        self.inner = inner

    @classmethod
    def of(cls, root: bytes, prefix: bytes = b"", depth: int = 0) -> GitTree | None:
        """What lies below `prefix` in the work tree `root`; None when git does not say."""
        now = status(root, prefix)
        if now is None:
            return None
        files = [path for path, dirty in now.dirty.items() if not dirty.is_repository]
        inner = {}
        for path in now.dirty.keys() - set(files):
            found = cls.of(os.path.join(root, path), b"", depth + 1) if _is_inner(root, path, depth) else None
            if found is not None:
                inner[path] = found
        return cls(now.head, look(root, files, len(now.head)), inner)

    def changed(self, root: bytes, prefix: bytes = b"", depth: int = 0) -> set[bytes] | None:
        """Files that are not what they were, relative to `root`; None when git cannot say."""
        now = status(root, prefix)
        moved = tree_changes(root, prefix, self.head, now.head) if now else None
        if now is None or moved is None:
            return None
        differing = {**now.dirty, **moved}
        inner = self.inner.keys() | {path for path, dirty in differing.items() if dirty.is_repository}
        found = self._changed_files(root, now.dirty, moved, inner, len(now.head))
        for path in inner:
            found |= self._changed_inside(root, path, differing.get(path), depth)
        return found

    def _changed_files(
        self, root: bytes, dirty: dict[bytes, Dirty], moved: dict[bytes, Dirty], inner: set[bytes], digits: int
    ) -> set[bytes]:
        seen = (self.dirty.keys() | dirty.keys()) - inner
        on_disk = look(root, seen, digits)
        found = moved.keys() - seen - inner
        for path in seen:
            now = on_disk[path]
            if path in self.dirty:
                was = self.dirty[path]
            else:
                was = (moved.get(path) or dirty[path]).committed
                if now is not None and dirty[path].mode:
                    now.mode = dirty[path].mode  # as the repository's settings have it
            if now is None or was is None:
                if now is not was:
                    found.add(path)
            elif now.is_other_than(was):
                found.add(path)
        return found

    def _changed_inside(self, root: bytes, path: bytes, differing: Dirty | None, depth: int) -> set[bytes]:
        """The changed files of a repository inside; the repository itself when it went, or nobody can say."""
        was = self.inner.get(path)
        if was is None:
            committed = differing.committed if differing else None
            head = committed.content if committed else EMPTY_TREES[len(self.head)]
            was = GitTree(head, {}, {})
        known = was.changed(os.path.join(root, path), b"", depth + 1) if _is_inner(root, path, depth) else None
        return {path} if known is None else {os.path.join(path, name) for name in known}

    def as_object(self) -> dict[str, Any]:
        """For JSON: names as Latin-1, which has a character for each byte."""
        return {
            "head": self.head,
            "dirty": {
                path.decode("latin-1"): file and [getattr(file, name) for name in _IDENTITY_FIELDS]
                for path, file in self.dirty.items()
            },
            "inner": {path.decode("latin-1"): tree.as_object() for path, tree in self.inner.items()},
        }

    @classmethod
    def from_object(cls, members: dict[str, Any]) -> GitTree:
        """What `as_object` made. Raises KeyError, TypeError or ValueError for anything else."""
        dirty = {path.encode("latin-1"): file and FileIdentity(*file) for path, file in members["dirty"].items()}
        inner = {path.encode("latin-1"): cls.from_object(tree) for path, tree in members["inner"].items()}
        return cls(members["head"], dirty, inner)


def prefix_in_work_tree(folder: bytes) -> bytes | None:
    """Where a folder lies in its work tree (empty: at the top); None when it lies in none, or is ignored there.

    `folder` is a real path, without symbolic links.
    """
    said = git(folder, b"rev-parse", b"--is-inside-work-tree", b"--show-prefix")
    if said is None or not said.startswith(b"true\n"):
        return None
    prefix = said.removeprefix(b"true\n").removesuffix(b"\n")
    top = folder[: -len(prefix)] if prefix else folder
    is_ignored = prefix and git(top, b"check-ignore", b"--quiet", b"--", b"./" + prefix) is not None
    return None if is_ignored else prefix


def _is_inner(root: bytes, path: bytes, depth: int) -> bool:
    """Whether there is a repository, that git would not go up to the outer one from there."""
    return depth < MAX_DEPTH and os.path.lexists(os.path.join(root, path, b".git"))
