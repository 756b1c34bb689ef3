"""Where agent-otel keeps things: XDG folders, all under ``agent-otel``; ``AGENT_OTEL_HOME`` moves every one of them."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_APP: Final = "agent-otel"


def state_dir(environ: Mapping[str, str] = os.environ) -> str:
    """Spool, open executions, pid files and logs."""
    return _place(environ, "state", "XDG_STATE_HOME", ".local/state")


def data_dir(environ: Mapping[str, str] = os.environ) -> str:
    """The embedded database."""
    return _place(environ, "data", "XDG_DATA_HOME", ".local/share")


def cache_dir(environ: Mapping[str, str] = os.environ) -> str:
    """Tools built by `agent-otel tools install`; safe to delete."""
    return _place(environ, "cache", "XDG_CACHE_HOME", ".cache")


def config_dir(environ: Mapping[str, str] = os.environ) -> str:
    """The user's ``config.env``."""
    return _place(environ, "config", "XDG_CONFIG_HOME", ".config")


def _place(environ: Mapping[str, str], kind: str, variable: str, fallback: str) -> str:
    own_home = environ.get("AGENT_OTEL_HOME")
    if own_home:
        return os.path.join(os.path.abspath(own_home), kind)
    base = environ.get(variable, "")
    # The XDG base directory specification: a relative path is invalid and must be ignored.
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), fallback)
    return os.path.join(base, _APP)
