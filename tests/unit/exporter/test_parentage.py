"""What an execution's span says of its parent."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes

TRACE, OTHER = bytes(range(16)), bytes(range(1, 17))
Link = tuple[bytes, bytes, object]
NAMES = ("parent_span_id", "link_trace_id", "link_span_id")


def said(*links: Link, parent: bytes = b"") -> list[object]:
    """The values of the three facts, None for one that is not there."""
    invoke = to_attributes({s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT})
    span = Span(trace_id=TRACE, span_id=b"\1" * 8, parent_span_id=parent, end_time_unix_nano=1, attributes=invoke)
    for trace_id, span_id, kind in links:
        attributes = to_attributes({} if kind is None else {s.LINK_TYPE: kind})
        span.links.add(trace_id=trace_id, span_id=span_id, attributes=attributes)
    batch = map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")])
    (item,) = batch.spans
    assert item.execution is not None
    return [item.execution.facts.get(name, [None, None])[1] for name in NAMES]


def test_the_span_above() -> None:
    """As a signed integer; a root has none."""
    assert said() == [None, None, None]
    assert said(parent=b"\xff" * 8) == [-1, None, None]


def test_the_first_link_of_the_type_counts() -> None:
    """Relatives are no parents; of two that delegated, the first one told."""
    links = [(OTHER, b"\2" * 8, "correlated_with"), (OTHER, b"\3" * 8, "retry_of"), (OTHER, b"\4" * 8, None)]
    assert said(*links) == [None, None, None]
    found = said(*links, (OTHER, b"\xff" * 8, "delegated_by"), (TRACE, b"\2" * 8, "delegated_by"))
    assert found == [None, OTHER.hex(), -1]


@pytest.mark.parametrize(
    "link",
    [
        (b"", b"\2" * 8, "delegated_by"),
        (OTHER, b"", "delegated_by"),
        (bytes(16), b"\2" * 8, "delegated_by"),
        (OTHER, bytes(8), "delegated_by"),
        (OTHER * 2, b"\2" * 8, "delegated_by"),
        (OTHER, b"\2" * 8, 7),
        (OTHER, b"\2" * 8, ["delegated_by"]),
    ],
)
def test_a_link_to_nowhere_is_passed_over(link: Link) -> None:
    """Ids that are none, types of another type: the next one counts, and nothing is refused."""
    assert said(link) == [None, None, None]
    assert said(link, (OTHER, b"\2" * 8, "delegated_by"))[1] == OTHER.hex()
