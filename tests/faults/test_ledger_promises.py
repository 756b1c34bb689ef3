"""What a ledger promises: all that was acknowledged, but for the last moments of a killed agent."""

from pathlib import Path

from tests.faults import ledger
from tests.faults.ledger import Entry, Ledger, parse, promised

GRACE_NS = 200


def killed(*entries: Entry) -> list[Entry]:
    """The entries that are promised of a process that was killed after them."""
    return list(promised([Entry(ledger.BEGIN, 0, ["1", str(GRACE_NS)]), *entries]))[1:]


def test_a_ledger_reads_back_what_was_written(tmp_path: Path) -> None:
    """Kind and fields come back, the process first."""
    book = Ledger(tmp_path / "ledger", GRACE_NS)
    book.write(ledger.SPANS, "aa", "01,02")
    book.sync()
    entries = parse((tmp_path / "ledger").read_text())
    assert [entry.kind for entry in entries] == [ledger.BEGIN, ledger.SPANS]
    assert entries[1].fields == ["aa", "01,02"]


def test_a_line_without_its_end_is_left_out() -> None:
    """A kill in the middle of a write."""
    assert parse("spans 1 aa 01\nspans 2 aa") == [Entry(ledger.SPANS, 1, ["aa", "01"])]
    assert parse("spans 2 aa") == []


def test_the_last_spans_of_a_killed_agent_are_not_promised() -> None:
    """A span is in the spool 200 ms after its end, an event when its helper returns."""
    early, late = Entry(ledger.SPANS, 100, ["a", "1"]), Entry(ledger.SPANS, 101, ["b", "2"])
    event = Entry(ledger.EVENTS, 300, ["c"])
    assert killed(early, late, event) == [early, event]


def test_all_of_an_agent_that_ended_in_order_is_promised() -> None:
    """Then the grace is over."""
    late, end = Entry(ledger.SPANS, 300, ["a", "1"]), Entry(ledger.END, 301, ["1", "0", "0"])
    assert killed(late, end) == [late, end]


def test_each_process_of_a_client_has_its_own_last_moment() -> None:
    """The next process's life does not stretch the killed one's."""
    lost = Entry(ledger.SPANS, 300, ["a", "1"])
    again = Entry(ledger.BEGIN, 900, ["2", str(GRACE_NS)])
    end = Entry(ledger.END, 1_000, ["0", "0", "0"])
    assert killed(lost, again, end) == [again, end]
