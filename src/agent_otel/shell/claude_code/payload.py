"""What a hook is given on standard input: one JSON object."""

from __future__ import annotations

import os

from agent_otel import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

#: More than this is not read: a record could not carry it.
MAX_BYTES: Final = 64 * 1024**2
#: Variables whose names hold one of these, or have one as a word, are secrets, if their values are long enough.
_SECRET_PARTS: Final = ("TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "PRIVATE", "DBPASS")
_SECRET_WORDS: Final = frozenset({"KEY", "KEYS", "AUTH", "PASS", "COOKIE", "DSN", "HEADERS"})
_MIN_SECRET: Final = 8
#: How deep in JSON within JSON a secret is looked for: the payload, what a tool prints, what stands in that.
_LEVELS: Final = 3


class Payload:
    """One event. Fields that are missing or of another type are empty: payloads differ from version to version."""

    __slots__ = (
        *("agent_id", "agent_type", "cwd", "event", "fields", "prompt_id", "received", "session_id", "tool_name"),
        *("tool_use_id", "transcript"),
    )

    def __init__(self, fields: Mapping[str, Any], received: int) -> None:
        self.fields = fields
        #: ns since the epoch
        self.received = received
        self.event = self.text("hook_event_name")
        self.session_id = self.text("session_id")
        # Before 2.1.196 there was no prompt_id: then the session is one execution.
        self.prompt_id = self.text("prompt_id") or self.session_id
        self.agent_id = self.text("agent_id")
        self.agent_type = self.text("agent_type")
        self.tool_name = self.text("tool_name")
        self.tool_use_id = self.text("tool_use_id")
        self.transcript = self.text("transcript_path")
        self.cwd = self.text("cwd")

    def text(self, name: str) -> str:
        """A field that is a text; half a surrogate pair, which no file takes, as its escape."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            return ""
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A field that is an object."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}


def read(descriptor: int, received: int) -> Payload:
    """The payload, without the secrets of our environment. Raises ValueError that says what is wrong with it."""
    raw = _everything(descriptor)
    try:
        fields = plain_json.loads(without_secrets(raw.decode(errors="replace"), os.environ))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(fields, dict):
        raise TypeError("expected a JSON object, as Claude Code gives its hooks")
    payload = Payload(fields, received)
    for name in ("hook_event_name", "session_id"):
        if not payload.text(name):
            raise ValueError(f"{name} is missing, or is no text")
    return payload


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """The text, JSON or not, with the values of secret variables replaced by their names.

    The environment of a hook is that of the agent, and what a tool prints may repeat it: as it is, in JSON, or in JSON
    that stands in JSON. The longest first: one may be a part of another.
    """
    secrets = [(value, name) for name, told in environ.items() for value in _secrets(name, told)]
    for value, name in sorted(secrets, key=lambda pair: -len(pair[0])):
        spelled = [value]
        for _ in range(_LEVELS):
            spelled.append(plain_json.dumps(spelled[-1])[1:-1])
        for spelling in dict.fromkeys(spelled):
            if spelling in text:
                text = text.replace(spelling, f"[{name}]")
    return text


def _secrets(name: str, value: str) -> list[str]:
    """What of a variable must not be told: all of it, the password in an address, or nothing."""
    in_address = value.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]
    found = value if _is_secret(name.upper()) else in_address
    return [found] if len(found) >= _MIN_SECRET else []


def _is_secret(name: str) -> bool:
    """By its name. PWD alone is where one works, and OLDPWD is one word."""
    of_words = name.endswith("_PWD") or _SECRET_WORDS.intersection(name.split("_"))
    return bool(of_words) or any(part in name for part in _SECRET_PARTS)


def _everything(descriptor: int) -> bytes:
    parts, size = [], 0
    while part := os.read(descriptor, 1 << 20):
        size += len(part)
        if size > MAX_BYTES:
            raise ValueError(f"longer than {MAX_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
