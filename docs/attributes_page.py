"""docs/attributes.md: every name in semconv.py."""

import re
from pathlib import Path
from typing import Final

SEMCONV: Final = Path(__file__).parents[1] / "src" / "agent_otel" / "semconv.py"

_CONSTANT: Final = re.compile(r'^[A-Z0-9_]+: Final = "(?P<name>[^"]+)"  # (?P<note>.+)$')
_BROKEN: Final = re.compile(r"^[A-Z0-9_]+: Final = \($")
_SECTION: Final = re.compile(r"^# --- (?P<title>.+?) -+$")


def page() -> str:
    """The page; a section without names, such as that of the sets of values, is left out."""
    lines = [
        "# Attributes and events",
        "",
        "Generated from `src/agent_otel/semconv.py` by `make generate`.",
    ]
    heading: list[str] = []
    for line in SEMCONV.read_text(encoding="utf-8").splitlines():
        if section := _SECTION.match(line):
            heading = ["", f"## {section['title']}", "", "| name | type | on | meaning |", "|---|---|---|---|"]
        elif constant := _CONSTANT.match(line):
            lines += [*heading, f"| `{constant['name']}` | {' | '.join(_cells(constant['note']))} |"]
            heading = []
        elif _BROKEN.match(line):
            raise ValueError(f"{line} … stands on several lines: shorten its comment, so that it gets a row")
    return "\n".join(lines) + "\n"


def _cells(note: str) -> list[str]:
    """Type, where it stands, meaning; the names of events stand nowhere."""
    parts = [part.strip() for part in note.split(";", 2)]
    if len(parts) == 2 and parts[0].startswith(("event name", "value of")):
        parts.insert(1, "")
    return [*parts, "", ""][:3]
