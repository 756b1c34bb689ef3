"""Where the parts of a JSON text stand, so that a file can be edited without touching the rest of it."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NoReturn

from agent_otel.errors import ConfigurationError

_SPACE: Final = " \t\r\n"
_BYTE_ORDER_MARK: Final = "\ufeff"


class Part(NamedTuple):
    """A member of an object, or an element of an array."""

    key: str  # of a member
    start: int  # where the key, or the element, begins
    at: int  # where the value begins
    end: int  # behind the value


class Container(NamedTuple):
    """An object or an array."""

    opens: int
    closes: int  # where its closing bracket stands
    parts: list[Part]

    def named(self, key: str) -> Part | None:
        """The member of that key."""
        return next((part for part in self.parts if part.key == key), None)


class Insertion(NamedTuple):
    """What goes where."""

    at: int
    text: str


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


#: Numbers stay text: Python's limits for them are none of JSON.
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)


def document(text: str) -> int | None:
    """Where the one value of a text begins; None when it holds nothing. Raises ConfigurationError."""
    start = _after_space(text, text.startswith(_BYTE_ORDER_MARK))
    if start == len(text):
        return None
    try:
        end = _after_space(text, _DECODER.raw_decode(text, start)[1])
    except json.JSONDecodeError as error:
        raise _refusal(text, error.pos, error.msg) from None
    except RecursionError:
        raise ConfigurationError("is nested too deeply") from None
    except ValueError as error:
        raise ConfigurationError(f"is not JSON: {error}") from None
    if end != len(text):
        raise _refusal(text, end, "something follows its end")
    return start


def value(text: str, at: int) -> Any:
    """The value that begins there, its numbers as text."""
    return _DECODER.raw_decode(text, at)[0]


def container(text: str, at: int) -> Container:
    """The object or array whose opening bracket stands there. Raises ConfigurationError when a key stands twice."""
    parts: list[Part] = []
    place = _after_space(text, at + 1)
    while text[place] not in "}]":
        parts.append(_part(text, place, keyed=text[at] == "{"))
        place = _after_space(text, parts[-1].end)
        place = _after_space(text, place + 1) if text[place] == "," else place
    if text[at] == "{" and len({part.key for part in parts}) < len(parts):
        twice = next(part.key for index, part in enumerate(parts) if part.key in {p.key for p in parts[:index]})
        raise ConfigurationError(f"has {twice!r} twice in one object; remove one of them")
    return Container(at, place, parts)


def cut(inside: Container, part: Part) -> tuple[int, int]:
    """What to take away so that the part is gone, with the comma that it needed."""
    index = inside.parts.index(part)
    if index:
        return inside.parts[index - 1].end, part.end
    if len(inside.parts) > 1:
        return part.start, inside.parts[1].start
    return inside.opens + 1, inside.closes


def inserted(text: str, insertions: Sequence[Insertion]) -> str:
    """The text with all of them."""
    for at, new in sorted(insertions, reverse=True):
        text = text[:at] + new + text[at:]
    return text


def _part(text: str, start: int, *, keyed: bool) -> Part:
    key, at = "", start
    if keyed:
        key, end = _DECODER.raw_decode(text, start)
        at = _after_space(text, _after_space(text, end) + 1)
    return Part(key, start, at, _DECODER.raw_decode(text, at)[1])


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _refusal(text: str, at: int, why: str) -> ConfigurationError:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return ConfigurationError(
        f"is not JSON (line {line}, column {column}: {why}). Comments and commas at the end of a list are not allowed: "
        "Claude Code does not read such a file either. Mend it and try again"
    )
