"""What records say of single model requests: Claude Code's telemetry and what its hooks read in the transcript.

A request may be told of by both, any number of times. Facts of a request, merged by rank as those of executions:
`figures` (telemetry above transcript, later above earlier), who made it as a hook said (`stated`), the `agent` and the
`prompt` that telemetry names, and by whom it was told (`telemetry`, `transcript`).
"""

import math
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson

from agent_otel import semconv
from agent_otel.exporter.limits import MAX_TEXT
from agent_otel.store.rows import EventRow, ModelRequest

#: How the request id begins that stands for one in telemetry that has none (then the record's own id follows).
UNNAMED: Final = "event:"
#: More tokens, dollars or requests than these are a mistake, not a measurement.
MAX_TOKENS: Final = 10**15
MAX_COST_USD: Final = 10**9
MAX_REQUESTS: Final = 10_000
_MAX_NS: Final = 2**64 - 1

_TRANSCRIPT: Final = "1"
_TELEMETRY: Final = "2"
_TOLD: Final = ("", True)
_ID: Final = re.compile(r"[!-~]{1,255}")
#: By our name, telemetry's.
_COUNTS: Final = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_creation": "cache_creation_tokens",
}
_OWN_NAMES: Final = {name: name for name in _COUNTS}


def id_text(value: object) -> str | None:
    """An id that can be part of a key: visible ASCII, at most 255 characters."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def by_telemetry(attributes: Mapping[str, Any], row: EventRow) -> dict[str, Any] | None:
    """The facts of the request that a log record tells of; None when it has no token counts."""
    figures = _figures(attributes, _COUNTS, _nanoseconds(row))
    if figures is None:
        return None
    cost = _cost(attributes.get("cost_usd"))
    return {"figures": [_rank(_TELEMETRY, row), figures | ({} if cost is None else {"cost": cost})], "telemetry": _TOLD}


def owned_by(**owners: uuid.UUID | None) -> dict[str, Any]:
    """Facts on whose request it is. Should two records disagree, the larger id stands, whichever came first."""
    return {kind: [str(owner), str(owner)] for kind, owner in owners.items() if owner is not None}


def by_hook(row: EventRow, attributes: Mapping[str, Any]) -> tuple[ModelRequest, ...]:
    """The requests that a hook's record says its execution made; what cannot be read is left out."""
    text, session_id = attributes.get(semconv.MODEL_REQUESTS), id_text(attributes.get(semconv.SESSION_ID))
    if row.execution_id is None or session_id is None or not isinstance(text, str):
        return ()
    rank, owner = _rank(_TRANSCRIPT, row), str(uuid.UUID(bytes=row.execution_id))
    told: dict[str, ModelRequest] = {}
    for request in _listed(text):
        request_id = id_text(request.get("id"))
        if request_id is None or request_id.startswith(UNNAMED):
            continue
        facts: dict[str, Any] = {"stated": [rank, owner]}
        figures = _figures(request, _OWN_NAMES, _time(request.get("time")) or _nanoseconds(row))
        if figures is not None:
            facts |= {"figures": [rank, figures], "transcript": _TOLD}
        told[request_id] = ModelRequest(session_id, request_id, facts)
    return tuple(told.values())


def _listed(text: str) -> list[dict[str, Any]]:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    members = parsed[:MAX_REQUESTS] if isinstance(parsed, list) else []
    return [member for member in members if isinstance(member, dict)]


def _rank(source: str, row: EventRow) -> str:
    return f"{source}{_nanoseconds(row):016x}{row.digest[:8].hex()}"


def _nanoseconds(row: EventRow) -> int:
    return row.time * 1000 + row.time_ns


def _figures(said: Mapping[str, Any], names: Mapping[str, str], time: int) -> dict[str, Any] | None:
    counts = {name: _count(said.get(spelled)) for name, spelled in names.items()}
    if all(count is None for count in counts.values()):
        return None
    figures: dict[str, Any] = {**counts, "model": _label(said.get("model")), "time": time}
    return {name: value for name, value in figures.items() if value is not None}


def _count(value: object) -> int | None:
    """A number of tokens; Claude Code sends some numbers as text."""
    number = _number(value)
    return int(number) if number is not None and number <= MAX_TOKENS else None


def _cost(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number <= MAX_COST_USD else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _time(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_NS else None


def _label(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) and value.isprintable() else None
