"""Any Python value as an attribute value or as JSON text: what OTLP cannot carry is kept as text, nothing raises."""

from __future__ import annotations

from _collections_abc import Iterable, Mapping, Sequence
from os import PathLike, fspath

from agent_otel import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: What an OTel attribute may hold in our own spans and events.
Value = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_UNPRINTABLE: Final = "<{} that cannot be printed>"


def attribute_value(value: object) -> Value:
    """The nearest attribute value: scalars and lists of one scalar type as they are, all else as JSON or repr."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if _INT64_MIN <= value <= _INT64_MAX else str(value)
    if isinstance(value, list | tuple):
        return _sequence(value)
    return json_text(value)


def text(value: str) -> str:
    """The string itself, lone surrogates (which neither protobuf nor UTF-8 can carry) spelled as ``\\udXXX``."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="backslashreplace").decode()
    return value


def json_text(value: object) -> str:
    """`value` as JSON; parts that JSON does not know are their repr, numbers that it does not know are strings."""
    try:
        encoded = plain_json.dumps(value, default=printed)
        if not encoded.isascii():
            encoded.encode()  # UnicodeEncodeError, a ValueError, for lone surrogates
    except (ValueError, TypeError, RecursionError):
        return plain_json.dumps(_plain(value, depth=0))
    return encoded


def texts(values: object) -> list[str]:
    """What was given as a list of texts, each once: one text is a list of one, None is an empty one."""
    if values is None:
        return []
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        values = (values,)
    return list(dict.fromkeys([_worded(one) for one in values]))


def _worded(value: object) -> str:
    """A text as it is, a path as its text, anything else as JSON."""
    if isinstance(value, PathLike):
        value = fspath(value)
    return text(value) if isinstance(value, str) else json_text(value)


def printed(value: object) -> str:
    """The repr of `value`, even when its class cannot make one."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a user's __repr__ may raise anything
        return _UNPRINTABLE.format(type(value).__name__)


def _sequence(values: Sequence[object]) -> Value:
    if values and all(isinstance(member, str) for member in values):
        return [text(str(member)) for member in values]
    kinds = {type(member) for member in values}
    if kinds == {bool}:
        return [bool(member) for member in values]
    if kinds == {float}:
        return [member for member in values if isinstance(member, float)]
    if kinds == {int}:
        numbers = [member for member in values if isinstance(member, int)]
        return numbers if all(_INT64_MIN <= n <= _INT64_MAX for n in numbers) else [str(n) for n in numbers]
    return json_text(values)


#: Deeper than this a value is printed: a cycle ends here.
MAX_DEPTH: Final = 20


def _plain(value: object, depth: int) -> Any:
    """A copy that json.dumps takes: keys are strings, no NaN, no cycle."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if depth >= MAX_DEPTH:
        return f"<{type(value).__name__} below depth {MAX_DEPTH}>"
    if isinstance(value, Mapping):
        return {text(str(key)): _plain(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member, depth + 1) for member in value]
    return text(printed(value))
