"""The tree of an execution: its steps and the executions that it delegated, in order of their start."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agent_otel.commands.terminal import clean, duration

Row = Mapping[str, Any]

MARKS = {"success": "✓", "error": "✗", "partial": "~", "cancelled": "-", "abandoned": "?", "in_progress": "…"}
_FAR_FUTURE = dt.datetime.max.replace(tzinfo=dt.UTC)


class Node(NamedTuple):
    """An execution with its steps and children."""

    execution: Row
    steps: Sequence[Row]
    children: "list[Node]"


def build(family: Sequence[Row], steps: Iterable[Row]) -> Node:
    """The tree of a family, whose first row is the root."""
    steps_of: dict[uuid.UUID, list[Row]] = {}
    for step in steps:
        steps_of.setdefault(step["execution_id"], []).append(step)
    nodes = {row["execution_id"]: Node(row, steps_of.get(row["execution_id"], []), []) for row in family}
    root = nodes[family[0]["execution_id"]]
    for node in nodes.values():
        parent = nodes.get(node.execution["delegated_by"])
        if parent is not None and node is not root:
            parent.children.append(node)
    return root


def as_dict(node: Node) -> dict[str, Any]:
    """The tree as JSON would have it: the execution's columns, then its steps and children."""
    return {**node.execution, "steps": list(node.steps), "children": [as_dict(child) for child in node.children]}


def render(node: Node, jaeger_url: str | None = None) -> str:
    """The tree as text, with where to look at the trace."""
    lines = [_title(node.execution), *_below(node, "")]
    execution = node.execution
    correlation = execution["correlation_id"]
    lines.append(f"execution {execution['execution_id']}" + (f"  correlation {correlation}" if correlation else ""))
    if jaeger_url and execution["span_id"]:
        # The Jaeger built from Go modules has no UI; its API answers in both builds.
        lines.append(f"trace     {jaeger_url}/api/v3/traces/{correlation.hex}")
    return "\n".join(lines)


def _below(node: Node, indent: str) -> list[str]:
    entries: list[tuple[Any, str, Node | None]] = [
        *((step["started_at"], _step(step), None) for step in node.steps),
        *((child.execution["started_at"] or _FAR_FUTURE, _title(child.execution), child) for child in node.children),
    ]
    entries.sort(key=lambda entry: entry[0])
    lines = []
    for index, (_, text, child) in enumerate(entries):
        last = index == len(entries) - 1
        lines.append(f"{indent}{'└─' if last else '├─'} {text}")
        if child is not None:
            lines += _below(child, indent + ("   " if last else "│  "))
    return lines


def _title(row: Row) -> str:
    parts = [f"{MARKS.get(row['status'], ' ')} {clean(row['agent_name'] or 'unnamed agent')}", row["status"]]
    if row["status"] == "in_progress" and row["stage"]:
        percent = "" if row["percent"] is None else f" {row['percent']:g} %"
        parts.append(f"{clean(row['stage'])}{percent}")
    parts += [duration(row["duration_ms"]), _tokens(row["total_tokens"])]
    if row["error_type"] or row["error_message"]:
        parts.append(clean(f"{row['error_type'] or ''}: {row['error_message'] or ''}".strip(": ")))
    return "  ".join(part for part in parts if part)


def _step(row: Row) -> str:
    mark = "✓" if row["success"] else "✗"
    what = " ".join(part for part in (row["tool"], row["action"]) if part) or row["name"]
    parts = [f"{mark} {row['kind']}: {clean(what)}", duration(row["latency_ms"]), _tokens(row["tokens"])]
    if row["batch_size"]:
        parts.append(f"x{row['batch_size']}")
    outcome = row["observation"] or row["error_message"]
    return "  ".join([*filter(None, parts), *([f"({clean(outcome, 80)})"] if outcome else [])])


def _tokens(count: int | None) -> str:
    return f"{count} tokens" if count else ""
