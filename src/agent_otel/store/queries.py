"""Load named SQL: `-- name: x` blocks from sql/queries/*.sql, each with a line that says what it is for."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, LiteralString

_BLOCK: Final = re.compile(r"^-- name: (?P<name>\w+)\n(?P<body>.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


@cache
def load(file: str) -> Mapping[str, LiteralString]:
    """The statements of sql/queries/<file>.sql by name. Raises ValueError for a name that stands there twice."""
    text = files("agent_otel.store").joinpath("sql", "queries", f"{file}.sql").read_text(encoding="utf-8")
    statements: dict[str, LiteralString] = {}
    for match in _BLOCK.finditer(text):
        if match["name"] in statements:
            raise ValueError(f"{file}.sql names {match['name']} twice")
        statements[match["name"]] = match["body"].strip()
    return statements
