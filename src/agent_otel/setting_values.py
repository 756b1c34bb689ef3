"""How the values of settings are read: each raises ValueError that says what is expected."""

from __future__ import annotations

from agent_otel.redaction import CAPTURE_MODES
from agent_otel.settings_file import percent_decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MIN_SPOOL: Final = 1024**2
MAX_SPOOL: Final = 64 * 1024**3
MAX_SEND_MILLISECONDS: Final = 60_000
_UNITS: Final = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_FLAGS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
#: Values of OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, OpenTelemetry's own switch.
_CAPTURE_ALIASES: Final = {
    "false": "metadata",
    "no_content": "metadata",
    "true": "full",
    "span_only": "full",
    "event_only": "full",
    "span_and_event": "full",
}


def endpoint(value: str) -> str:
    """Base URL of an OTLP/HTTP receiver."""
    scheme, separator, rest = value.strip().rstrip("/").partition("://")
    host = rest.partition("/")[0]
    if not separator or scheme not in ("http", "https") or not host or "@" in host:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT of an OTLP/HTTP receiver")
    return f"{scheme}://{rest}"


def headers(value: str) -> tuple[tuple[str, str], ...]:
    """Name and value pairs."""
    pairs = []
    for member in filter(None, (part.strip() for part in value.split(","))):
        key, separator, content = member.partition("=")
        if not separator or not key.strip() or any(c in member for c in "\r\n"):
            raise ValueError("expected name=value,name=value with values percent-encoded")
        pairs.append((key.strip(), percent_decoded(content.strip())))
    return tuple(pairs)


def capture(value: str) -> str:
    """A capture mode, also in the words of OpenTelemetry's own switch."""
    mode = _CAPTURE_ALIASES.get(value.strip().lower(), value.strip().lower())
    if mode not in CAPTURE_MODES:
        raise ValueError(f"expected one of {', '.join(CAPTURE_MODES)}")
    return mode


def flag(value: str) -> bool:
    """true or false."""
    word = value.strip().lower()
    if word not in _FLAGS:
        raise ValueError(f"expected one of {', '.join(_FLAGS)}")
    return _FLAGS[word]


def size(value: str) -> int:
    """A number of bytes."""
    number, unit = value.strip(), 1
    for suffix, factor in _UNITS.items():
        if number.endswith(suffix):
            number, unit = number.removesuffix(suffix).strip(), factor
            break
    if not number.isdecimal() or not MIN_SPOOL <= int(number) * unit <= MAX_SPOOL:
        raise ValueError("expected a number of bytes, KiB, MiB or GiB between 1 MiB and 64 GiB")
    return int(number) * unit


def seconds(value: str) -> float:
    """Seconds between beats."""
    seconds = float(value)
    if not 1 <= seconds <= 3600:
        raise ValueError("expected seconds between 1 and 3600")
    return seconds


def milliseconds(value: str) -> int:
    """How long a call waits."""
    if not value.strip().isdecimal() or not 1 <= int(value) <= MAX_SEND_MILLISECONDS:
        raise ValueError(f"expected whole milliseconds from 1 to {MAX_SEND_MILLISECONDS}")
    return int(value)


def optional(value: str) -> str | None:
    """Any text; none when it is blank."""
    return value.strip() or None
