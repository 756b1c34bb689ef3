"""OTLP protobuf messages as OTLP/JSON, spelled in any of the ways that the specification allows.

The tests' counterpart of our decoder; it shares no code with it and does not use json_format, which spells ids wrongly.
"""

import base64
import json
import math
import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_IDS = ("trace_id", "span_id", "parent_span_id")
_WIDE = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_FIXED64)


class Spelling:
    """Which of the allowed spellings is used, chosen anew for each value."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def json(self, message: Message) -> str:
        """A message as JSON text."""
        return json.dumps(self.value(message), ensure_ascii=self._random.random() < 0.5)

    def value(self, message: Message) -> dict[str, Any]:
        """A message as what json.dumps takes; fields that are not set are left out."""
        result: dict[str, Any] = {}
        for field, value in message.ListFields():
            name = self._random.choice((field.json_name, field.name))
            many = field.is_repeated
            result[name] = [self._one(field, member) for member in value] if many else self._one(field, value)
        if self._random.random() < 0.2:
            result["unknownField"] = {"of": ["a newer", {"sender": None}]}
        return result

    def _one(self, field: FieldDescriptor, value: Any) -> Any:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return self.value(value)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._bytes(field, value)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._enum(field, value)
        if field.type in _WIDE:
            return self._random.choice((value, str(value)))
        if field.type == FieldDescriptor.TYPE_DOUBLE and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return value

    def _bytes(self, field: FieldDescriptor, value: bytes) -> str:
        if field.name in _IDS:
            return self._random.choice((value.hex(), value.hex().upper()))
        encode = self._random.choice((base64.b64encode, base64.urlsafe_b64encode))
        text = encode(value).decode()
        return self._random.choice((text, text.rstrip("=")))

    def _enum(self, field: FieldDescriptor, value: int) -> int | str:
        assert field.enum_type is not None
        known = field.enum_type.values_by_number.get(value)
        return self._random.choice((value, known.name)) if known else value
