"""The chain of delegation as text: who delegated to whom, and what each and all below it took."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent_otel.commands.execution_tree import MARKS
from agent_otel.commands.terminal import clean, duration

Row = Mapping[str, Any]

#: Deeper members are counted instead of drawn: no terminal is wide enough.
_DRAWN_LEVELS: Final = 40


def render(rows: Sequence[Row], asked: uuid.UUID) -> str:
    """The tree of agent_chain's rows, the root first; `asked` is pointed at."""
    by_id = {row["execution_id"]: row for row in rows}
    root = by_id[rows[0]["root_execution_id"]]
    lines = [_title(root, asked)]
    # Not by recursion: a chain may be a thousand levels deep.
    waiting = _entries(root, "", by_id)
    hidden = 0
    while waiting:
        row, indent, last = waiting.pop()
        if row["depth"] > _DRAWN_LEVELS:
            hidden += 1
        else:
            lines.append(f"{indent}{'└─' if last else '├─'} {_title(row, asked)}")
        waiting += _entries(row, indent + ("   " if last else "│  "), by_id)
    if hidden:
        lines.append(f"… and {hidden} more below level {_DRAWN_LEVELS}; --json has them")
    lines.append(_summary(root, len(rows)))
    return "\n".join(lines)


def _entries(row: Row, indent: str, by_id: Mapping[uuid.UUID, Row]) -> list[tuple[Row, str, bool]]:
    """The children of a member, the first one on top of the stack."""
    children = row["child_executions"]
    return [(by_id[child], indent, child == children[-1]) for child in reversed(children)]


def _title(row: Row, asked: uuid.UUID) -> str:
    name = clean(row["agent_name"] or "unnamed agent")
    parts = [f"{MARKS.get(row['status'], ' ')} {name}", row["status"], *_figures(row)]
    return "  ".join(
        [*parts, *_remarks(row), str(row["execution_id"]), *(["◀"] if row["execution_id"] == asked else [])]
    )


def _figures(row: Row) -> list[str]:
    """Time, tokens and cost; the own ones where they are not all there is."""
    pairs = [
        (duration(row["inclusive_duration_ms"]), duration(row["own_duration_ms"])),
        (_tokens(row["inclusive_tokens"]), _tokens(row["own_tokens"])),
        (_cost(row["inclusive_cost_usd"]), _cost(row["own_cost_usd"])),
    ]
    return [whole if whole == own else f"{whole} (own {own or 'none'})" for whole, own in pairs if whole]


def _remarks(row: Row) -> list[str]:
    remarks = []
    if row["parent_is_missing"]:
        named = row["parent_execution_id"]
        remarks.append(f"[its parent {named} is not stored]" if named else "[the span above it is not stored]")
    if row["in_cycle"]:
        remarks.append(f"[in a cycle: delegated by {row['parent_execution_id']}]")
    if row["crosses_trace"]:
        remarks.append(f"[in trace {row['correlation_id']}]")
    if row["parallel_with"]:
        remarks.append(f"[parallel with {len(row['parallel_with'])}]")
    return remarks


def _summary(root: Row, members: int) -> str:
    return "  ".join(["in all", f"{members} executions" if members > 1 else "1 execution", *_in_all(root)])


def _in_all(root: Row) -> list[str]:
    figures = [
        duration(root["inclusive_duration_ms"]), _tokens(root["inclusive_tokens"]), _cost(root["inclusive_cost_usd"]),
    ]  # fmt: skip
    return [figure for figure in figures if figure]


def _tokens(count: int | None) -> str:
    return "" if count is None else f"{count} tokens"


def _cost(usd: float | None) -> str:
    return "" if usd is None else f"${usd:.4f}"
