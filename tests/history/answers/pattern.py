"""What messages have in common once what differs from case to case is taken out of them."""

import re
from typing import Final

_LENGTH: Final = 200
#: In this order, as a later one would eat parts of an earlier.
_REPLACED: Final = (
    (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "<uuid>"),
    (r"0x[0-9a-f]+|(?=[a-f]*[0-9])[0-9a-f]{8,}", "<hex>"),
    (r"(?:/[\w.-]+){2,}", "<path>"),
    (r"""'[^']*'|"[^"]*\"""", "<text>"),
    (r"[0-9]+(?:\.[0-9]+)?", "<n>"),
    (r"[ \t\n\v\f\r]+", " "),
)
_COMPILED: Final = [(re.compile(pattern, re.IGNORECASE), text) for pattern, text in _REPLACED]


def error_pattern(message: str | None) -> str | None:
    """The pattern of a message; None of none."""
    if message is None:
        return None
    for found, text in _COMPILED:
        message = found.sub(text, message)
    return message.strip(" ")[:_LENGTH]
