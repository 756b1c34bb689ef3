"""Verdicts in any order of arrival are the same rows. VERDICT_ORDERS=5040 tries all orders instead of some."""

import itertools
import os
import random
import uuid
from functools import partial
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row

from agent_otel.local_stack.stack import LocalStack
from agent_otel.store.connection import connect
from tests.e2e.verdict_records import NAMES, Judged, send
from tests.fixtures.stack import rows, wait_for

ORDERS: Final = int(os.environ.get("VERDICT_ORDERS", "60"))
#: Differ from execution to execution, or tell when a row was first written.
_OWN: Final = ("execution_id", "id", "correlation_id", "span_id", "first_stored")
_VIEWS: Final = ("agent_executions", "agent_verifications", "agent_evaluations", "agent_execution_documents")
_ARRIVED: Final = """
  SELECT (SELECT count(*) FROM execution_events WHERE execution_id = ANY (%(ids)s))
       + (SELECT count(*) FROM spans WHERE execution_id = ANY (%(ids)s))"""


def told(stack: LocalStack, orders: list[tuple[str, ...]]) -> list[Judged]:
    """An execution for each order; the n-th records of all have arrived before the next ones are sent."""
    judged = [Judged() for _ in orders]
    ids = [one.execution_id for one in judged]
    sent: set[tuple[uuid.UUID, str]] = set()
    for place in range(max(map(len, orders))):
        now = [(one, order[place]) for one, order in zip(judged, orders, strict=True) if place < len(order)]
        send(stack.endpoint, [one.record(name) for one, name in now])
        sent |= {(one.execution_id, name) for one, name in now}
        wait_for(partial(_arrived, stack, ids, len(sent)), f"records {place}")
    return judged


def _arrived(stack: LocalStack, ids: list[uuid.UUID], count: int) -> bool:
    return rows(stack, _ARRIVED, {"ids": ids}) == [(count,)]


def known(stack: LocalStack, one: Judged) -> dict[str, Any]:
    """All that SQL says of an execution: its row, its verdicts with the names of their records, evaluations."""
    names = {one.event_id(name): name for name in NAMES}
    parameters = {"id": one.execution_id}
    found: dict[str, Any] = {}
    query = sql.SQL("SELECT * FROM {} WHERE execution_id = %(id)s")
    with (
        connect(stack.database_url, application="test", autocommit=True) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        for view in _VIEWS:
            found[view] = cursor.execute(query.format(sql.Identifier(view)), parameters).fetchall()
    connection.close()
    for row in itertools.chain(*found.values()):
        for column in _OWN:
            row.pop(column, None)
            row.get("document", {}).pop(column, None)
    for row in found["agent_verifications"]:
        row["verification_id"] = names[str(row["verification_id"])]
    found["agent_verifications"].sort(key=lambda row: row["verified_at"])
    return found


def test_every_order_of_arrival_is_the_same_rows(stack: LocalStack) -> None:
    """Start, two verdicts before the end, the end, the span, one days after, a label of quality."""
    orders = random.sample(list(itertools.permutations(NAMES)), ORDERS)
    first, *others = told(stack, [NAMES, *orders])
    expected = known(stack, first)
    (row,) = expected["agent_executions"]
    assert (row["status"], row["verification_status"], row["verdicts"]) == ("success", "MISMATCH", 3)
    assert (row["expected_vs_actual"], row["verified_by"]) == ("not as expected", "ana")
    assert (row["success_criteria_met"], row["success_criteria_failed"]) == (None, None)
    assert (row["manual_verification_required"], row["completeness"]) == (True, "LOW")
    assert (row["criteria_added"], row["criteria_dropped"], row["criteria_changed"]) == (["c"], [], True)
    assert (row["duration_ms"], row["last_event_at"]) == (5_000, row["completed_at"])
    verdicts = [(v["verification_id"], v["status"], v["is_current"]) for v in expected["agent_verifications"]]
    assert verdicts == [
        ("while it runs", "MATCH", False),
        ("at the end", "PARTIAL", False),
        ("days later", "MISMATCH", True),
    ]
    for other, order in zip(others, orders, strict=True):
        assert known(stack, other) == expected, order


def test_told_twice_and_by_halves(stack: LocalStack) -> None:
    """Records that come again change nothing; of a verdict's two tellings, event and span, either is enough."""
    whole, twice, by_span = told(
        stack,
        [
            NAMES,
            (*NAMES, *reversed(NAMES), *NAMES[1:3]),
            ("days later", "span", "quality", "start", "completed"),
        ],
    )
    assert known(stack, twice) == known(stack, whole) == known(stack, by_span)
