"""Passwords of the local stack: made once, at random, in a file that only its owner reads."""

import os
import secrets
from pathlib import Path
from typing import Final

_RANDOM_BYTES: Final = 32


def secret(path: Path) -> str:
    """Return the password in the file, which is made with a new one when it is not there. Safe in a URL as it is."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(_RANDOM_BYTES))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write the file so that others never see it, nor half of it."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "x", opener=_private) as file:
        file.write(text)
    unfinished.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
