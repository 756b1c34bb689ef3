"""A real git repository to change files in."""

import os
import subprocess
from pathlib import Path

_SETTINGS = ("user.name=a", "user.email=a@example.org", "commit.gpgSign=false", "protocol.file.allow=always")


class GitRepository:
    """A work tree; its first commit holds `kept.txt` and `sub/kept.txt`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet")
        self.write("kept.txt", "as committed\n")
        self.write("sub/kept.txt", "as committed\n")
        self.commit()

    def git(self, *words: str) -> str:
        """Run git in it."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = ["git", *settings, *words]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        """Everything that is there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "m")

    def write(self, name: str, content: str) -> None:
        """Create or overwrite a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def write_bytes_name(self, name: bytes) -> None:
        """Create a file whose name need not be UTF-8."""
        (self.folder / os.fsdecode(name)).write_bytes(b"x")
