"""A report as tables: what its JSON object holds, each object and each list of objects under a title of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

#: Columns of a section of single values.
KEY_AND_VALUE: Final = ("key", "value")


class Section(NamedTuple):
    """A table with a title; no columns where there is nothing. The rows have the columns as keys."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]


def sections(report: Mapping[str, Any]) -> Iterator[Section]:
    """The report's own values first, then each member that is an object or a list of objects, in order."""
    yield from _single_values("", {name: value for name, value in report.items() if not _is_nested(value)})
    for name, value in report.items():
        if isinstance(value, Mapping):
            inside = dict(_flat(value))
            yield from _single_values(name, {key: held for key, held in inside.items() if not _is_table(held)})
            yield from (_table(f"{name}.{key}", held) for key, held in inside.items() if _is_table(held))
        elif _is_nested(value):
            yield _table(name, value)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value with its path, such as agents_used.0.agent; what is empty, too."""
    members: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    if not members:
        yield path, value
    for name, member in members:
        yield from leaves(member, f"{path}.{name}" if path else str(name))


def _single_values(title: str, values: Mapping[str, Any]) -> Iterator[Section]:
    if values:
        yield Section(title, KEY_AND_VALUE, [{"key": name, "value": value} for name, value in values.items()])


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Section:
    return Section(title, list(rows[0]) if rows else (), rows)


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The members of objects within objects, by their path."""
    for name, member in value.items():
        if isinstance(member, Mapping) and member:
            yield from _flat(member, f"{path}{name}.")
        else:
            yield f"{path}{name}", member


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or value == [] or _is_table(value)
