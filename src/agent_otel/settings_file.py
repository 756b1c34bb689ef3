"""``KEY=VALUE`` files: the user's ``config.env`` and a project's ``.agent-otel.env``."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

USER_FILE: Final = "config.env"
PROJECT_FILE: Final = ".agent-otel.env"
#: Bytes of a settings file that are read; the rest is ignored and said so.
MAX_FILE_BYTES: Final = 64 * 1024
#: Folders that are searched upwards for a git repository.
MAX_PARENTS: Final = 64

#: Names whose values a checked-in file must not hold.
_SECRET_PARTS: Final = ("TOKEN", "PASSWORD", "SECRET", "DATABASE_URL", "HEADERS", "API_KEY")
#: Names that would let a project move or trust itself.
_NEVER_FROM_PROJECT: Final = ("AGENT_OTEL_HOME", "AGENT_OTEL_TRUST_PROJECT", "AGENT_OTEL_INSECURE_BIND")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def user_values(config_dir: str, problems: list[str]) -> dict[str, str]:
    """The user's own settings; anything ``AGENT_OTEL_*`` may stand there, secrets too."""
    return dict(_pairs(os.path.join(config_dir, USER_FILE), problems))


def project_values(root: str | None, trusted: bool, problems: list[str]) -> dict[str, str]:
    """A project's settings, without secrets and, unless trusted, without an endpoint on another machine."""
    values: dict[str, str] = {}
    if root is None:
        return values
    path = os.path.join(root, PROJECT_FILE)
    for name, value in _pairs(path, problems):
        if any(part in name for part in _SECRET_PARTS) or name in _NEVER_FROM_PROJECT:
            problems.append(f"{path}: {name} is refused in a project file; set it in the environment or in {USER_FILE}")
        elif name.endswith("ENDPOINT") and not trusted and not is_loopback(value):
            problems.append(
                f"{path}: {name}={value} is not on this machine and is refused; set it in the environment, or "
                f"AGENT_OTEL_TRUST_PROJECT=1 if you trust this project"
            )
        else:
            values[name] = value
    return values


def is_loopback(endpoint: str) -> bool:
    """Whether the URL's host is this machine; anything unclear is not."""
    authority = endpoint.partition("://")[2].partition("/")[0]
    if "@" in authority:
        return False
    host = authority[: authority.find("]") + 1] if authority.startswith("[") else authority.partition(":")[0]
    return host in _LOOPBACK


def git_root(start: str | None) -> str | None:
    """The folder with ``.git`` that encloses `start` (default: the working directory)."""
    try:
        folder = os.path.abspath(start or os.getcwd())
    except OSError:  # the working directory was deleted
        return None
    for _ in range(MAX_PARENTS):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return None


def percent_decoded(value: str) -> str:
    """``%41`` as ``A``, as in a URL. Raises ValueError for a lone percent sign."""
    if "%" not in value:
        return value
    head, *rest = value.encode().split(b"%")
    decoded = head + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in rest)
    if any(len(part) < 2 for part in rest):
        raise ValueError("a percent sign must be followed by two hex digits")
    return decoded.decode()


def _pairs(path: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_lines(path, problems), 1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.partition("=")
        if not separator or not name.strip().startswith("AGENT_OTEL_"):
            problems.append(f"{path}:{number}: expected AGENT_OTEL_NAME=VALUE; the line is ignored")
            continue
        yield name.strip(), _unquoted(value.strip())


def _lines(path: str, problems: list[str]) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            content = file.read(MAX_FILE_BYTES)
            if file.read(1):
                problems.append(f"{path}: only the first {MAX_FILE_BYTES} bytes are read")
            return content.splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not read: {error}")
        return []


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
