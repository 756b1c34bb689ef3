"""Write dashboards/*.json anew, or with --check say what differs from the committed files (exit status 1)."""

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Final

# Run as a program, Python looks for modules in this folder, not in the one above it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grafana import executions
from grafana.datasources import Json
from grafana.lint import problems

FOLDER: Final = Path(__file__).resolve().parent / "dashboards"


def generated() -> dict[str, Json]:
    """Every dashboard, by the name of its file."""
    return {"executions.json": executions.dashboard()}


def text(dashboard: Json) -> str:
    """A dashboard as it is committed."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def difference(name: str, wanted: str, folder: Path = FOLDER) -> str:
    """How the file differs from what is generated; empty when it does not."""
    path = folder / name
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(
        found.splitlines(keepends=True), wanted.splitlines(keepends=True), f"{name} (committed)", f"{name} (generated)"
    )
    return "".join(lines)


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Return the exit status: 1 for a dashboard that is wrong, or with --check one that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    check = parser.parse_args(arguments).check
    wrong = 0
    for name, dashboard in generated().items():
        wanted = text(dashboard)
        reports = [f"{name}: {problem}" for problem in problems(dashboard)]
        if check and (changed := difference(name, wanted, folder)):
            reports.append(changed + f"{name} differs; run `python grafana/dashboards.py`")
        if not check and not reports:
            (folder / name).write_text(wanted, encoding="utf-8")
        for report in reports:
            print(report, file=sys.stderr)
        wrong += len(reports)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
