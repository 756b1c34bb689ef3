"""An execution's records merge to the same facts in any order, however often each comes."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent_otel.model import STATUS_RANK, Rank, assumed, merge_facts
from agent_otel.semconv import TERMINAL
from agent_otel.store.rows import Batch
from tests.fixtures.executions import histories

Facts = dict[str, Any]


def facts_of(batch: Batch) -> Facts:
    """Everything one record says, small and large."""
    (item,) = batch.items()
    assert item.execution is not None
    return {**item.execution.facts, **item.execution.content}


@given(histories(), st.randoms(use_true_random=False))
def test_any_order_and_any_repeats_give_the_same_facts(history: tuple[object, list[Batch]], random: Any) -> None:
    """Merging is commutative, associative and idempotent over whole histories."""
    records = [facts_of(batch) for batch in history[1]]
    expected = reduce(merge_facts, records)
    again = [*records, *random.choices(records, k=3)]
    random.shuffle(again)
    assert reduce(merge_facts, again) == expected
    middle = len(again) // 2
    halves = [reduce(merge_facts, half) for half in (again[:middle], again[middle:]) if half]
    assert reduce(merge_facts, halves) == expected


@given(histories())
def test_the_highest_record_gives_the_outcome(history: tuple[object, list[Batch]]) -> None:
    """Status, end, error, score and result come from one record: terminal, then stated, latest, worst, the span."""
    records = [facts_of(batch) for batch in history[1]]
    merged = reduce(merge_facts, records)
    highest = max(records, key=lambda facts: facts["status"][0])
    for name in ("status", "error_type", "error_message", "quality_score", "ended"):
        assert merged.get(name, [None, None])[1] == highest.get(name, [None, None])[1]


RANKS = st.builds(
    Rank,
    st.sampled_from(sorted(STATUS_RANK)),
    st.one_of(st.integers(0, 3), st.integers(2**64 - 3, 2**64 - 1)),
    st.booleans(),
    st.just(bytes(8)),
    st.booleans(),
)


@given(st.lists(RANKS, min_size=2))
def test_ranks_order_as_the_rule_says(records: list[Rank]) -> None:
    """Ranks compared as text order by terminal, stated, time, status and source, in that order."""

    def rule(rank: Rank) -> tuple[bool, bool, int, int, bool]:
        terminal = rank.status in TERMINAL
        return (terminal, terminal and not rank.inferred, rank.time_ns, STATUS_RANK[rank.status], rank.is_span)

    assert [rule(rank) for rank in sorted(records, key=str)] == sorted(map(rule, records))


@given(RANKS)
def test_what_is_assumed_ranks_below_all_that_is_stated(rank: Rank) -> None:
    """Even the highest end does not lift what it only lets assume above what an open record states."""
    assert assumed(str(rank)) < str(Rank("in_progress", 0, False, bytes(8)))


def test_ranks_are_spelled_as_they_are_stored() -> None:
    """Rows of any age are compared with each other: the spelling never changes."""
    digest = bytes(range(32))
    assert str(Rank("in_progress", 255, False, digest)) == "000000000000000ff000001020304050607"
    assert str(Rank("error", 2**64 - 1, True, digest)) == "1ffffffffffffffff410001020304050607"
    assert str(Rank("cancelled", 255, False, digest, inferred=True)) == "0i00000000000000ff200001020304050607"
