"""OTLP's partial success: an answer of success that says how many items were not taken after all."""

from __future__ import annotations

from agent_otel import plain_json
from agent_otel.record import SPANS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def partial_success(kind: int, body: bytes) -> tuple[int, str]:
    """How many items the receiver did not take, and why, from its answer to a request of records of that kind."""
    try:
        return _protobuf(body) if kind == SPANS else _json(body)
    except (ValueError, AttributeError, IndexError, TypeError, OverflowError, RecursionError):
        return 0, ""


def _json(body: bytes) -> tuple[int, str]:
    answer = plain_json.loads(body.decode()).get("partialSuccess") or {}
    rejected = answer.get("rejectedLogRecords") or answer.get("rejectedSpans") or 0
    return int(rejected), str(answer.get("errorMessage", ""))


def _protobuf(body: bytes) -> tuple[int, str]:
    """ExportTraceServiceResponse{partial_success = 1: {rejected_spans = 1, error_message = 2}}."""
    rejected, message = 0, ""
    for number, value in _fields(body):
        if number == 1 and isinstance(value, bytes):
            for inner, content in _fields(value):
                if inner == 1 and isinstance(content, int):
                    rejected = content
                elif inner == 2 and isinstance(content, bytes):
                    message = content.decode(errors="replace")
    return rejected, message


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Varint and length-delimited fields of a protobuf message; ends at any other."""
    position = 0
    while position < len(body):
        tag, position = _varint(body, position)
        if tag & 7 == 0:
            value, position = _varint(body, position)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, position = _varint(body, position)
            yield tag >> 3, body[position : position + length]
            position += length
        else:
            return


def _varint(body: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
