"""agent_otel.record and segment: what was appended is read back, acknowledged, adopted by one only."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.record import HEADER_SIZE, LOGS, MAGIC, MAX_PAYLOAD, SPANS, SPANS_JSON, frame, read_records
from agent_otel.segment import ACKNOWLEDGED_SUFFIX, UNBORN_SUFFIX, Segment, Tally

RECORDS = st.lists(
    st.tuples(st.sampled_from([SPANS, LOGS, SPANS_JSON]), st.integers(1, 2**32 - 1), st.binary(max_size=300))
)


def written(content: bytes) -> int:
    """A descriptor of a file in memory."""
    descriptor = os.memfd_create("segment")
    os.write(descriptor, content)
    return descriptor


def read(content: bytes, max_bytes: int = 2**40) -> list[tuple[int, int, bytes]]:
    """All whole records in the bytes of a segment."""
    descriptor = written(content)
    try:
        found = read_records(descriptor, 0, len(content), max_bytes)
        return [(record.kind, record.items, record.payload) for record in found]
    finally:
        os.close(descriptor)


def test_known_record() -> None:
    """The bytes on the disk are those of every version: what one left, the next delivers."""
    assert frame(LOGS, 3, b"abc").hex(" ", -4) == "414f544c 01020000 00030000 00000000 0003dd46 03976162 63"


@given(RECORDS)
def test_round_trip(records: list[tuple[int, int, bytes]]) -> None:
    """Records come back in order, with kind, number of items and payload."""
    assert read(b"".join(frame(*record) for record in records)) == records


@given(RECORDS.filter(bool), st.data())
def test_torn_anywhere(records: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    """Whatever the length at which a segment was cut off, the whole records before the cut are there."""
    frames = [frame(*record) for record in records]
    content = b"".join(frames)
    cut = data.draw(st.integers(0, len(content) - 1))
    whole = sum(1 for n in range(len(frames)) if len(b"".join(frames[: n + 1])) <= cut)
    assert read(content[:cut]) == records[:whole]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=3, max_size=6), st.data())
def test_flipped_bit_costs_one_record(payloads: list[bytes], data: st.DataObject) -> None:
    """One flipped bit costs the record that it is in, never its neighbours."""
    frames = [frame(LOGS, 1, payload) for payload in payloads]
    hit = data.draw(st.integers(0, len(frames) - 1))
    damaged = bytearray(frames[hit])
    # A length that grew could swallow the neighbours for good only if its checksum then held.
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = read(b"".join([*frames[:hit], bytes(damaged), *frames[hit + 1 :]]))
    assert found == [(LOGS, 1, payload) for number, payload in enumerate(payloads) if number != hit]


def test_payload_that_looks_like_records() -> None:
    """A payload may hold the magic bytes, and whole records."""
    inner = frame(SPANS, 1, b"x") + MAGIC
    assert read(frame(LOGS, 2, inner) + frame(LOGS, 1, b"")) == [(LOGS, 2, inner), (LOGS, 1, b"")]


def test_window_is_bounded() -> None:
    """Reading ends at the first record that reaches the limit."""
    content = frame(LOGS, 1, b"a" * 100) * 10
    assert len(read(content, max_bytes=1)) == 1
    assert len(read(content, max_bytes=3 * (100 + HEADER_SIZE))) == 3


def test_impossible_length() -> None:
    """A header that claims more than a record may have is damage."""
    header = bytearray(frame(LOGS, 1, b""))
    header[10:18] = (MAX_PAYLOAD + 1).to_bytes(8)
    assert read(bytes(header) + frame(LOGS, 1, b"next")) == [(LOGS, 1, b"next")]


def test_acknowledged_survives(tmp_path: Path) -> None:
    """What was acknowledged is not handed out again, by this segment object or by the next owner."""
    path = str(tmp_path / "a.spool")
    segment = Segment.create(path, Tally())
    for number in range(3):
        segment.append(frame(LOGS, 1, b"%d" % number))
    segment.acknowledge(segment.window(1)[0].end)
    assert [record.payload for record in segment.window(2**30)] == [b"1", b"2"]
    segment.close()
    adopted = Segment.adopt(path)
    assert adopted is not None
    assert [record.payload for record in adopted.window(2**30)] == [b"1", b"2"]
    adopted.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("noted", [b"", b"garbage", b"9" * 20])
def test_odd_acknowledgement(tmp_path: Path, noted: bytes) -> None:
    """A note that cannot be true is ignored: the segment is delivered again rather than not at all."""
    path = tmp_path / "a.spool"
    path.write_bytes(frame(LOGS, 1, b"x"))
    (tmp_path / f"a.spool{ACKNOWLEDGED_SUFFIX}").write_bytes(noted)
    segment = Segment.adopt(str(path))
    assert segment is not None
    assert len(segment.window(2**30)) == 1
    segment.close()


def test_one_owner(tmp_path: Path) -> None:
    """A segment that is held is not adopted; let go of, it is, by one; gone, by none."""
    path = str(tmp_path / "a.spool")
    first = Segment.create(path, Tally())
    assert Segment.adopt(path) is None
    first.close()
    second = Segment.adopt(path)
    assert second is not None
    assert Segment.adopt(path) is None
    second.remove()
    assert Segment.adopt(path) is None


def test_unborn_segment_is_not_seen(tmp_path: Path) -> None:
    """Under its final name a segment is locked from the first moment."""
    segment = Segment.create(str(tmp_path / "a.spool"), Tally())
    assert not list(tmp_path.glob(f"*{UNBORN_SUFFIX}"))
    segment.close()


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """A planted link leads nowhere."""
    (tmp_path / "target").write_bytes(frame(LOGS, 1, b"x"))
    (tmp_path / "a.spool").symlink_to(tmp_path / "target")
    assert Segment.adopt(str(tmp_path / "a.spool")) is None


def test_short_write_leaves_no_torn_record() -> None:
    """On a disk that fills up in the middle of a record, the record is taken back whole."""
    pytest.importorskip("resource")
    import resource
    import signal
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        segment = Segment.create(f"{folder}/a.spool", Tally())
        segment.append(frame(LOGS, 1, b"kept"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (segment.size + 10, hard))
        try:
            with pytest.raises(OSError, match="bytes fit into"):
                segment.append(frame(LOGS, 1, b"x" * 100))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        segment.append(frame(LOGS, 1, b"next"))
        assert [record.payload for record in segment.window(2**30)] == [b"kept", b"next"]
        segment.close()
