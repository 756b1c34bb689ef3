"""Reading strace's output: which requests waited for a sync."""

import pytest

from tests.faults.syncs import Span, parse, synced

TRACE = """\
100 10.000000 fdatasync(7)           = 0 <0.500000>
101 11.000000 fdatasync(7 <unfinished ...>
101 11.700000 <... fdatasync resumed>) = 0 <0.700000>
102 12.000000 fsync(9)               = -1 EIO (Input/output error) <0.100000>
102 13.000000 +++ exited with 0 +++
"""


def test_calls_have_a_begin_and_an_end() -> None:
    """A whole line is stamped at the begin, a resumed one at the end; a failed call is none."""
    assert [pytest.approx(call) for call in parse(TRACE)] == [(10.0, 10.5), (11.0, 11.7)]


@pytest.mark.parametrize(
    ("request_span", "counts"),
    [(Span(9.9, 10.6), True), (Span(10.1, 10.6), False), (Span(9.9, 10.4), False), (Span(11.0, 11.5), False)],
    ids=["around it", "it began before", "it ended after", "beside it"],
)
def test_a_request_is_synced_when_a_whole_call_lies_in_it(request_span: Span, counts: bool) -> None:
    """A sync that had begun before may not hold the request's bytes."""
    assert synced([request_span], [Span(10.0, 10.5)]) == counts
