"""Random forests of executions, sent in any order, against the chain worked out in plain Python."""

import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.chain_oracle import Oracle
from tests.fixtures.chains import LOST, MS, Call, Chains, Kind, Member, batch

_DAYS_AGO_MS = 49 * 3600 * 1000


@st.composite
def forests(draw: st.DrawFn) -> list[Member]:
    """Up to 60 executions in up to three traces. Mostly a parent comes before its child; else there may be cycles."""
    size = draw(st.integers(1, 8) | st.integers(20, 60))
    traces = [draw(st.integers(0, 2)) for _ in range(size)]
    return [draw(_member(number, traces)) for number in range(size)]


@st.composite
def _member(draw: st.DrawFn, number: int, traces: Sequence[int]) -> Member:
    kinds: list[Kind] = ["foreign", "foreign", "span", "span", "events", "running", "abandoned"]
    kind = draw(st.sampled_from(kinds))
    others = st.integers(0, max(number - 1, 0)) if draw(st.integers(0, 9)) else st.integers(LOST, len(traces) - 1)
    here = [other for other in {draw(others), draw(others)} if other != LOST and traces[other] == traces[number]]
    spanned = kind in ("foreign", "span")
    places = st.tuples(st.sampled_from(["execution", "step"]), st.sampled_from(here)) if here else st.none()
    named = draw(st.sampled_from(["stated", "above", "link", "all", "none"]))
    return Member(
        kind=kind,
        trace=traces[number],
        start=draw(st.integers(0, 30)) - (_DAYS_AGO_MS if kind == "abandoned" else 0),
        length=draw(st.integers(0, 20)),
        stated=draw(others) if named == "stated" or (named == "all" and draw(st.booleans())) else None,
        above=draw(places) if spanned and named in ("above", "all") else None,  # type: ignore[arg-type]
        link=draw(others) if spanned and named in ("link", "all") else None,
        tokens=draw(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9))),
        cost=draw(st.none() | st.integers(0, 9).map(lambda quarters: quarters / 4)),
        calls=tuple(draw(st.lists(_CALLS, max_size=2))),
    )


_CALLS = st.builds(Call, st.integers(0, 9), st.integers(0, 9), st.none() | st.just(0.25), st.booleans())


def chain(url: str, execution_id: uuid.UUID) -> tuple[dict[uuid.UUID, dict[str, Any]], int]:
    """The chain's rows by execution, without their times of day, and what time it was for the database (ns)."""
    with connect(url, application="test") as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM agent_chain(%s)", [execution_id]).fetchall()
        now = cursor.execute("SELECT (extract(epoch FROM now()) * 1000000)::int8 AS us").fetchone()
    assert now is not None
    by_id = {row.pop("execution_id"): row for row in rows}
    assert len(by_id) == len(rows)
    for row in rows:
        del row["started_at"], row["completed_at"]
    return by_id, now["us"] * 1000


def test_any_forest_in_any_order(database_url: str) -> None:
    """Every figure of every member, whatever came first; the view's row of a member is that of its tree."""
    base_ns = (time.time_ns() // MS - 3600 * 1000) * MS

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(forests(), st.randoms(use_true_random=False))
    def same(members: list[Member], rng: Any) -> None:
        chains = Chains(members, base_ns)
        records = list(chains.records())
        records += rng.choices(records, k=2)
        rng.shuffle(records)
        cuts = sorted({0, len(records), *rng.choices(range(len(records) + 1), k=3)})
        for start, end in pairwise(cuts):
            assert not writer.write(batch(records[start:end])).refused
        waiting = set(range(len(members)))
        while waiting:
            number = rng.choice(sorted(waiting))
            found, now_ns = chain(database_url, chains.execution_id(number))
            oracle = Oracle(chains, now_ns)
            assert found == {member: oracle.rows()[member] for member in oracle.tree(number)}
            waiting -= {other for other in waiting if chains.execution_id(other) in found}
        _same_in_the_view(database_url, chains, rng.randrange(len(members)))

    with closing(Writer(database_url)) as writer:
        same()


def _same_in_the_view(url: str, chains: Chains, number: int) -> None:
    execution_id = chains.execution_id(number)
    with connect(url, application="test") as connection:
        one = connection.execute(
            "SELECT * FROM agent_execution_chain WHERE execution_id = %s", [execution_id]
        ).fetchall()
        tree = connection.execute(
            "SELECT * FROM agent_chains(%s) WHERE execution_id = %s",
            [chains.trace_id(chains.members[number].trace), execution_id],
        ).fetchall()
    assert one == tree
    assert len(one) == 1
