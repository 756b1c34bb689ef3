"""Lists that unite come back in the order in which they were told; criteria are known as they were at the start."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import permutations
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event, final_span


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """A writer to the test's database."""
    with closing(Writer(database_url)) as writing:
        yield writing


def execution(url: str, execution_id: uuid.UUID) -> dict[str, Any]:
    """The one row of an execution in agent_executions."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        (found,) = cursor.execute("SELECT * FROM agent_executions WHERE execution_id = %s", [execution_id]).fetchall()
        return found


def history(execution_id: uuid.UUID, lists: Sequence[list[str] | None], attribute: str) -> list[Batch]:
    """A start, progress and the end of an execution, each telling the list at its place or none."""
    told = [{} if members is None else {attribute: members} for members in lists]
    names = [s.EVENT_STARTED] + [s.EVENT_PROGRESS] * (len(told) - 2)
    records = [event(execution_id, name, place, told[place]) for place, name in enumerate(names)]
    return [*records, final_span(execution_id, len(told), told[-1])]


@pytest.mark.parametrize(
    "attribute", [s.SUCCESS_CRITERIA, s.FILES_MODIFIED, s.COMMANDS_EXECUTED, s.API_CALLS], ids=lambda name: name
)
def test_members_come_back_in_the_order_in_which_they_were_told(
    database_url: str, writer: Writer, attribute: str
) -> None:
    """By the earliest record that tells one, then its place there; in any order of arrival, each member once."""
    column = {
        s.SUCCESS_CRITERIA: "success_criteria",
        s.FILES_MODIFIED: "files_modified",
        s.COMMANDS_EXECUTED: "commands_executed",
        s.API_CALLS: "api_calls",
    }[attribute]
    for order in permutations(range(3)):
        execution_id = uuid.uuid4()
        batches = history(execution_id, [["z", "m", "z"], ["b", "z"], ["a", "m", "k", "b"]], attribute)
        for place in order:
            writer.write(batches[place])
        assert execution(database_url, execution_id)[column] == ["z", "m", "b", "a", "k"]


@pytest.mark.parametrize(
    ("lists", "at_start", "added", "dropped", "changed"),
    [
        ([["b", "a"], None, None], ["b", "a"], [], [], False),
        ([["b", "a"], ["b", "a"], ["a", "b"]], ["b", "a"], [], [], False),
        ([["b", "a"], ["c", "b", "a"], None], ["b", "a"], ["c"], [], True),
        ([["b", "a"], ["c", "a"], ["a", "d", "c"]], ["b", "a"], ["c", "d"], ["b"], True),
        ([["b", "a"], ["c"], ["a", "b", "c"]], ["b", "a"], ["c"], [], True),
        ([["b", "a"], None, []], ["b", "a"], [], ["b", "a"], True),
        ([[], None, ["a"]], [], ["a"], [], True),
        ([None, ["a"], ["b"]], [], ["a", "b"], [], True),
        ([None, None, None], [], None, None, False),
    ],
)
def test_criteria_that_change_after_the_start_are_shown(
    database_url: str,
    writer: Writer,
    lists: list[list[str] | None],
    at_start: list[str] | None,
    added: list[str] | None,
    dropped: list[str] | None,
    changed: bool,
) -> None:
    """What was added since, what the latest record no longer has; a start that states none had none."""
    for order in permutations(range(3)):
        execution_id = uuid.uuid4()
        batches = history(execution_id, lists, s.SUCCESS_CRITERIA)
        for place in order:
            writer.write(batches[place])
        found = execution(database_url, execution_id)
        assert found["success_criteria_at_start"] == at_start
        assert (found["criteria_added"], found["criteria_dropped"]) == (added, dropped)
        assert found["criteria_changed"] is changed


def test_lists_of_an_earlier_release_are_read(database_url: str, writer: Writer) -> None:
    """Their rows say nothing of the order: sorted, behind all that was told since."""
    execution_id = uuid.uuid4()
    facts = {"files_modified": {name: ["", True] for name in ("c", "a", "b")}}
    with connect(database_url, application="test") as connection:
        connection.execute(
            "INSERT INTO executions (execution_id, facts) VALUES (%s, %s)", [execution_id, json.dumps(facts)]
        )
    assert execution(database_url, execution_id)["files_modified"] == ["a", "b", "c"]
    writer.write(final_span(execution_id, 1, {s.FILES_MODIFIED: ["z", "c"]}))
    assert execution(database_url, execution_id)["files_modified"] == ["z", "c", "a", "b"]
