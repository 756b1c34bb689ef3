"""W3C Trace Context and Baggage in the environment: what the calling process handed on, what a child is given.

https://www.w3.org/TR/trace-context/, https://www.w3.org/TR/baggage/; the names in the environment are those of
https://opentelemetry.io/docs/specs/otel/context/env-carriers/.
"""

from __future__ import annotations

import os

from agent_otel import semconv as s
from agent_otel.settings_file import percent_decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from agent_otel.open_execution import OpenExecution

SAMPLED: Final = 0x01
#: The last seven bytes of the trace id are random (Trace Context level 2).
RANDOM: Final = 0x02
_DIGITS: Final = frozenset("0123456789abcdef")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class RemoteSpan:
    """A span of another process."""

    __slots__ = ("flags", "span_id", "trace_id", "trace_state")

    def __init__(self, trace_id: int, span_id: int, flags: int, trace_state: str = "") -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.trace_state = trace_state


def parse(traceparent: str, trace_state: str = "") -> RemoteSpan | None:
    """The span that a traceparent names; None when it is malformed."""
    parts = traceparent.strip().split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    version, trace, span, flags = parts[:4]
    if not _DIGITS.issuperset(version + trace + span + flags) or version == "ff" or (version == "00" and parts[4:]):
        return None
    found = RemoteSpan(int(trace, 16), int(span, 16), int(flags, 16) & (SAMPLED | RANDOM), trace_state)
    return found if found.trace_id and found.span_id else None


def baggage(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The members of ``BAGGAGE``, decoded; what is malformed is passed over."""
    members = {}
    for member in environ.get("BAGGAGE", "").split(","):
        name, separator, value = member.partition(";")[0].partition("=")
        if separator:
            try:
                members[name.strip()] = percent_decoded(value.strip())
            except ValueError:
                continue
    return members


def inherited(execution_id: str | None = None, environ: Mapping[str, str] = os.environ) -> RemoteSpan | None:
    """The span around this process; with an id, only when it belongs to that execution."""
    if execution_id is not None and baggage(environ).get(s.EXECUTION_ID) != execution_id:
        return None
    return parse(environ.get("TRACEPARENT", ""), environ.get("TRACESTATE", ""))


def variables(
    execution: OpenExecution, span_id: int | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment in which a child process continues the execution, or a step of it; others' baggage travels on."""
    span = execution.span_id if span_id is None else span_id
    members = {s.EXECUTION_ID: execution.execution_id, s.SESSION_ID: execution.session_id}
    ours = [f"{name}={_encoded(value)}" for name, value in members.items() if value]
    others = [member.strip() for member in environ.get("BAGGAGE", "").split(",")]
    kept = [member for member in others if "=" in member and member.partition("=")[0].strip() not in members]
    found = {
        "TRACEPARENT": f"00-{execution.trace_id:032x}-{span:016x}-{execution.trace_flags:02x}",
        "BAGGAGE": ",".join([*ours, *kept]),
    }
    around = inherited(environ=environ)
    if environ.get("TRACESTATE") and (around is None or around.trace_id != execution.trace_id):
        found["TRACESTATE"] = ""  # it is of another trace
    return found


def _encoded(value: str) -> str:
    """Percent-encoded; safe between single quotes of a shell, too."""
    if _UNRESERVED.issuperset(value):
        return value
    raw = value.encode(errors="backslashreplace")
    return "".join(chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in raw)
