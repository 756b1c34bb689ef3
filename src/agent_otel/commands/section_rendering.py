"""A JSON object as a page: its sections as tables, as JSON, as CSV with a line a value, or as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent_otel.commands import rendering, terminal
from agent_otel.reports.sections import KEY_AND_VALUE, Section, leaves, sections

#: Characters of a value that stands in a line of Markdown; longer ones, and those of many lines, get a block.
_LINE: Final = 200
#: Characters of a cell on a terminal: what is recommended is a sentence.
_WIDEST: Final = 120


def render(report: Mapping[str, Any], form: str, title: str = "") -> str:
    """The whole of a report in one of rendering.FORMATS."""
    if form == "json":
        return rendering.json_text(report, indent=2)
    if form == "csv":
        rows = [{"key": key, "value": value} for key, value in leaves(report)]
        return rendering.comma_separated(KEY_AND_VALUE, rows)
    if form == "markdown":
        heading = [f"# {rendering.markdown_text(title)}"] if title else []
        return "\n\n".join([*heading, *(_markdown(section) for section in sections(report))])
    return "\n\n".join(_table(section) for section in sections(report))


def _table(section: Section) -> str:
    title = terminal.clean(section.title.replace("_", " "))
    if not section.columns:
        return f"{title}: none"
    return "\n".join([*([title] if title else []), rendering.table(section.columns, section.rows, _WIDEST)])


def _markdown(section: Section) -> str:
    heading = [f"## {rendering.markdown_text(section.title.replace('_', ' '))}"] if section.title else []
    return "\n\n".join([*heading, *_blocks(section)])


def _blocks(section: Section) -> Iterator[str]:
    if not section.columns:
        yield "none"
    elif section.columns == KEY_AND_VALUE:
        yield _items({row["key"]: row["value"] for row in section.rows})
    elif any(_is_long(value) for row in section.rows for value in row.values()):
        for number, row in enumerate(section.rows, 1):
            yield f"### {number}"
            yield _items(row)
    else:
        yield rendering.markdown(section.columns, section.rows)


def _items(values: Mapping[str, Any]) -> str:
    return "\n".join(_item(name, value) for name, value in values.items())


def _item(name: str, value: Any) -> str:
    label = f"- {terminal.clean(name)}:"
    if not _is_long(value):
        return f"{label} {rendering.markdown_text(value)}".rstrip()
    block = rendering.fenced(rendering.text(value)).replace("\n", "\n  ")
    return f"{label}\n\n  {block}\n"


def _is_long(value: Any) -> bool:
    shown = rendering.text(value)
    return len(shown) > _LINE or "\n" in shown
