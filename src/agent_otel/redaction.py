"""What of the content leaves the process: the one place that every attribute passes before it is kept or sent.

``full`` keeps everything. ``metadata`` replaces each content by its length and SHA-256. ``minimal`` also keeps no tool
arguments, nothing of what was done that repeats them (actions, commands, API calls), no observations, no error texts
and no texts of verdicts, issues and learning, not even as a hash: short texts can be guessed from one.
"""

from __future__ import annotations

from agent_otel import plain_json
from agent_otel import semconv as s
from agent_otel.digest import sha256 as _sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, TypeVar

    from agent_otel.model import Capture

    V = TypeVar("V")

CAPTURE_MODES: Final = ("full", "metadata", "minimal")

#: Attributes that ``minimal`` leaves out altogether.
DROPPED_BY_MINIMAL: Final = frozenset(
    {
        s.GEN_AI_TOOL_CALL_ARGUMENTS,
        s.STEP_ACTION,
        s.COMMANDS_EXECUTED,
        s.API_CALLS,
        s.STEP_OBSERVATION,
        s.ERROR_MESSAGE,
        s.EXCEPTION_MESSAGE,
        s.EXCEPTION_STACKTRACE,
        s.GEN_AI_EVALUATION_EXPLANATION,
        s.EXPECTED_VS_ACTUAL,
        s.ISSUE_DESCRIPTION,
        s.ISSUE_IMPACT,
        s.ISSUE_RESOLUTION,
        s.ISSUE_PREVENTION,
        s.LEARNING_INSIGHTS,
        s.LEARNING_IMPROVEMENTS,
        s.LEARNING_PERFORMANCE,
        s.LEARNING_RECOMMENDATION,
    }
)
_CONCERNED: Final = s.CONTENT_ATTRIBUTES | DROPPED_BY_MINIMAL


def clean(attributes: Mapping[str, V], mode: Capture) -> Mapping[str, V | str | int]:
    """The attributes that `mode` lets pass, in their order."""
    if mode == "full" or _CONCERNED.isdisjoint(attributes):
        return attributes
    kept: dict[str, V | str | int] = {}
    for key, value in attributes.items():
        if mode == "minimal" and key in DROPPED_BY_MINIMAL:
            continue
        if key in s.CONTENT_ATTRIBUTES:
            content = value if isinstance(value, str) else plain_json.dumps(value, default=str)
            kept[key + s.CONTENT_LENGTH_SUFFIX] = len(content)
            kept[key + s.CONTENT_SHA256_SUFFIX] = sha256(content)
        else:
            kept[key] = value
    return kept


def error_text(message: str | None, mode: Capture) -> str | None:
    """The description of a span's status that `mode` lets pass."""
    return None if mode == "minimal" else message


def sha256(content: str) -> str:
    """SHA-256 of the text's UTF-8, as hex."""
    return str(_sha256(content.encode(errors="backslashreplace")).hexdigest())
