"""Values that a caller gave and nobody can use: each costs a warning and itself, and is kept as it was given."""

from collections.abc import Sequence
from typing import Final

from agent_otel import semconv as s
from agent_otel.attribute_value import Value, json_text, printed
from agent_otel.guard import warn_once
from agent_otel.usage import in_range

#: Member of the metadata that holds them.
REJECTED: Final = "rejected"


class RejectedValues:
    """Reads values that were given to the helper `where`; `kept` holds those that cannot be used, by their names."""

    __slots__ = ("_where", "kept")

    def __init__(self, where: str) -> None:
        self._where = where
        self.kept: dict[str, object] = {}

    def label(self, argument: str, value: object, allowed: Sequence[str]) -> str | None:
        """One of the labels, in any case of letters; None for anything else."""
        found = value.strip().upper() if isinstance(value, str) else ""
        if found in allowed:
            return found
        self._reject(argument, value, f"use one of {', '.join(allowed)}")
        return None

    def fraction(self, argument: str, value: object) -> float | None:
        """A number from 0 to 1."""
        name = f"{self._where}_{argument}"
        found = in_range(name, value, 0.0, 1.0)
        if found is None:
            self.kept[name] = value
        return found

    def flag(self, argument: str, value: object) -> bool | None:
        """True or False; a text is neither."""
        if isinstance(value, bool):
            return value
        self._reject(argument, value, "use True or False")
        return None

    def attributes(self) -> dict[str, Value]:
        """Those that are kept, as metadata."""
        return {s.METADATA: json_text({REJECTED: self.kept})} if self.kept else {}

    def _reject(self, argument: str, value: object, fix: str) -> None:
        self.kept[f"{self._where}_{argument}"] = value
        given = f"{self._where}({argument}={printed(value)[:80]})"
        warn_once(f"agent_otel: {given} is not used, only kept in metadata.rejected: {fix}")
