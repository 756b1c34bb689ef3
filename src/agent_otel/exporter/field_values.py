"""What attributes say of the fields of an execution, each in its field's type (see agent_otel.model.FIELDS)."""

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson

from agent_otel import ids, semconv
from agent_otel.exporter.limits import MAX_MEMBERS, MAX_TEXT
from agent_otel.exporter.values import MAX_DEPTH
from agent_otel.model import FIELDS, Field

_MAX_INT: Final = 2**53
_MAX_LABEL: Final = 64
#: Characters of a JSON object that a row of an execution holds; the whole of it is in spans and execution_events.
MAX_OBJECT: Final = 64 * 1024


def read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """By field name, what the attributes say in the field's type; what is of another type stands as attribute only."""
    values = {}
    for attribute, stated in attributes.items():
        reader = _READERS.get(attribute)
        if reader is None:
            continue
        name, of_kind = reader
        value = of_kind(stated)
        if value is not None:
            values[name] = value
    if "status" in values:
        values["status"] = semconv.STATUS_ALIASES.get(values["status"], values["status"])
    return values


def text(value: Any) -> str | None:
    """A text, cut at MAX_TEXT characters; None for any other value."""
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _uuid(value: Any) -> str | None:
    parsed = ids.parse_uuid(value) if isinstance(value, str) else None
    return str(parsed) if parsed else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INT else None


def number(value: Any) -> float | None:
    """A finite number; None for any other value."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None


def texts(value: Any) -> list[str] | None:
    """The texts of a list, each cut at MAX_TEXT; None for what is no list."""
    if not isinstance(value, list):
        return None
    return [member[:MAX_TEXT] for member in value if isinstance(member, str)][:MAX_MEMBERS]


def label(value: Any, labels: Collection[str] = semconv.QUALITY_LABELS) -> str | None:
    """The one of these labels that a text is, in any case; None for any other."""
    stated = value.strip().upper() if isinstance(value, str) and len(value) <= _MAX_LABEL else None
    return stated if stated in labels else None


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and len(value) > MAX_OBJECT:
        return None
    parsed = _parsed(value)
    if not isinstance(parsed, dict):
        return None
    storable: dict[str, Any] = _storable(parsed)
    return storable


def _object_or_text(value: Any) -> dict[str, Any] | str | None:
    found = _object(value)
    return text(_json(value)) if found is None else found


def _json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _storable(value: Any, depth: int = 0) -> Any:
    """A decoded JSON value without what jsonb refuses: NUL, lone surrogates, NaN and infinities, endless nesting."""
    if isinstance(value, str):
        return value.replace("\0", "�").encode(errors="replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
        return None
    if isinstance(value, dict):
        return {_storable(key): _storable(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_storable(member, depth + 1) for member in value]
    return value


def message_text(value: Any) -> str | None:
    """The text of GenAI messages (a JSON string of messages or parts) when that is all they hold, else as given."""
    if value is None:
        return None
    parsed = _parsed_messages(value) if _may_be_list(value) else None
    said = [_part_text(part) for entry in parsed for part in _parts(entry)] if isinstance(parsed, list) else []
    if said and all(part is not None for part in said):
        return str(_storable("\n".join(part for part in said if part is not None)))
    return _json(value)


def _parsed_messages(value: Any) -> Any:
    """As `_parsed`, but sooner; numbers may lose digits, which texts have none of."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        # The standard library reads more: NaN, infinities, lone surrogates.
        return _parsed(value)


def _may_be_list(value: Any) -> bool:
    """Whether it is worth parsing: most content that is no list of messages is long."""
    return not isinstance(value, str) or value.lstrip(" \t\r\n").startswith("[")


def _parts(entry: Any) -> list[Any]:
    parts = entry.get("parts") if isinstance(entry, dict) else None
    return parts if isinstance(parts, list) else [entry]


def _part_text(part: Any) -> str | None:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("content"), str):
        return str(part["content"])
    return None


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


_OF_KIND: Final[dict[str, Callable[[Any], Any]]] = {
    "text": text,
    "uuid": _uuid,
    "int": _integer,
    "float": number,
    "list": texts,
    "object": _object,
    "json": _json,
    "object_or_text": _object_or_text,
    "label": label,
}


def _reader(field: Field) -> Callable[[Any], Any]:
    """How a field is read: GenAI's own content as messages, any other content word for word."""
    if field.content and field.kind == "text":
        return message_text if field.attribute.startswith("gen_ai.") else _json
    return _OF_KIND[field.kind]


#: By attribute, the field it gives and how it is read.
_READERS: Final = {field.attribute: (field.name, _reader(field)) for field in FIELDS}
