"""OTLP attribute values to JSON and back.

JSON in PostgreSQL cannot hold everything that OTLP can: NUL, NaN, -0, integers beyond what jsonb tells from doubles,
bytes, repeated keys. `Reading` says whether something was lost; the caller then keeps the exact bytes beside the JSON.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

#: Values nested deeper are stored as null, with the exact bytes beside them.
MAX_DEPTH: Final = 24
#: From here on a double is written without a decimal point, and jsonb could not tell it from an integer.
_FIRST_EXPONENT: Final = 1e16
_REPLACEMENT: Final = "�"


class Reading:
    """Reads the values of one record; `lossless` becomes False when JSON cannot say what OTLP said."""

    __slots__ = ("lossless",)

    def __init__(self) -> None:
        self.lossless = True

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

    def _rare(self, kind: str, value: AnyValue, depth: int) -> Any:
        if kind == "double_value":
            return self._double(value.double_value)
        if depth >= MAX_DEPTH:
            self.lossless = False
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
        if abs(number) >= _FIRST_EXPONENT or (number == 0 and math.copysign(1, number) < 0):
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
