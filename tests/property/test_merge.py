"""An execution's records merge to the same facts in any order, however often each comes."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent_otel.model import STATUS_RANK, Rank, merge_facts
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
    """Status, end, error, score and result come from one record: terminal, then latest, then worst, then the span."""
    records = [facts_of(batch) for batch in history[1]]
    merged = reduce(merge_facts, records)
    highest = max(records, key=lambda facts: facts["status"][0])
    for name in ("status", "error_type", "error_message", "quality_score", "ended"):
        assert merged.get(name, [None, None])[1] == highest.get(name, [None, None])[1]


@given(st.lists(st.tuples(st.sampled_from(sorted(STATUS_RANK)), st.integers(0, 3), st.booleans()), min_size=2))
def test_ranks_order_as_the_rule_says(records: list[tuple[str, int, bool]]) -> None:
    """Ranks compared as text order by terminal, time, status and source, in that order."""

    def rule(record: tuple[str, int, bool]) -> tuple[bool, int, int, bool]:
        status, time_ns, is_span = record
        return (status in TERMINAL, time_ns, STATUS_RANK[status], is_span)

    by_text = sorted(records, key=lambda record: str(Rank(record[0], record[1], record[2], bytes(8))))
    assert [rule(record) for record in by_text] == sorted(map(rule, records))
