"""agent_chain on trees that matter by themselves; random ones are in test_chain_forests."""

import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from itertools import permutations
from typing import Any

import pytest
from psycopg.rows import dict_row

from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.chain_oracle import Oracle
from tests.fixtures.chains import LOST, MS, Call, Chains, Member, batch
from tests.fixtures.claude_recordings import Session, usage
from tests.fixtures.executions import START_NS
from tests.fixtures.quarantine import query

DEEP, WIDE = 12, 200


def written(url: str, members: Sequence[Member], base_ns: int = START_NS) -> Chains:
    """The members, stored in one batch."""
    chains = Chains(members, base_ns)
    with closing(Writer(url)) as writer:
        assert not writer.write(batch(list(chains.records()))).refused
    return chains


def rows(url: str, execution_id: uuid.UUID) -> list[dict[str, Any]]:
    """The rows of agent_chain, in its order."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM agent_chain(%s)", [execution_id]).fetchall()


def row(url: str, chains: Chains, number: int) -> dict[str, Any]:
    """The row of one member."""
    (only,) = (
        row for row in rows(url, chains.execution_id(number)) if row["execution_id"] == chains.execution_id(number)
    )
    return only


def is_as_expected(url: str, chains: Chains, number: int) -> list[dict[str, Any]]:
    """The rows of a member's tree, which must be those that plain Python expects."""
    found = rows(url, chains.execution_id(number))
    oracle = Oracle(chains, time.time_ns())
    expected = {member: values for member, values in oracle.rows().items() if member in oracle.tree(number)}
    assert {
        row["execution_id"]: {name: row[name] for name in next(iter(expected.values()))} for row in found
    } == expected
    return found


def test_twelve_deep_and_two_hundred_wide(database_url: str) -> None:
    """One tree, steps between the levels, the same from the top, the middle and a leaf."""
    down = [Member("foreign", length=5000 - n, start=n, above=("step", n - 1) if n else None) for n in range(DEEP)]
    wide = [
        Member("foreign", start=100 + n * 10, length=15, above=("step", DEEP - 1), calls=(Call(3, 2, 0.25),))
        for n in range(WIDE)
    ]
    chains = written(database_url, [*down, *wide])
    for number in (0, 6, DEEP + 77):
        found = is_as_expected(database_url, chains, number)
        assert len(found) == DEEP + WIDE
        assert (found[0]["inclusive_tokens"], found[0]["inclusive_cost_usd"]) == (5 * WIDE, 0.25 * WIDE)
    leaf = row(database_url, chains, DEEP + 77)
    assert (leaf["depth"], leaf["parallel_with"]) == (
        DEEP,
        [chains.execution_id(DEEP + 76), chains.execution_id(DEEP + 78)],
    )


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_cycle_is_shown_once_and_cut(database_url: str, size: int) -> None:
    """Its earliest member comes first; what hangs below it stays below it. A parent of itself is a cycle of one."""
    circle = [Member(stated=(n + 1) % size, start=(size - n) * 5, tokens=(1, 1)) for n in range(size)]
    chains = written(database_url, [*circle, Member(stated=0, start=99, tokens=(5, 5)), Member(stated=size, start=100)])
    for number in range(size + 2):
        found = is_as_expected(database_url, chains, number)
        assert found[0]["execution_id"] == chains.execution_id(size - 1)
        assert [r["in_cycle"] for r in found].count(True) == size
        assert found[0]["inclusive_tokens"] == 2 * size + 10


def test_spans_that_are_each_others_parents(database_url: str) -> None:
    """A cycle that only spans make, with a step in it; and steps above an execution that go round without any."""
    chains = written(database_url, [Member("foreign", above=("step", 1)), Member("foreign", above=("execution", 0))])
    assert [r["in_cycle"] for r in is_as_expected(database_url, chains, 0)] == [True, True]
    around = Chains([Member("foreign", above=("step", 0))], START_NS)
    records = list(around.records())
    step = records[-1]
    step.parent_span_id = step.span_id  # type: ignore[union-attr]
    with closing(Writer(database_url)) as writer:
        writer.write(batch(records))
    (only,) = rows(database_url, around.execution_id(0))
    assert (only["parent_execution_id"], only["parent_is_missing"], only["in_cycle"]) == (None, False, False)


def test_a_missing_parent_is_named_and_ends_the_way_up(database_url: str) -> None:
    """As stated; by a span or a link only that it is missing. A span above that is no execution's is not missed."""
    chains = written(
        database_url,
        [
            *(Member(stated=LOST), Member(stated=0), Member("foreign", above=("execution", LOST))),
            *(Member("foreign", link=LOST), Member("foreign", above=("step", LOST), link=0, trace=1)),
        ],
    )
    for number in range(5):
        is_as_expected(database_url, chains, number)
    assert row(database_url, chains, 0)["parent_execution_id"] == chains.execution_id(LOST)
    assert [row(database_url, chains, n)["parent_is_missing"] for n in range(5)] == [True, False, True, True, False]
    assert row(database_url, chains, 4)["parent_execution_id"] == chains.execution_id(0)


def test_traces_are_joined_by_links_and_by_statements(database_url: str) -> None:
    """Raw OTLP without aotel.parent_execution.id; only links of type delegated_by count; crosses_trace says where."""
    chains = written(
        database_url,
        [
            *(Member("foreign"), Member("foreign", link=0, trace=1), Member("foreign", above=("step", 1), trace=1)),
            *(Member(stated=2, trace=2), Member("foreign", link=3, trace=1)),
        ],
    )
    found = is_as_expected(database_url, chains, 4)
    assert [(r["agent_name"], r["depth"], r["crosses_trace"]) for r in found] == [
        ("agent 0", 0, False), ("agent 1", 1, True), ("agent 2", 2, False), ("agent 3", 3, True), ("agent 4", 4, True),
    ]  # fmt: skip
    listed = query(database_url, "SELECT count(*) FROM agent_chains(%s)", chains.trace_id(2))
    assert listed == [(5,)]


def test_whatever_arrives_last(database_url: str) -> None:
    """Every order of five records: the rows are the same once all are there, and a child alone says what it misses."""
    members = [
        Member("foreign", tokens=(4, 4)),
        Member("foreign", above=("step", 0), trace=0),
        Member(stated=1, trace=1),
    ]
    for order in permutations(range(4)):
        chains = Chains(members, START_NS)
        records = list(chains.records())
        with closing(Writer(database_url)) as writer:
            for place in order[:-1]:
                writer.write(batch([records[place]]))
            if order[-1] == 0:
                assert row(database_url, chains, 2)["depth"] == 1
                assert row(database_url, chains, 1)["parent_is_missing"]
            writer.write(batch([records[order[-1]]]))
        assert len(is_as_expected(database_url, chains, 2)) == 3, order


def test_sums_that_a_framework_repeats_count_once(database_url: str) -> None:
    """Parents that state what those below used have nothing of their own; of ours, a parent's figures are its own."""
    foreign = [
        *(Member("foreign", tokens=(30, 3), cost=1.0), Member("foreign", above=("step", 0), tokens=(30, 3), cost=1.0)),
        Member("foreign", above=("execution", 1), tokens=(10, 1), calls=(Call(10, 1, 0.5, wrapped=True),)),
        Member("foreign", above=("execution", 1), tokens=(20, 2), cost=0.5),
    ]
    chains = written(database_url, foreign)
    found = is_as_expected(database_url, chains, 3)
    assert [(r["own_tokens"], r["inclusive_tokens"]) for r in found[:2]] == [(None, 33), (None, 33)]
    assert (found[0]["inclusive_input_tokens"], found[0]["inclusive_cost_usd"]) == (30, 1.0)
    ours = written(
        database_url, [Member(tokens=(30, 3)), Member(stated=0, tokens=(10, 1)), Member(stated=0, calls=(Call(1, 1),))]
    )
    assert is_as_expected(database_url, ours, 0)[0]["inclusive_tokens"] == 33 + 11 + 2


def test_model_requests_of_a_harness_count_once(database_url: str) -> None:
    """A recorded session of Claude Code, telemetry and hooks: the prompt's three requests and the sub-agent's two."""
    session = Session("2.1.330")
    with closing(Writer(database_url)) as writer:
        for records in [*session.telemetry(), *session.hooks()]:
            writer.write(records)
    found = [*rows(database_url, session.prompt), *rows(database_url, session.agent)]
    own = {r["execution_id"]: (r["own_input_tokens"], r["own_tokens"]) for r in found}
    prompt, agent = usage(1, 2, 5), usage(3, 4)
    expected = {session.prompt: prompt, session.agent: agent}
    assert own == {owner: (used.input_tokens, used.total_tokens) for owner, used in expected.items()}


def test_siblings_overlap_touch_or_do_not(database_url: str) -> None:
    """Parallel is what shares time: not one that begins when another ends, but one of no length within another."""
    times = [(0, 10), (10, 10), (5, 2), (30, 5), (12, 0)]
    chains = written(database_url, [Member(length=100), *(Member(stated=0, start=s, length=n) for s, n in times)])
    found = {r["execution_id"]: r for r in is_as_expected(database_url, chains, 0)}
    beside = {
        n: {chains.execution_id(m) for m in with_it} for n, with_it in {1: [3], 2: [5], 3: [1], 4: [], 5: [2]}.items()
    }
    assert {n: set(found[chains.execution_id(n)]["parallel_with"]) for n in beside} == beside
    top = found[chains.execution_id(0)]
    assert (top["own_duration_ms"], top["inclusive_duration_ms"]) == (75, 100)


def test_running_and_abandoned_members(database_url: str) -> None:
    """Running: until now. Abandoned: until the last sign of life, so its parent's time does not grow for ever."""
    hour = 3600 * 1000
    base_ns = time.time_ns() // MS * MS - 50 * hour * MS
    chains = written(
        database_url,
        [
            Member("abandoned", length=7),
            Member("running", stated=0, start=49 * hour, length=1),
            Member(stated=0, start=2, length=9),
        ],
        base_ns,
    )
    found = {r["execution_id"]: r for r in rows(database_url, chains.execution_id(2))}
    old, running, done = (found[chains.execution_id(n)] for n in range(3))
    assert [old["status"], running["status"], done["status"]] == ["abandoned", "in_progress", "success"]
    assert (old["duration_ms"], running["duration_ms"], old["own_duration_ms"]) == (None, None, 2)
    assert running["own_duration_ms"] == pytest.approx(hour, abs=60_000)
    assert old["inclusive_duration_ms"] == running["own_duration_ms"] + 11


def test_a_thousand_levels_are_followed_and_no_more(database_url: str) -> None:
    """From the bottom of 1,100 the way up ends after 1,000; from the top, the way down."""
    chains = written(database_url, [Member(stated=n - 1 if n else None) for n in range(1100)])
    assert max(r["depth"] for r in rows(database_url, chains.execution_id(0))) == 1000
    below = rows(database_url, chains.execution_id(1099))
    assert (below[0]["execution_id"], below[-1]["execution_id"]) == (chains.execution_id(99), chains.execution_id(1099))


def test_too_many_siblings_are_not_compared(database_url: str) -> None:
    """Among 1,000 each is compared with each; among more nobody is, which is not the same as nobody in parallel."""
    members = [Member(), Member(), *(Member(stated=0) for _ in range(1000)), *(Member(stated=1) for _ in range(1001))]
    chains = written(database_url, members)
    few, many = (rows(database_url, chains.execution_id(number)) for number in (0, 1))
    assert (len(few), {len(r["parallel_with"]) for r in few}) == (1001, {0, 999})
    assert (len(many), [r["parallel_with"] for r in many]) == (1002, [[], *([None] * 1001)])


def test_an_unknown_execution_has_no_chain(database_url: str) -> None:
    """No row, no error, for the functions and the view."""
    nobody = uuid.uuid4()
    assert rows(database_url, nobody) == []
    assert query(database_url, "SELECT * FROM agent_chains(%s)", nobody) == []
    assert query(database_url, "SELECT * FROM agent_execution_chain WHERE execution_id = %s", nobody) == []


def test_what_cannot_be_true_does_not_overflow(database_url: str) -> None:
    """Hostile figures cost no error: sums end at what the type holds."""
    members = [
        Member(tokens=(2**53, 2**53), cost=1e308),
        *(Member(stated=0, tokens=(2**53, 0), cost=1e308) for _ in range(3)),
    ]
    chains = written(database_url, members)
    top = row(database_url, chains, 0)
    assert (top["inclusive_input_tokens"], top["inclusive_cost_usd"]) == (4 * 2**53, 1e308)
