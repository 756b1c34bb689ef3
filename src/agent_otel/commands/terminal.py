"""Text for a terminal: tables, durations, and nothing that could steer the terminal itself."""

import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_CELL: Final = 60


def clean(text: str, limit: int = 200) -> str:
    """One line without control and formatting characters (escape sequences, bidi overrides), cut to `limit`."""
    visible = "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") else char for char in text)
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], widest: int = MAX_CELL) -> str:
    """Columns as wide as their widest cell, which is cut to `widest`."""
    cells = [list(columns), *([clean(cell, widest) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def duration(milliseconds: float | None) -> str:
    """A duration for people: 850 ms, 12.3 s, 4 min 5 s."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
