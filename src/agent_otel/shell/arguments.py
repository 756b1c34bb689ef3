"""Arguments of a verb: read without argparse, whose import costs a call half of its time, and forgiving.

A wrong value of an optional argument does not cost the rest: it is kept as it was given, to be recorded as such.
"""

from __future__ import annotations

from agent_otel.attribute_value import printed, text
from agent_otel.shell.option import FLAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from agent_otel.shell.option import Option


class Arguments:
    """Values by key; what was refused, by key, as given; what is to be said about it; the words behind ``--``."""

    def __init__(self, options: Iterable[Option]) -> None:
        self.options = {option.name: option for option in options}
        self.values: dict[str, Any] = {}
        self.rejected: dict[str, object] = {}
        self.errors: list[str] = []
        self.rest: list[str] | None = None
        #: Whether a required argument is missing or wrong: then nothing is to be recorded.
        self.unusable = False
        self.wants_help = False

    def read(self, argv: Sequence[str]) -> Arguments:
        """Read the words of a command line."""
        words = iter(argv)
        pending: str | None = next(words, None)
        while pending is not None:
            word, pending = pending, next(words, None)
            if word == "--":
                self.rest = ([] if pending is None else [pending]) + list(words)
                break
            if word in ("-h", "--help"):
                self.wants_help = True
                continue
            name, separator, value = word.partition("=")
            takes_next = not separator and self._takes(name, pending)
            self._take(name, pending if takes_next else (value if separator else None))
            if takes_next:
                pending = next(words, None)
        self._check_required()
        return self

    def read_object(self, members: Mapping[str, object]) -> Arguments:
        """Read the members of a JSON object, keys as the options with underscores; null is not given."""
        by_key = {option.key: option for option in self.options.values()}
        for key, value in members.items():
            option = by_key.get(key)
            if value is None:
                continue
            if option is None:
                self.refuse(key, value, f"unknown member {key}: {_advice(key, by_key)}")
            elif option.many and isinstance(value, list):
                for member in value:
                    self._set(option, member)
            else:
                self._set(option, value)
        self._check_required()
        return self

    def refuse(self, name: str, value: object, why: str) -> None:
        """Keep a value aside that cannot be used, and say why."""
        option = self.options.get(name)
        key = option.key if option else name.lstrip("-").replace("-", "_")
        kept = text(value) if isinstance(value, str) else value
        present = self.rejected.get(key)
        self.rejected[key] = kept if present is None else f"{present} {kept}"
        self.errors.append(why)

    def _takes(self, name: str, following: str | None) -> bool:
        """Whether the next word is this option's value: it is, unless it is an option itself."""
        option = self.options.get(name)
        if following is None or following == "--" or following.partition("=")[0] in self.options:
            return False
        if option is None:
            return name.startswith("-") and not following.startswith("--")
        return bool(option.example) or following in ("true", "false")

    def _take(self, name: str, value: str | None) -> None:
        option = self.options.get(name)
        if option is None and (word := self._awaited(name)):
            self._set(word, name if value is None else f"{name}={value}")
        elif option is None:
            is_option = name.startswith("-")
            advice = _advice(name, self.options) if is_option else "put it behind an option"
            self.refuse(name if is_option else "arguments", value or name, f"unknown argument {name}: {advice}")
        elif value is None and option.example:
            self._wrong(option, "", f"{name} needs a value")
        else:
            self._set(option, FLAG if value is None else value)

    def _awaited(self, word: str) -> Option | None:
        """The argument without a name that a word is, if one is still to come."""
        if word.startswith("-"):
            return None
        wanted = (option for option in self.options.values() if not option.name.startswith("-"))
        return next((option for option in wanted if option.key not in self.values), None)

    def _set(self, option: Option, given: object) -> None:
        try:
            value = option.parse(given)
        except (ValueError, TypeError) as error:
            shown = given if isinstance(given, str) else printed(given)
            self._wrong(option, given, f"{option.name} {shown[:200]!r}: {error}")
            return
        if option.many:
            self.values.setdefault(option.key, []).append(value)
        else:
            self.values[option.key] = value

    def _wrong(self, option: Option, given: object, why: str) -> None:
        self.unusable = self.unusable or option.required
        self.refuse(option.name, given, why)

    def _check_required(self) -> None:
        for option in self.options.values():
            if option.required and option.key not in self.values and option.key not in self.rejected:
                self.unusable = True
                self.errors.append(f"{f'{option.name} {option.example}'.rstrip()} is missing: {option.meaning}")


def _advice(name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    from difflib import get_close_matches  # several milliseconds that only a mistake costs

    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}?" if close else f"it may be one of {', '.join(known)}"
