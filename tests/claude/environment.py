"""The environment in which the CLI may run, and the only one: nothing of ours, of the user's or of a calling agent's.

A CLI that inherited a real key, a real endpoint or a real home would talk to somebody, cost money and write into
somebody's history. So whoever starts it passes its environment through `require_clean`, which raises.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

#: What a value that stands for a secret begins with, so that a real one is never taken for it.
CANARY: Final = "canary-"
_SWITCHES: Final = (
    "DISABLE_AUTOUPDATER",
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
)
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FOLDERS: Final = ("HOME", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_TMPDIR", "AGENT_OTEL_HOME")
_URLS: Final = ("ANTHROPIC_BASE_URL", "AGENT_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SECRETS: Final = (
    "ANTHROPIC_API_KEY",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_PASSWORD",
    "SLACK_BOT_TOKEN",
)
_REQUIRED: Final = frozenset(
    {"PATH", "HOME", "CLAUDE_CONFIG_DIR", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", *_SWITCHES}
)
#: Whose values tell nothing about anybody; each with the values that it may have.
_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": ("1",),
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": ("1",),
    "OTEL_METRICS_EXPORTER": ("otlp", "none"),
    "OTEL_LOGS_EXPORTER": ("otlp",),
    "OTEL_TRACES_EXPORTER": ("otlp",),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("http/protobuf", "http/json"),
    "CLAUDE_CODE_MAX_RETRIES": ("0", "1", "2", "3"),
    "PYTHONDONTWRITEBYTECODE": ("1",),
    "TERM": ("xterm-256color",),
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": ("1",),
    "AGENT_OTEL_SEND_MILLISECONDS": ("20000",),
}
_TELEMETRY: Final = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}


class UncleanEnvironmentError(Exception):
    """The CLI was about to be started with something that it must not see. The message names it, never its value."""


def clean_environment(folder: Path, model_url: str, *programs: Path) -> dict[str, str]:
    """The environment for a CLI whose every file is in `folder`, whose model is at `model_url` (on this machine).

    `programs`: folders to look for programs in, before the system's.
    """
    environ = {
        "PATH": ":".join([*map(str, programs), _SYSTEM_PATH]),
        "HOME": str(folder / "home"),
        "CLAUDE_CONFIG_DIR": str(folder / "config"),
        "CLAUDE_CODE_TMPDIR": str(folder / "tmp"),
        "ANTHROPIC_BASE_URL": model_url,
        **{name: f"{CANARY}{name.lower()}-{folder.name}" for name in _SECRETS},
        **dict.fromkeys(_SWITCHES, "1"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    require_clean(environ, folder)
    return environ


def telemetry(endpoint: str) -> dict[str, str]:
    """What switches the CLI's own telemetry on, to a receiver on this machine."""
    return {**_TELEMETRY, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}


def canaries(environ: Mapping[str, str]) -> dict[str, str]:
    """The values that must be found nowhere afterwards, by name."""
    return {name: environ[name] for name in _SECRETS}


def require_clean(environ: Mapping[str, str], folder: Path) -> None:
    """Raise UncleanEnvironmentError unless this is exactly an environment for a CLI that lives in `folder`."""
    missing = _REQUIRED - environ.keys()
    if missing:
        raise UncleanEnvironmentError(f"not set: {', '.join(sorted(missing))}")
    for name, value in environ.items():
        if not _allowed(name, value, folder):
            raise UncleanEnvironmentError(f"{name} may not be passed to the CLI, or not with this value")


def _allowed(name: str, value: str, folder: Path) -> bool:
    if name == "PATH":
        return all(each.startswith("/") for each in value.split(":"))
    if name in _FOLDERS:
        return Path(value).is_absolute() and Path(value).resolve().is_relative_to(folder.resolve())
    if name in _URLS:
        return _is_local(value)
    if name in _SECRETS:
        return value.startswith(CANARY)
    if name in _SWITCHES:
        return value == "1"
    return value in _SETTINGS.get(name, ())


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname == "127.0.0.1" and parts.port is not None and not parts.username
