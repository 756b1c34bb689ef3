"""Spans as large as they may be, made of as many parts as possible: what they cost, and what becomes of them."""

import json
import subprocess
import sys

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import part_count
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans

MIB = 1024 * 1024
IDS = bytes(Span(trace_id=b"t" * 16, span_id=b"s" * 8).SerializeToString())
NOWHERE = (b"", b"", b"", b"")
TOO_MANY = part_count.MAX_PARTS + 1

#: Maps one span in a process of its own; prints by how much its memory grew at most, in MiB, and what became of it.
MEASURE = """
import json, sys
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.store.copy_format import pack_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) / 1024

def attribute(key, **value):
    return Span(attributes=[KeyValue(key=key, value=AnyValue(**value))]).SerializeToString()

ids = Span(trace_id=b"t" * 16, span_id=b"s" * 8).SerializeToString()
raw = ids + PARTS
before = memory("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
batch = map_spans([RawItem(raw, b"", b"", b"", b"")])
for _ in pack_spans([item.row for item in batch.spans], 1):
    pass
row = batch.spans[0].row
print(json.dumps([memory("VmHWM") - before, len(raw), len(row.attributes), len(row.content or b""), row.otlp == raw]))
"""


def measured(parts: str) -> list[int]:
    """Growth in MiB, size of the span, of its attributes and of its content, and whether its exact bytes are kept."""
    source = MEASURE.replace("PARTS", parts)
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=300)
    values: list[int] = json.loads(result.stdout)
    return values


def test_a_million_attributes_cost_less_than_300_mib() -> None:
    """They stand up to the limit, and the exact bytes have them all."""
    parts = r'b"".join(b"\x4a\x0d\x0a\x07%07d\x12\x02\x18\x07" % number for number in range(1_000_000))'
    growth, size, attributes, _, exact = measured(parts)
    assert size > 14 * MIB
    assert growth < 300
    assert attributes < 20_000
    assert exact


def test_content_of_15_mib_is_held_a_few_times_at_most() -> None:
    """In the parser, sorted, decoded, as JSON, in the stream: less than ten times its size at any moment."""
    growth, size, _, content, exact = measured('attribute("aotel.context", string_value="x" * (15 * 2**20))')
    assert size > 15 * MIB
    assert content > 15 * MIB
    assert growth < 10 * 15
    assert not exact


@pytest.mark.parametrize(
    "raw",
    [
        IDS + b"\x4a\x00" * (part_count.MAX_PARTS + 1),
        IDS + b"\x5a\x00" * (part_count.MAX_PARTS + 1),
        IDS + b"\x6a\x00" * (part_count.MAX_PARTS + 1),
        # The tag of attributes, spelled with a byte too many.
        IDS + b"\xca\x00\x00" * (part_count.MAX_PARTS + 1),
    ],
    ids=["attributes", "events", "links", "attributes in odd spelling"],
)
def test_more_parts_than_a_span_may_have_are_quarantined(raw: bytes) -> None:
    """Before they are parsed, which would take a gigabyte."""
    (row,) = map_spans([RawItem(raw, b"", b"", b"", b"")]).quarantine
    assert str(part_count.MAX_PARTS) in row.reason


def delimited(tag: int, value: bytes) -> bytes:
    """One length-delimited protobuf field."""
    length, size = len(value), bytearray([tag])
    while length > 127:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*size, length]) + value


def array(members: int) -> bytes:
    """An AnyValue that is a list of as many empty values."""
    return delimited(0x2A, b"\x0a\x00" * members)


def attribute(value: bytes) -> bytes:
    """A KeyValue."""
    return delimited(0x0A, b"k") + delimited(0x12, value)


@pytest.mark.parametrize(
    "item",
    [
        # A list of lists, a map, a list in an event, and one in a resource.
        RawItem(IDS + delimited(0x4A, attribute(delimited(0x2A, delimited(0x0A, array(1023)) * 1025))), *NOWHERE),
        RawItem(IDS + delimited(0x4A, attribute(delimited(0x32, b"\x0a\x00" * TOO_MANY))), *NOWHERE),
        RawItem(IDS + delimited(0x5A, delimited(0x1A, attribute(array(TOO_MANY)))), *NOWHERE),
        RawItem(IDS, delimited(0x0A, attribute(array(TOO_MANY))), b"", b"", b""),
    ],
    ids=["list of lists", "map", "event", "resource"],
)
def test_members_of_lists_and_maps_are_counted_at_every_level(item: RawItem) -> None:
    """Wherever they are nested."""
    (row,) = map_spans([item]).quarantine
    assert str(part_count.MAX_PARTS) in row.reason


def test_bodies_of_log_records_are_counted() -> None:
    """A record whose body is a list of too many."""
    (row,) = map_logs([RawItem(delimited(0x2A, array(TOO_MANY)), *NOWHERE)]).quarantine
    assert str(part_count.MAX_PARTS) in row.reason


def test_as_many_parts_as_a_span_may_have_are_stored() -> None:
    """The last one that is allowed is."""
    raw = IDS + delimited(0x4A, attribute(array(part_count.MAX_PARTS - 1)))
    assert len(map_spans([RawItem(raw, *NOWHERE)]).spans) == 1


def test_groups_cannot_hide_parts() -> None:
    """A parser skips them as unknown; a large span with one is refused, a small one keeps its exact bytes."""
    group = b"\xa3\x06\xa4\x06"
    large = IDS + group + b"\x2a" + b"\x80\x80\x80\x01" + b"x" * (2 * MIB)
    (row,) = map_spans([RawItem(large, b"", b"", b"", b"")]).quarantine
    assert "wire type" in row.reason
    (item,) = map_spans([RawItem(IDS + group, b"", b"", b"", b"")]).spans
    assert item.row.otlp == IDS + group


def test_ten_thousand_events_are_shown_up_to_the_limit() -> None:
    """And kept."""
    raw = Span(trace_id=b"t" * 16, span_id=b"s" * 8, events=[Span.Event(name=str(n)) for n in range(10_000)])
    batch = map_spans([RawItem(raw.SerializeToString(), b"", b"", b"", b"")])
    assert len(json.loads(batch.spans[0].row.events or b"")) == 1024
    assert batch.spans[0].row.otlp == raw.SerializeToString()
    assert batch.capped == {"events": 1}
