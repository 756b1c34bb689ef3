"""JSON in and out without the `json` package, whose import takes two thirds of the interpreter's own start.

The C functions that `json` itself is made of (CPython). NaN and infinities, which JSON does not know, are refused.
"""

from __future__ import annotations

from _json import encode_basestring as quoted
from _json import make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

__all__ = ["dumps", "loads", "quoted"]

_SPACE: Final = " \t\n\r"


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError when it is none, RecursionError when it is nested too deep."""
    stripped = text.strip(_SPACE)
    try:
        value, end = _scan(stripped, 0)
    except StopIteration as stop:
        raise ValueError(f"not JSON from character {stop.value} on") from None
    except SystemError:
        # The scanner takes the class of its error from json.decoder, and some versions do not import that for it.
        raise ValueError("not JSON: a text, a name or an escape in it is broken or does not end") from None
    if end != len(stripped):
        raise ValueError(f"more than one JSON value: the first ends at character {end}")
    return value


def dumps(value: object, default: Callable[[object], object] | None = None) -> str:
    """The value as JSON text, characters as they are. `default` turns what JSON does not know into what it does.

    Raises ValueError for NaN, infinities and cycles, TypeError for what JSON does not know.
    """
    encode = make_encoder({}, default or _unknown, quoted, None, ": ", ", ", False, False, False)
    return "".join(encode(value, 0))


def _unknown(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Rules:
    """What the scanner asks of a decoder: json's own defaults."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_constant)


_scan: Final = make_scanner(_Rules())  # type: ignore[arg-type]  # typeshed wants its own class
