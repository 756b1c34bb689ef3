"""What `git status` and `git diff-tree` say of a work tree: its commit, and the files that are not as in it."""

from __future__ import annotations

from agent_otel.file_identity import REPOSITORY, FileIdentity
from agent_otel.git_command import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: The tree without a file, by the number of digits of the repository's ids: what a branch without a commit holds.
EMPTY_TREES: Final = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_NO_FILE: Final = "000000"
_HEAD: Final = b"# branch.oid "
#: Fields before the path, by the kind of line (git-status(1), "Porcelain Format Version 2"), and where mode and id of
#: the committed file, and the mode of the file on the disk, stand in it.
_FIELDS: Final = {b"1": 8, b"u": 10}
_PLACES: Final = {b"1": (3, 6, 5), b"u": (4, 8, 6)}


class Dirty:
    """A file that is not as committed. `committed`: None for one that is not. `mode`: on the disk, empty if unknown."""

    __slots__ = ("committed", "is_repository", "mode")

    def __init__(self, committed: FileIdentity | None, mode: str, *, is_repository: bool) -> None:
        self.committed = committed
        self.mode = mode
        self.is_repository = is_repository


class GitStatus:
    """`head`: id of the commit, or of the empty tree; `dirty` by path, relative to the top of the work tree."""

    __slots__ = ("dirty", "head")

    def __init__(self, head: str, dirty: dict[bytes, Dirty]) -> None:
        self.head = head
        self.dirty = dirty


def status(root: bytes, prefix: bytes) -> GitStatus | None:
    """Ask git about what lies below `prefix` (all, when empty) in the work tree `root`; None when it does not say."""
    words = (b"--porcelain=v2", b"-z", b"--branch", b"--untracked-files=all", b"--no-renames")
    said = git(root, b"status", *words, b"--ignore-submodules=none", b"--", *_below(prefix))
    if said is None:
        return None
    found = GitStatus("", {})
    for line in said.split(b"\0"):
        if line.startswith(_HEAD):
            found.head = line.removeprefix(_HEAD).decode("ascii", "replace")
        else:
            _take(line, found.dirty)
    if found.head == "(initial)":
        found.head = _empty_tree(root)
    return found


def tree_changes(root: bytes, prefix: bytes, before: str, after: str) -> dict[bytes, Dirty] | None:
    """Files in which two commits differ, with what the first has of them; None when git cannot compare them."""
    if before == after:
        return {}
    words = (b"-r", b"-z", b"--raw", b"--no-renames", b"--no-ext-diff", b"--ignore-submodules=none")
    said = git(root, b"diff-tree", *words, before.encode(), after.encode(), b"--", *_below(prefix))
    if said is None:
        return None
    fields = said.split(b"\0")
    return {path: _of_change(change) for change, path in zip(fields[::2], fields[1::2], strict=False)}


def _below(prefix: bytes) -> list[bytes]:
    return [b":(literal)" + prefix] if prefix else []


def _of_change(change: bytes) -> Dirty:
    mode, mode_after, content, *_ = change.decode("ascii", "replace").lstrip(":").split()
    return Dirty(_identity(mode, content), "", is_repository=REPOSITORY in (mode, mode_after))


def _take(line: bytes, dirty: dict[bytes, Dirty]) -> None:
    kind, _, rest = line.partition(b" ")
    if kind == b"?":
        path = rest.rstrip(b"/")
        dirty.setdefault(path, Dirty(None, "", is_repository=rest.endswith(b"/")))
    elif kind in _FIELDS:
        *fields, path = line.split(b" ", _FIELDS[kind])
        mode, content, on_disk = (fields[place].decode("ascii", "replace") for place in _PLACES[kind])
        shown = "" if on_disk == _NO_FILE else on_disk
        dirty[path] = Dirty(_identity(mode, content), shown, is_repository=fields[2].startswith(b"S"))


def _identity(mode: str, content: str) -> FileIdentity | None:
    return None if mode == _NO_FILE else FileIdentity(mode, content)


def _empty_tree(root: bytes) -> str:
    said = git(root, b"rev-parse", b"--show-object-format") or b""
    return EMPTY_TREES[64 if said.strip() == b"sha256" else 40]
