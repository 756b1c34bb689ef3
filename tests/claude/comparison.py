"""Whether the audit trail says what happened: the expected executions, filled in from the model's own ledger."""

import math
import uuid
from collections.abc import Iterator, Sequence

from agent_otel import identity
from tests.claude.ledger import Request, Usage, total
from tests.claude.scenario import COMPACT, Expected
from tests.claude.script import prompt
from tests.claude.tree import Execution, Step


def differences(
    expected: Sequence[Expected], requests: Sequence[Request], found: Sequence[Execution], *, cost: bool
) -> list[str]:
    """What is not as it must be, in words; `cost`: whether the CLI told what its requests cost."""
    rows = [(each, _of(each, requests), _rows(each, found)) for each in expected]
    wrong = [f"{_name(each)}: {len(matching)} rows instead of one" for each, _, matching in rows if len(matching) != 1]
    if len(found) != len(expected):
        wrong.append(f"{len(found)} executions instead of {len(expected)}: {[_told(row) for row in found]}")
    if wrong:
        return wrong
    ids = {each.script: matching[0].id for each, _, matching in rows if not each.described}
    for each, own, (row,) in rows:
        checks = (_identity(row), _facts(each, row, ids), _steps(each, own, row), _usage(each, own, row, cost=cost))
        wrong += [f"{_name(each)}: {difference}" for check in checks for difference in check]
    return wrong


def _of(expected: Expected, requests: Sequence[Request]) -> list[Request]:
    turns = range(expected.first, expected.last)
    return [request for request in requests if request.script == expected.script and request.turn in turns]


def _rows(expected: Expected, found: Sequence[Execution]) -> list[Execution]:
    """The rows that can only be this execution's: told by the prompt, which has the script's marker, or what it is."""
    begin = expected.described or prompt(expected.script)
    return [row for row in found if _told_by(row).startswith(begin) and row.row["agent_name"] == expected.agent]


def _identity(row: Execution) -> Iterator[str]:
    """The contract: an id is made of the session and the prompt, or of the session and the sub-agent."""
    session = row.row["session_id"]
    own = row.row["agent_instance_id"] or row.row["correlation_id"]
    made = uuid.UUID(int=identity.named_uuid(identity.NAMESPACE, f"{session}/{own}"))
    if made != row.id:
        yield f"its id is {row.id}, not {made}, which {session}/{own} makes"


def _facts(expected: Expected, row: Execution, ids: dict[str, uuid.UUID]) -> Iterator[str]:
    if not expected.described and row.row["prompt"] not in _prompts(expected):
        yield f"its prompt is {row.row['prompt']!r}"
    if row.row["status"] != expected.status:
        yield f"its status is {row.row['status']} ({row.row['error_type']}), not {expected.status}"
    if bool(row.row["end_inferred"]) != expected.inferred:
        yield f"end_inferred is {row.row['end_inferred']}, not {expected.inferred}"
    parent = ids[expected.parent] if expected.parent else None
    if row.row["parent_execution_id"] != parent:
        yield f"its parent is {row.row['parent_execution_id']}, not {parent}"


def _steps(expected: Expected, requests: Sequence[Request], row: Execution) -> Iterator[str]:
    """Calls of one request run side by side, in any order; those of the next come after them."""
    calls = [call for request in requests for call in request.calls]
    wanted = [Step(call.id, call.tool, place not in expected.failing) for place, call in enumerate(calls)]
    if sorted(row.steps, key=repr) != sorted(wanted, key=repr):
        yield f"its steps are {[tuple(step) for step in row.steps]}, not {[tuple(step) for step in wanted]}"
        return
    turns = {call.id: number for number, request in enumerate(requests) for call in request.calls}
    order = [turns[step.tool_call_id or ""] for step in row.steps]
    if order != sorted(order):
        yield f"its steps are of the turns {order}"


def _usage(expected: Expected, requests: Sequence[Request], row: Execution, *, cost: bool) -> Iterator[str]:
    # No transcript has the request of a compaction.
    usage = total(requests) if cost or expected.described != COMPACT else Usage()
    wanted = (usage.all_input, usage.output, usage.cache_read, usage.cache_creation)
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
    found = tuple(row.row[name] or 0 for name in names)
    if found != wanted:
        yield f"its tokens (input with cache, output, cache read, cache creation) are {found}, not {wanted}"
    spent = row.row["cost_usd"] or 0.0
    right = math.fsum(request.cost_usd for request in requests) if cost else 0.0
    if math.isclose(spent, right, abs_tol=1e-9) or (not expected.cost and not spent):
        return
    yield f"its cost is {spent} US dollars, not {right}"


def _prompts(expected: Expected) -> list[str]:
    """What the prompt may be: what was said first, with what was said meanwhile where the CLI tells of that."""
    first = prompt(expected.script)
    return [first, f"{first}\n{prompt(expected.interjected)}"] if expected.interjected else [first]


def _told_by(row: Execution) -> str:
    return row.row["prompt"] or row.row["description"] or ""


def _name(expected: Expected) -> str:
    return f"{expected.script} ({expected.described})" if expected.described else expected.script


def _told(row: Execution) -> tuple[object, ...]:
    return row.row["agent_name"], _told_by(row)[:40], row.row["status"]
