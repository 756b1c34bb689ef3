"""Write the generated pages, or with --check say which of them are out of date."""

import argparse
import difflib
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from agent_otel import settings as client_settings
from agent_otel.exporter import config as exporter_settings
from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres
from agent_otel.store.connection import connect
from agent_otel.store.migrations import migrate

DOCS: Final = Path(__file__).parent
SEMCONV: Final = DOCS.parent / "src" / "agent_otel" / "semconv.py"

_CONSTANT: Final = re.compile(r'^[A-Z0-9_]+: Final = "(?P<name>[^"]+)"  # (?P<note>.+)$')
_SECTION: Final = re.compile(r"^# --- (?P<title>.+?) -+$")
_RELATIONS: Final = """
SELECT c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'agent_otel' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY c.relkind = 'v' DESC, c.relname
"""
_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(a.attrelid, a.attnum), '')
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def main() -> int:
    """Return 1 when --check finds a page that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is out of date")
    check = parser.parse_args().check
    pages = {
        "attributes.md": attributes(SEMCONV.read_text(encoding="utf-8")),
        "schema.md": schema(),
        "settings.md": settings(),
    }
    return max([_page(DOCS / name, text, check=check) for name, text in pages.items()])


def attributes(source: str) -> str:
    """The page of every name in semconv.py."""
    lines = [
        "# Attributes and events",
        "",
        "Generated from `src/agent_otel/semconv.py` by `make generate`.",
    ]
    for line in source.splitlines():
        if section := _SECTION.match(line):
            lines += ["", f"## {section['title']}", "", "| name | type | on | meaning |", "|---|---|---|---|"]
        elif constant := _CONSTANT.match(line):
            lines.append(f"| `{constant['name']}` | {' | '.join(_cells(constant['note']))} |")
    return "\n".join(lines) + "\n"


def _cells(note: str) -> list[str]:
    """Type, where it stands, meaning; the names of events stand nowhere."""
    parts = [part.strip() for part in note.split(";", 2)]
    if len(parts) == 2 and parts[0].startswith(("event name", "value of")):
        parts.insert(1, "")
    return [*parts, "", ""][:3]


def schema() -> str:
    """The page of every table and view, read from a freshly migrated PostgreSQL."""
    lines = [
        "# Database schema",
        "",
        "Generated from a freshly migrated database by `make generate`. Everything is in the schema `agent_otel`.",
        "Read the views: they stay when tables change.",
    ]
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), free_port()) as server:
        migrate(server.url)
        with connect(server.url, application="docs") as connection:
            for name, kind, comment in connection.execute(_RELATIONS).fetchall():
                lines += ["", f"## {name} ({'view' if kind == 'v' else 'table'})", ""]
                lines += [comment, ""] if comment else []
                lines += ["| column | type | meaning |", "|---|---|---|"]
                for column, data_type, note in connection.execute(_COLUMNS, [f"agent_otel.{name}"]).fetchall():
                    lines.append(f"| `{column}` | {data_type} | {note} |")
        connection.close()
    return "\n".join(lines) + "\n"


def settings() -> str:
    """The page of every environment variable, read off the tables that read them."""
    lines = ["# Settings", "", "Generated from the program by `make generate`. All are environment variables."]
    lines += ["", "## Client: span helpers", "", "| variable | default | meaning |", "|---|---|---|"]
    for variable in client_settings.VARIABLES:
        fallback = f"; falls back to `{variable.fallback}`" if variable.fallback else ""
        lines.append(f"| `{variable.name}` | {_code(variable.default)} | {variable.meaning}{fallback} |")
    lines += ["", "## Exporter", "", "| variable | default | meaning |", "|---|---|---|"]
    for setting in exporter_settings.SETTINGS:
        lines.append(f"| `{setting.variable}` | {_code(setting.default)} | {setting.meaning} |")
    return "\n".join(lines) + "\n"


def _code(default: str | None) -> str:
    return f"`{default}`" if default else ""


def _page(path: Path, text: str, *, check: bool) -> int:
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    if present == text:
        return 0
    if not check:
        path.write_text(text, encoding="utf-8")
        return 0
    difference = difflib.unified_diff(present.splitlines(), text.splitlines(), str(path), "generated", lineterm="")
    print("\n".join(difference))
    print(f"{path.name} is out of date; run `make generate`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
