"""A page of the documentation: its blocks of code and its inline code, as they stand in it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
#: Language of a block that stands indented, as those of docstrings do.
INDENTED: Final = "indented"
#: Written for other readers, or by a program.
_NO_DOCUMENTATION: Final = ("CHANGELOG.md", "benchmarks/RESULTS.md", "examples/sample_project/README.md")
_FENCE: Final = re.compile(r"^ *(`{3,}|~{3,}) *([\w+-]*)[^\n]*\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"\n\n((?:    [^\n]*\n)(?:    [^\n]*\n|\n(?=    ))*)")
_INLINE: Final = re.compile(r"(`+)([^`]+)\1")
_HEAD: Final = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
#: Folders of what was installed or made, not written.
_MADE: Final = frozenset({"build", "node_modules"})


class Block(NamedTuple):
    """A block of code; `line` is where its text begins."""

    page: str
    line: int
    language: str
    text: str


class Inline(NamedTuple):
    """Inline code, its line breaks and the spaces after them made one space."""

    page: str
    line: int
    text: str


def pages() -> list[str]:
    """Every page of documentation in the repository, relative to its root."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    ours = (path for path in found if not any(part.startswith(".") or part in _MADE for part in path.parts[:-1]))
    return sorted(str(path) for path in ours if str(path) not in _NO_DOCUMENTATION)


def text(page: str) -> str:
    """The page as it stands."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str | None = None) -> list[Block]:
    """The page's blocks, in order; of one language, or all."""
    return [block for block in parse(page, text(page)) if language in (None, block.language)]


def parse(page: str, whole: str) -> list[Block]:
    """The blocks of a page with this text, in order."""
    found = [Block(page, _line(whole, match.start(3)), match[2], match[3]) for match in _FENCE.finditer(whole)]
    prose = _FENCE.sub(_blank, whole)
    found += [Block(page, _line(prose, match.start(1)), INDENTED, match[1]) for match in _INDENTED.finditer(prose)]
    return sorted(found, key=lambda block: block.line)


def heading(block: Block) -> str:
    """The heading that the block stands below, without its signs."""
    above = _FENCE.sub(_blank, text(block.page)).splitlines()[: block.line]
    return next((line.lstrip("# ") for line in reversed(above) if line.startswith("#")), "")


def inline(page: str) -> Iterator[Inline]:
    """The page's inline code, in order."""
    prose = _INDENTED.sub(_blank, _FENCE.sub(_blank, _HEAD.sub(_blank, text(page))))
    for match in _INLINE.finditer(prose):
        yield Inline(page, _line(prose, match.start(2)), " ".join(match[2].split()).replace("\\|", "|"))


def statements(page: str) -> list[str]:
    """The SQL statements in the page's blocks."""
    return [each.strip() for block in blocks(page, "sql") for each in block.text.split(";") if each.strip()]


def _line(whole: str, offset: int) -> int:
    return whole.count("\n", 0, offset) + 1


def _blank(match: "re.Match[str]") -> str:
    """As many lines, and nothing on them."""
    return "\n" * match[0].count("\n")
