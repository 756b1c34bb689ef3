"""What follows from the keys of a list of attributes alone, worked out once for each combination of keys.

A program has a few kinds of spans, and all of one kind carry the same keys in the same order. For those, sorting,
setting content apart and finding the attributes with columns of their own is picking by position.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

from agent_otel.semconv import CONTENT_ATTRIBUTES

#: Takes a value for each key; gives those wanted, in a fixed order.
Pick: TypeAlias = Callable[[tuple[Any, ...]], tuple[Any, ...]]

MAX_SHAPES: Final = 1_024
#: Lists of more keys, or of more characters in their keys, are not remembered.
MAX_KEYS: Final = 64
MAX_CHARACTERS: Final = 4 * 1_024


class Shape:
    """How to pick from values that stand in the order of `keys`."""

    __slots__ = ("attributes", "columns", "content", "members", "order", "unique")

    def __init__(self, keys: Sequence[str], columns: Sequence[str]) -> None:
        last = {key: position for position, key in enumerate(keys)}
        #: Whether no key is repeated. Of a repeated key the last value stands.
        self.unique = len(last) == len(keys)
        #: Everything, once each.
        self.members = _pick(list(last.values()))
        #: Everything that is not content.
        self.attributes = _pick([position for key, position in last.items() if key not in CONTENT_ATTRIBUTES])
        #: Prompts, messages, tool input and output; None when there are none.
        content = [position for key, position in last.items() if key in CONTENT_ATTRIBUTES]
        self.content = _pick(content) if content else None
        #: The values of `columns`; the values picked from must end with one for keys that are not there.
        self.columns = _pick([last.get(column, -1) for column in columns])
        #: Sorted by key; None when they stand so already.
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self.order = None if order == list(range(len(keys))) else _pick(order)


class Shapes:
    """The shapes seen so far, bounded: when full it is emptied and filled anew. Any number of threads may ask."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._known: dict[tuple[str, ...], Shape] = {}

    def of(self, keys: tuple[str, ...]) -> Shape:
        """The shape of attributes with these keys in this order."""
        shape = self._known.get(keys)
        if shape is None:
            shape = Shape(keys, self._columns)
            if len(keys) <= MAX_KEYS and sum(map(len, keys)) <= MAX_CHARACTERS:
                if len(self._known) >= MAX_SHAPES:
                    self._known.clear()
                self._known[keys] = shape
        return shape


def _pick(positions: list[int]) -> Pick:
    if len(positions) > 1:
        return itemgetter(*positions)
    # An itemgetter of one position gives a bare value, and there is none of no position.
    return lambda values: tuple(values[position] for position in positions)
