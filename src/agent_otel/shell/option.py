"""One option of a verb, and the kinds of value that options have."""

from __future__ import annotations

import os

from agent_otel import identity, plain_json
from agent_otel import semconv as s
from agent_otel.attribute_value import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

#: More tokens, dollars, files or milliseconds than this is a mistake of the caller, not a measurement.
MAX_COUNT: Final = 10**15
MAX_COST_USD: Final = 10**9
MAX_LATENCY_MS: Final = 365 * 24 * 3_600_000
#: Characters of a file; the exporter takes spans of 16 MiB.
MAX_FILE: Final = 15 * 1024**2
#: What a flag's parser is given when the flag stands alone.
FLAG: Final = "true"


class Option:
    """A named argument: how its value is read, where it goes, and what the help says.

    `attribute`: the span and event attribute that takes the value as it is. `example`: what stands for the value in the
    help; none for a flag. `many`: may be given more than once. `key`: where the value goes, when not by its name.
    """

    __slots__ = ("attribute", "example", "key", "many", "meaning", "name", "parse", "required")

    def __init__(
        self,
        name: str,
        parse: Callable[[object], Any],
        meaning: str,
        example: str = "TEXT",
        *,
        attribute: str = "",
        many: bool = False,
        required: bool = False,
        key: str = "",
    ) -> None:
        self.name = name
        self.key = key or name.lstrip("-").replace("-", "_")
        self.parse = parse
        self.meaning = meaning
        self.example = example
        self.attribute = attribute
        self.many = many
        self.required = required


def words(value: object) -> str:
    """Any text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text that is not empty")
    return text(value)


def any_text(value: object) -> str:
    """Any text; of a JSON line, any value, as JSON."""
    return text(value) if isinstance(value, str) else plain_json.dumps(value)


def file_text(value: object) -> str:
    """What a file holds, or standard input for ``-``: for texts that no command line takes."""
    path = words(value)
    source = 0 if path == "-" else path
    try:
        # newline="": line ends are part of the exact text.
        with open(source, encoding="utf-8", errors="surrogateescape", newline="", closefd=source != 0) as file:
            found = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"expected a file that can be read, or - for standard input: {error.strerror}") from None
    if len(found) > MAX_FILE:
        raise ValueError(f"expected at most {MAX_FILE} characters")
    return text(found)


def uuid(value: object) -> str:
    """A UUID, in the usual spelling."""
    parsed = identity.parse(value.strip()) if isinstance(value, str) else None
    if not parsed:
        raise ValueError("expected a UUID such as 0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11 (not the nil UUID)")
    return identity.spelled(parsed)


def correlation(value: object) -> str:
    """A correlation id: a UUID, or any other text."""
    found = words(value)
    identity.trace_id(found)
    return found


def json_object(value: object) -> dict[str, Any]:
    """A JSON object."""
    try:
        parsed = plain_json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise ValueError(f'expected a JSON object such as \'{{"key": "value"}}\': {error}') from None
    if not isinstance(parsed, dict):
        raise TypeError('expected a JSON object such as \'{"key": "value"}\'')
    return parsed


def configuration(value: object) -> str:
    """A JSON object, as JSON text, or any other text."""
    given = words(value)
    try:
        return plain_json.dumps(json_object(given))
    except (ValueError, TypeError):
        return given


def folder(value: object) -> str:
    """A folder that is there."""
    path = words(value)
    if not os.path.isdir(path):
        raise ValueError("expected a folder")
    return path


def issue(value: object) -> dict[str, Any]:
    """What went wrong: a text, or a JSON object with a description."""
    expected = 'expected a text, or a JSON object such as \'{"type": "WARNING", "description": "…"}\''
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return {"description": words(value)}
    try:
        found = json_object(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{expected}: {error}") from None
    if found.get("description") in (None, ""):
        raise ValueError(f"{expected}: description is missing")
    return found


def learning(value: object) -> dict[str, Any]:
    """What was learned: a JSON object that has something in it."""
    found = json_object(value)
    if not found:
        raise ValueError('expected a JSON object such as \'{"insights_gained": ["…"]}\'')
    return found


def json_text(value: object) -> str:
    """Any JSON value, as JSON text."""
    try:
        return plain_json.dumps(plain_json.loads(value) if isinstance(value, str) else value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON: {error}") from None


def count(value: object) -> int:
    """A whole number from 0."""
    return _whole(value, 0, MAX_COUNT)


def place(value: object) -> int:
    """A whole number from 1."""
    return _whole(value, 1, MAX_COUNT)


def dollars(value: object) -> float:
    """US dollars."""
    return float(_number(value, 0, MAX_COST_USD))


def percent(value: object) -> int | float:
    """0 to 100."""
    return _number(value, 0, 100)


def score(value: object) -> float:
    """0.0 to 1.0."""
    return float(_number(value, 0, 1))


def milliseconds(value: object) -> float:
    """A latency."""
    return float(_number(value, 0, MAX_LATENCY_MS))


def seconds(value: object) -> float:
    """A time to wait."""
    return float(_number(value, 0, 3_600))


def flag(value: object) -> bool:
    """true or false; alone it is true."""
    word = str(value).lower()
    if word not in _FLAGS:
        raise ValueError("expected true or false")
    return _FLAGS[word]


def status(value: object) -> str:
    """How an execution ended; `failed` is error."""
    word = str(value).strip().lower()
    known = s.STATUS_ALIASES.get(word, word)
    if known not in s.TERMINAL:
        raise ValueError("expected success, error, failed, partial or cancelled")
    return known


def step_kind(value: object) -> str:
    """What sort of step."""
    return _one_of(value, ("tool", "llm", "decision", "milestone", "error"))


def verdict(value: object) -> str:
    """Whether what came of it is what was expected."""
    return _one_of(value, s.VERDICTS)


def quality(value: object) -> str:
    """How good it is."""
    return _one_of(value, s.QUALITY_LABELS)


def priority(value: object) -> str:
    """How urgent."""
    return _one_of(value, ("high", "medium", "low"))


def instant(value: object) -> int:
    """A moment as nanoseconds since the epoch, from ISO 8601; without an offset it is UTC."""
    from datetime import UTC, datetime  # 2 ms that only a completion on another host costs

    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError("expected a time such as 2025-10-20T18:38:44Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    if nanoseconds <= 0:
        raise ValueError("expected a time after 1970")
    return nanoseconds


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    """One of the words, as it is spelled there; upper and lower case are the same."""
    word = str(value).strip().casefold()
    for known in allowed:
        if word == known.casefold():
            return known
    raise ValueError(f"expected {', '.join(allowed[:-1])} or {allowed[-1]}")


def _whole(value: object, low: int, high: int) -> int:
    number = _number(value, low, high)
    if number != int(number):
        raise ValueError(f"expected a whole number from {low} to {high}")
    return int(number)


def _number(value: object, low: int, high: int) -> int | float:
    """As given: 50 stays an int, 50.5 a float."""
    allowed = f"expected a number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(allowed)
    try:
        spelled = str(value).strip()
        number = int(spelled) if spelled.lstrip("+-").isdecimal() else float(spelled)
    except ValueError:
        raise ValueError(allowed) from None
    if not low <= number <= high:
        raise ValueError(allowed)
    return number


_FLAGS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
