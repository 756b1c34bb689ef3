"""Reading attributes by their bytes gives what reading them as messages gives, for any bytes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel.exporter import attribute_list
from agent_otel.exporter.attribute import Attribute, decoded
from agent_otel.exporter.attribute_memo import AttributeMemo
from agent_otel.exporter.canonical import Canonical, digest
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import Reading
from agent_otel.store.rows import Batch, SpanItem
from tests.fixtures import otlp_strategies as otlp

#: Fields that change the encoding of a span but not always what it says: unknown ones, repeated ones, explicit
#: defaults, and attributes with lengths, keys or values spelled otherwise.
ODD_FIELDS = (
    b"\xfa\x07\x01x",
    b"\x98\x06\x01",
    b"\x32\x00",
    b"\x30\x00",
    b"\x7a\x00",
    b"\x7a\x02\x18\x02",
    b"\x4a\x00",
    b"\x5a\x00",
    b"\x4a\x04\x0a\x00\x12\x00",
    b"\x4a\x06\x0a\x01a\x12\x81\x00",
    b"\x4a\x07\x0a\x01a\x12\x02\x18\x80",
    b"\x4a\x08\x0a\x01a\x12\x03\x18\x81\x00",
    b"\x4a\x0a\x12\x03\x0a\x01v\x0a\x03key",
    b"\x4a\x0a\x0a\x01a\x12\x02\x18\x07\x0a\x01b",
    b"\x4a\x09\x0a\x01a\x12\x04\x0a\x02\xff\xfe",
    b"\x4a\x04\x0a\x01a\xff",
)
ENCODED = st.one_of(otlp.SPANS, otlp.PLAIN_SPANS).map(lambda span: bytes(span.SerializeToString()))


@st.composite
def spans_in_odd_encodings(draw: st.DrawFn) -> bytes:
    """A span's bytes, changed, cut or lengthened somewhere."""
    raw = bytearray(draw(ENCODED))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        raw[start : start + draw(st.integers(0, 3))] = draw(
            st.one_of(st.binary(max_size=4), st.sampled_from(ODD_FIELDS))
        )
    return bytes(raw) + draw(st.sampled_from((b"", *ODD_FIELDS)))


class PlainMemo(AttributeMemo):
    """Remembers nothing, and reads every attribute as a message."""

    def read(self, field: bytes, reading: Reading) -> Attribute:
        """The attribute."""
        return decoded(field, reading)


@contextmanager
def plain_reading() -> Iterator[None]:
    """No memory and no comparing of bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribute_list, "_MEMO", PlainMemo())
        yield


def mapped(raw: bytes) -> Batch:
    """The batch of one span."""
    return map_spans([RawItem(raw, b"", b"", b"", b"")])


def said(item: SpanItem) -> dict[str, Any]:
    """All that a mapped span says: JSON by what it means, the order of members aside."""
    row = item.row._asdict()
    for name in ("attributes", "content", "events", "links"):
        row[name] = row[name] and json.dumps(json.loads(row[name]), sort_keys=True)
    return {**row, "execution": item.execution}


@given(otlp.KEYS, otlp.LEAVES | otlp.VALUES)
def test_an_attribute_read_by_its_bytes_is_the_one_read_as_a_message(key: str, value: AnyValue) -> None:
    """Any key and value: the same key, value, JSON, canonical encoding, and judgement whether JSON can hold it."""
    sent = KeyValue(key=key, value=value).SerializeToString()
    memo = AttributeMemo()
    for _ in range(2):
        fast, plain = Reading(), Reading()
        read = memo.known(sent) or memo.read(sent, fast)
        assert repr(read) == repr(decoded(sent, plain))
        assert fast.lossless == plain.lossless


@given(otlp.KEYS, otlp.LEAVES | otlp.VALUES)
def test_a_value_before_its_key_is_the_same_attribute(key: str, value: AnyValue) -> None:
    """As the Collector writes it: the same in every respect, first seen and remembered."""
    sent = KeyValue(value=value).SerializeToString() + KeyValue(key=key).SerializeToString()
    memo = AttributeMemo()
    for _ in range(2):
        fast, plain = Reading(), Reading()
        read = memo.known(sent) or memo.read(sent, fast)
        assert repr(read) == repr(decoded(sent, plain))
        assert fast.lossless == plain.lossless


@given(ENCODED | spans_in_odd_encodings())
def test_attributes_read_by_their_bytes_are_those_read_as_messages(raw: bytes) -> None:
    """Row, facts and refusals are the same, on the first sight of an attribute and when it is remembered."""
    first, again = mapped(raw), mapped(raw)
    with plain_reading():
        plain = mapped(raw)
    assert [said(item) for item in first.spans] == [said(item) for item in plain.spans]
    assert [said(item) for item in again.spans] == [said(item) for item in plain.spans]
    assert len(first.quarantine) == len(plain.quarantine)


@given(ENCODED | spans_in_odd_encodings())
def test_the_digest_is_that_of_the_whole_message(raw: bytes) -> None:
    """Digests of spans taken apart are digests of the sorted, deterministically encoded message; both refuse alike."""
    try:
        whole = Span.FromString(raw)
    except DecodeError:
        assert not mapped(raw).spans
        return
    canonical = Canonical(whole, raw)
    batch = mapped(raw)
    for item in batch.spans:
        (resource,), (scope,) = batch.resources.values(), batch.scopes.values()
        assert item.row.digest == digest(resource.digest, scope.digest, canonical.encoded)
        assert canonical.complete or item.row.otlp == raw
    assert batch.spans or "_id must be" in batch.quarantine[0].reason
