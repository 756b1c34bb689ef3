"""One OTLP/JSON object to a protobuf message.

Not google.protobuf.json_format: it reads hex ids as base64 (24 wrong bytes for a trace id) and refuses unknown fields.
Rules: OTLP 1.x, "JSON Protobuf Encoding", and the ProtoJSON mapping that it refers to.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from agent_otel.exporter.values import MAX_DEPTH

#: These are hexadecimal; all other bytes are base64.
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_ANY_VALUE: Final = AnyValue.DESCRIPTOR
_DIGITS: Final = re.compile(r"-?[0-9]{1,20}")
_DOUBLES: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class BadValueError(ValueError):
    """A field that cannot be what the message needs; the text is `path: what is wrong`."""


class _Field(NamedTuple):
    """What is needed to set one field of a message."""

    name: str
    repeated: bool
    #: The oneof that it belongs to.
    one_of: str | None
    #: From a JSON value to the field's; None for messages, and for strings, which need to know where they stand.
    read: Callable[[Any], Any] | None
    is_message: bool


class MessageReader:
    """Reads one object. `altered` names the fields whose text was not valid Unicode and is not as it was sent."""

    def __init__(self) -> None:
        self.altered: list[str] = []
        self._path: list[str] = []

    def read(self, text: str, kind: type[Message], name: str) -> bytes:
        """The object that `text` spells, as the bytes of a `kind`; raises BadValueError that names the field."""
        message = kind()
        self._path = [name]
        try:
            self._fill(message, _DECODER.decode(text), 0)
        except RecursionError:
            raise BadValueError(f"{name}: nested too deeply") from None
        except json.JSONDecodeError as error:
            raise BadValueError(f"{name}: not JSON: {error}") from None
        except ValueError as error:
            raise BadValueError(f"{self._place()}: {error}") from None
        return message.SerializeToString()

    def text(self, value: Any) -> str:
        """A string that protobuf can hold; raises BadValueError for anything but a string."""
        if not isinstance(value, str):
            raise BadValueError("must be a string")
        try:
            value.encode()
        except UnicodeEncodeError:
            self.altered.append(self._place())
            return "".join(_REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in value)
        return value

    def _place(self) -> str:
        return "".join(self._path)

    def _fill(self, message: Message, value: Any, depth: int) -> None:
        if not isinstance(value, dict):
            raise BadValueError("must be an object")
        descriptor = message.DESCRIPTOR
        if descriptor is _ANY_VALUE:
            depth += 1
            if depth > MAX_DEPTH:
                raise BadValueError(f"values are nested deeper than {MAX_DEPTH} levels")
        fields = _fields(descriptor)
        for key, member in value.items():
            field = fields.get(key)
            # ProtoJSON: null is the same as absent; OTLP: unknown fields are ignored.
            if field is not None and member is not None:
                self._path.append(f".{key}")
                self._set(message, field, member, depth)
                self._path.pop()

    def _set(self, message: Message, field: _Field, value: Any, depth: int) -> None:
        if field.one_of and message.WhichOneof(field.one_of) is not None:
            raise BadValueError("a value has just one kind")
        if field.repeated:
            self._append(getattr(message, field.name), field, value, depth)
        elif field.is_message:
            child = getattr(message, field.name)
            child.SetInParent()
            self._fill(child, value, depth)
        else:
            setattr(message, field.name, field.read(value) if field.read else self.text(value))

    def _append(self, repeated: Any, field: _Field, values: Any, depth: int) -> None:
        if not isinstance(values, list):
            raise BadValueError("must be an array")
        for index, member in enumerate(values):
            self._path.append(f"[{index}]")
            if field.is_message:
                self._fill(repeated.add(), member, depth)
            else:
                repeated.append(field.read(member) if field.read else self.text(member))
            self._path.pop()


@lru_cache(maxsize=64)
def _fields(descriptor: Descriptor) -> dict[str, _Field]:
    """A message's fields by the two names that a sender may use: camelCase, and as in the .proto file."""
    fields: dict[str, _Field] = {}
    for field in descriptor.fields:
        # These belong to the profiles signal, whose dictionary a span does not have.
        if not field.name.endswith("_strindex"):
            fields[field.name] = fields[field.json_name] = _field(field)
    return fields


def _field(field: FieldDescriptor) -> _Field:
    is_message = field.type == FieldDescriptor.TYPE_MESSAGE
    read: Callable[[Any], Any] | None = None
    if field.type == FieldDescriptor.TYPE_BYTES:
        read = _hex if field.name in _IDS else _base64
    elif field.enum_type is not None:
        read = partial(_enum, {name: value.number for name, value in field.enum_type.values_by_name.items()})
    elif not is_message and field.type != FieldDescriptor.TYPE_STRING:
        read = _SCALARS[field.type]
    one_of = field.containing_oneof
    return _Field(field.name, field.is_repeated, one_of.name if one_of else None, read, is_message)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadValueError(f"{text[:40]} is beyond the range of a double")
    return number


_DECODER: Final = json.JSONDecoder(parse_float=_float)


def _integer(smallest: int, largest: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
            raise BadValueError(f"must be a whole number from {smallest} to {largest}, as a number or a string")
        return value

    return read


def _double(value: Any) -> float:
    if isinstance(value, str):
        if value in _DOUBLES:
            return _DOUBLES[value]
        try:
            return _float(value)
        except ValueError:
            value = None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise BadValueError('must be a number, "NaN", "Infinity" or "-Infinity"')
    try:
        return float(value)
    except OverflowError:
        raise BadValueError("the number is beyond the range of a double") from None


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValueError("must be true or false")
    return value


def _hex(value: Any) -> bytes:
    try:
        return binascii.unhexlify(value if isinstance(value, str) else "not hex")
    except ValueError:
        raise BadValueError("must be a string of hexadecimal digits, two a byte") from None


def _base64(value: Any) -> bytes:
    try:
        text = value.rstrip("=").translate(_URL_SAFE) if isinstance(value, str) else "not base64"
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise BadValueError("must be a string in base64") from None


def _enum(names: Mapping[str, int], value: Any) -> int:
    if isinstance(value, str) and value in names:
        return names[value]
    try:
        return _INT32(value)
    except ValueError:
        raise BadValueError(f"must be a number, or one of {', '.join(names)}") from None


_URL_SAFE: Final = str.maketrans("-_", "+/")
_INT32: Final = _integer(-(2**31), 2**31 - 1)
_SCALARS: Final[dict[int, Callable[[Any], Any]]] = {
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_INT64: _integer(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: _integer(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: _integer(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: _integer(0, 2**64 - 1),
}
