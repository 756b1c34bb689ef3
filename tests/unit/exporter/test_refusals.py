"""What of a request is not stored."""

from agent_otel.exporter.refusals import Refusals


def test_reasons_are_counted_and_rows_kept() -> None:
    """The message has the most frequent reasons first; kept rows that are not refused do not count."""
    refusals = Refusals("traces", b"request", 1_000)
    for reason in ("rare", "often", "often", "third", "fourth"):
        refusals.refuse(reason, b"raw")
    refusals.keep("altered: name", b"raw")
    refusals.refused_by_store(2)
    assert (refusals.total, refusals.by_store) == (7, 2)
    assert refusals.message().startswith("not stored, kept in quarantine: 2 x often; 2 x refused by the store")
    assert refusals.message().endswith("2 more reasons")
    assert [row.reason for row in refusals.take()] == ["rare", "often", "often", "third", "fourth", "altered: name"]
    assert refusals.take() == []


def test_beyond_the_limit_the_request_is_kept_as_a_whole() -> None:
    """So that the quarantine grows with what was sent, not with its square; all are counted."""
    refusals = Refusals("logs", b"request", 10)
    for number in range(5):
        refusals.refuse(f"reason {number}", b"12345")
    rows = refusals.take()
    assert [row.raw for row in rows] == [b"12345", b"12345", b"request"]
    assert "the whole request" in rows[-1].reason
    assert rows[-1].signal == "logs"
    assert refusals.total == 5


def test_many_different_reasons_stay_small() -> None:
    """A sender cannot fill the memory, or the answer, with reasons."""
    refusals = Refusals("traces", b"", 10**6)
    for number in range(1_000):
        refusals.refuse(f"reason {number} {'x' * 500}", b"")
    assert refusals.total == 1_000
    assert len(refusals.message()) <= 1024
    assert "other reasons" in refusals.message()


def test_beyond_a_thousand_rows_the_request_is_kept_as_a_whole() -> None:
    """Then nothing further needs its bytes; the reasons are counted all the same."""
    refusals = Refusals("traces", b"request", 10**6)
    for number in range(1_000):
        refusals.refuse("reason", b"item")
        assert not refusals.whole, number
    for _ in range(2):
        refusals.refuse("reason", b"")
        assert refusals.whole
    assert [row.raw for row in refusals.take()] == [b"item"] * 1_000 + [b"request"]
    assert refusals.total == 1_002
