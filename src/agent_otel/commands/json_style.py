"""How a JSON text is laid out, so that what is added to it looks like the rest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent_otel.commands.json_text import Container, Insertion

_UNIT: Final = "  "


class Style:
    """How a text is laid out: each part on a line of its own, or all on one line."""

    def __init__(self, text: str, root: Container | None) -> None:
        self._text = text
        own = None if root is None or not root.parts else self._indentation(root)
        #: Before the members of the outermost object; None: on one line.
        self.first = own if root is not None and root.parts else _UNIT
        self.unit = own or _UNIT
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def within(self, inner: Container, outer: str | None) -> str | None:
        """What stands before each part of a container, `outer` being what stands before the container."""
        if inner.parts:
            return self._indentation(inner)
        return None if outer is None else outer + self.unit

    def added(self, to: Container, before: str | None, parts: Mapping[str, Any] | Sequence[Any]) -> Insertion:
        """New members of an object, or elements of an array, behind those that it has."""
        lead = " " if before is None else self.newline + before
        if isinstance(parts, Mapping):
            shown = [f"{json.dumps(key)}: {self.shown(member, before)}" for key, member in parts.items()]
        else:
            shown = [self.shown(element, before) for element in parts]
        body = f",{lead}".join(shown)
        if to.parts:
            return Insertion(to.parts[-1].end, f",{lead}{body}")
        if before is None:
            return Insertion(to.opens + 1, body)
        closed = "\n" in self._text[to.opens : to.closes]
        return Insertion(to.opens + 1, lead + body + ("" if closed else self.newline + before[: -len(self.unit)]))

    def shown(self, new: Any, before: str | None) -> str:
        """A value, on lines that begin with `before`."""
        if before is None:
            return json.dumps(new, ensure_ascii=False)
        return json.dumps(new, ensure_ascii=False, indent=self.unit).replace("\n", self.newline + before)

    def _indentation(self, inner: Container) -> str | None:
        gap = self._text[inner.opens + 1 : inner.parts[0].start]
        return gap.rpartition("\n")[2] if "\n" in gap else None
