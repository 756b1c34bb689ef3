"""A change of a whole file: checked before, made at once or not at all, and taken back when a later one fails."""

import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

from agent_otel.errors import ConfigurationError


class FileChange(NamedTuple):
    """What a file holds now, and what it is to hold. None: there is no such file."""

    path: Path
    before: bytes | None
    after: bytes | None

    def check(self) -> None:
        """Raises ConfigurationError where it could not be made, before anything is."""
        real = _real(self.path)
        if self.before is not None:
            mode = real.stat().st_mode
            # Root may write to what nobody shall write to; who took the right away meant it.
            if not mode & stat.S_IWUSR or not _may(real, os.W_OK):
                raise ConfigurationError(
                    f"{self.path} is read-only and left as it is; make it writable, then try again"
                )
        folder = next(folder for folder in real.parents if folder.exists())
        if not folder.is_dir() or not _may(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{folder} cannot be written to, {self.path} is left as it is")

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = _lines(self.before), _lines(self.after)
        names = ["/dev/null" if content is None else str(self.path) for content in (self.before, self.after)]
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in unified_diff(old, new, names[0], names[1])
        )

    def make(self) -> None:
        """Write or remove the file; a link to it stays a link. Raises ConfigurationError, and then nothing changed."""
        try:
            if content(self.path) != self.before:
                raise ConfigurationError(f"{self.path} was changed by somebody else just now; try again")
            if self.after is None:
                _real(self.path).unlink()
            else:
                _write(_real(self.path), self.after)
        except OSError as error:
            raise ConfigurationError(f"{self.path} is left as it is: {error.strerror or error}") from error

    def taken_back(self) -> "FileChange":
        """The change that undoes this one."""
        return FileChange(self.path, self.after, self.before)


def content(path: Path) -> bytes | None:
    """What a file holds; None when there is none. Raises ConfigurationError when it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} is not a file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def make(changes: Sequence[FileChange]) -> None:
    """Make all of them or none. Raises ConfigurationError."""
    made: list[FileChange] = []
    missing = [folder for change in changes for folder in missing_folders(change.path)]
    try:
        for change in changes:
            change.make()
            made.append(change)
    except ConfigurationError:
        for change in reversed(made):
            change.taken_back().make()
        remove_empty(missing)
        raise


def missing_folders(path: Path) -> list[Path]:
    """The folders that writing this file would make, the innermost first."""
    return [folder for folder in _real(path).parents if not folder.exists()]


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove these folders, the innermost first, as far as nothing is in them."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _write(path: Path, new: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            _keep_rights(path, number)
            file.write(new)
            file.flush()
            os.fsync(number)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _keep_rights(path: Path, number: int) -> None:
    """A new file has those of any other; one that is replaced keeps its own."""
    try:
        old = path.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(number, 0o666 & ~mask)
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(number, old.st_uid, old.st_gid)
    os.fchmod(number, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _lines(content: bytes | None) -> list[str]:
    return [] if content is None else content.decode(errors="replace").splitlines(keepends=True)
