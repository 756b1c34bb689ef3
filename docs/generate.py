"""Write the generated pages, or with --check say which of them are out of date."""

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

# Run as a program, Python looks for modules in this folder, not in the one above it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs import api_page, attributes_page, cli_page, schema_page, settings_page

DOCS: Final = Path(__file__).parent
PAGES: Final[dict[str, Callable[[], str]]] = {
    "api.md": api_page.page,
    "attributes.md": attributes_page.page,
    "cli.md": cli_page.page,
    "schema.md": schema_page.page,
    "settings.md": settings_page.page,
}


def main() -> int:
    """Return 1 when --check finds a page that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is out of date")
    check = parser.parse_args().check
    return max([_write(DOCS / name, page(), check=check) for name, page in PAGES.items()])


def _write(path: Path, text: str, *, check: bool) -> int:
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
