"""OTLP attribute values to JSON and back.

JSON in PostgreSQL cannot hold everything that OTLP can: NUL, NaN, -0, integers beyond what jsonb tells from doubles,
bytes, repeated keys. `Reading` says whether something was lost; the caller then keeps the exact bytes beside the JSON.
"""

import base64
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agent_otel import semconv
from agent_otel.exporter.limits import DEFAULT, KIB, Limits

#: Deepest nesting of lists and maps, unless set otherwise.
MAX_DEPTH: Final = DEFAULT.depth
#: Names that mean something to us. They stand wherever in a list they come; the limit counts the others.
KNOWN: Final = frozenset(value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str))
#: From here on a double is written without a decimal point, and jsonb could not tell it from an integer.
FIRST_EXPONENT: Final = 1e16
_REPLACEMENT: Final = "�"
_MOST_BYTES_A_CHARACTER: Final = 4
#: Characters that fit the lowest limit on a value that can be set.
_CERTAINLY_SHORT: Final = KIB // _MOST_BYTES_A_CHARACTER


class Reading:
    """Reads the values of one record; `lossless` becomes False when its columns do not say all that OTLP said."""

    __slots__ = ("capped", "limits", "lossless")

    def __init__(self, limits: Limits = DEFAULT, capped: Counter[str] | None = None) -> None:
        self.limits = limits
        self.lossless = True
        #: By limit, how often it cut something.
        self.capped: Counter[str] = Counter() if capped is None else capped

    def attributes(self, pairs: Iterable[KeyValue], depth: int = 0) -> dict[str, Any]:
        """A list of key-values as a dict; of a repeated key the last value stands."""
        result: dict[str, Any] = {}
        for pair in pairs:
            key = self.text(pair.key)
            if key in result or not pair.HasField("value"):
                self.lossless = False
            result[key] = self.value(pair.value, depth)
        return result

    def value(self, value: AnyValue, depth: int = 0) -> Any:
        """One value as what json can encode."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            return self.text(value.string_value)
        if kind in ("int_value", "bool_value"):
            return getattr(value, kind)
        if kind is None:
            return None
        return self._rare(kind, value, depth)

    def text(self, text: str) -> str:
        """Text without NUL, which PostgreSQL cannot hold."""
        if "\0" in text:
            self.lossless = False
            return text.replace("\0", _REPLACEMENT)
        return text

    def label(self, text: str) -> str:
        """Text of a column of its own: without NUL, and not longer than a value may be."""
        if len(text) < _CERTAINLY_SHORT and "\0" not in text:
            return text
        return self._short(self.text(text))

    def bounded(self, value: Any) -> Any:
        """A value that is not content, as far as it may stand in JSON."""
        if isinstance(value, str):
            return self._short(value)
        if isinstance(value, list):
            return [self.bounded(member) for member in value[: self._members(value)]]
        if isinstance(value, dict):
            return {key: self.bounded(value[key]) for key in list(value)[: self._members(value)]}
        return value

    def limited(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Attributes that are not content, as far as they may stand in JSON."""
        surplus = len(attributes) - self.limits.attributes
        if surplus > 0:
            others = set([key for key in attributes if key not in KNOWN][self.limits.attributes :])
            if others:
                self.cap("attributes")
                attributes = {key: value for key, value in attributes.items() if key not in others}
        return {self.label(key): self.bounded(value) for key, value in attributes.items()}

    def cap(self, limit: str) -> None:
        """Note that a limit has cut something."""
        self.lossless = False
        self.capped[limit] += 1

    def _short(self, text: str) -> str:
        most = self.limits.value
        if len(text) * _MOST_BYTES_A_CHARACTER <= most:
            return text
        encoded = text.encode()
        if len(encoded) <= most:
            return text
        self.cap("value")
        # What remains of a character that the cut went through is dropped.
        return encoded[:most].decode(errors="ignore")

    def _members(self, value: list[Any] | dict[str, Any]) -> int:
        if len(value) > self.limits.attributes:
            self.cap("value")
        return self.limits.attributes

    def _rare(self, kind: str, value: AnyValue, depth: int) -> Any:
        if kind == "double_value":
            return self._double(value.double_value)
        if kind in ("array_value", "kvlist_value") and depth >= self.limits.depth:
            self.cap("depth")
            return None
        if kind == "array_value":
            return [self.value(member, depth + 1) for member in value.array_value.values]
        if kind == "kvlist_value":
            return self.attributes(value.kvlist_value.values, depth + 1)
        self.lossless = False
        return base64.b64encode(value.bytes_value).decode() if kind == "bytes_value" else None

    def _double(self, number: float) -> float | str:
        if not math.isfinite(number):
            self.lossless = False
            return str(number)
        if abs(number) >= FIRST_EXPONENT or (number == 0 and math.copysign(1, number) < 0):
            self.lossless = False
        return number


def encode(value: Any) -> bytes:
    """JSON as bytes, for a jsonb column."""
    return orjson.dumps(value)


def to_attributes(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Key-values of what a jsonb column held; the inverse of `Reading.attributes` where that was lossless."""
    return [KeyValue(key=key, value=to_value(value)) for key, value in attributes.items()]


def to_value(value: Any) -> AnyValue:
    """The value of what a jsonb column held."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    result = AnyValue()
    if isinstance(value, list):
        result.array_value.values.extend(map(to_value, value))
        result.array_value.SetInParent()
    elif isinstance(value, dict):
        result.kvlist_value.values.extend(to_attributes(value))
        result.kvlist_value.SetInParent()
    return result
