"""Rows as a table for people, JSON, CSV or Markdown. What agents have said cannot steer a terminal or a spreadsheet."""

import csv
import datetime as dt
import io
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from agent_otel.commands import terminal

FORMATS: Final = ("table", "json", "csv", "markdown")
#: What spreadsheets take for the beginning of a formula.
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|~$&])")
_LONGEST: Final = 1_000_000


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], widest: int = terminal.MAX_CELL) -> str:
    """Columns as wide as their widest cell, which is cut to `widest`; names as people read them."""
    heads = [column.removesuffix("_at").removesuffix("_name").replace("_", " ") for column in columns]
    return terminal.table(heads, [[text(row.get(column)) for column in columns] for row in rows], widest)


def json_array(rows: Iterable[Mapping[str, Any]]) -> str:
    """One array, one object a line."""
    lines = [json_text(row) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON in plain ASCII, times as ISO 8601."""
    return json.dumps(value, default=_plain, indent=indent)


def comma_separated(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV as RFC 4180 has it; lists are JSON. A text that a spreadsheet would run gets a ' before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue().removesuffix("\r\n")


def markdown(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A table whose cells hold no markup."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(markdown_text(row.get(column)) for column in columns)} |" for row in rows]
    return "\n".join(lines)


def markdown_text(value: Any) -> str:
    """A value on one line, with its markup escaped."""
    return _MARKUP.sub(r"\\\1", terminal.clean(text(value), _LONGEST))


def fenced(value: str) -> str:
    """A text of many lines as a block of code that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", value)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{harmless(value)}\n{fence}"


def harmless(value: str) -> str:
    """A text with its lines, but without other control characters."""
    return "\n".join(terminal.clean(line, _LONGEST) for line in value.splitlines())


def text(value: Any) -> str:
    """A value for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(text(member) for member in value)
    if isinstance(value, Mapping):
        return json_text(value)
    return str(value)


def _csv_cell(value: Any) -> Any:
    if value is None or isinstance(value, (int, float, Decimal)):
        return json_text(value) if isinstance(value, bool) else value
    if isinstance(value, (dt.datetime, uuid.UUID)):
        return _plain(value)
    shown = json_text(value) if isinstance(value, (list, Mapping)) else harmless(str(value))
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return str(value)
