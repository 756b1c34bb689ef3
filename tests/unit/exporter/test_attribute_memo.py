"""What is remembered of attributes: little, of bounded size, and never wrong for anyone."""

import threading

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agent_otel.exporter import attribute_memo
from agent_otel.exporter.attribute import Attribute
from agent_otel.exporter.attribute_memo import MAX_SIZE, MAX_VALUES_OF_A_NAME, AttributeMemo
from agent_otel.exporter.values import Reading, to_value


def field(key: str, value: object) -> bytes:
    """An attribute as it is sent."""
    return bytes(KeyValue(key=key, value=to_value(value)).SerializeToString())


def remembered(memo: AttributeMemo, sent: bytes) -> bool:
    """Whether an attribute is known after it was read."""
    memo.read(sent, Reading())
    return memo.known(sent) is not None


def test_small_attributes_are_remembered() -> None:
    """Texts, numbers and flat lists."""
    memo = AttributeMemo()
    for value in ("text", "", "é😀", 0, 1, 2**40, -1, True, False, 0.5, ["stop"], []):
        assert remembered(memo, field("key", value)), value


def test_what_a_limit_or_json_changes_is_not_remembered() -> None:
    """It must mark every span that carries it; a nested value depends on the limit of depth."""
    memo = AttributeMemo()
    for value in ("a\0b", float("nan"), -0.0, 1e300, ["\0"], {"a": 1}, [[1]]):
        assert not remembered(memo, field("key", value)), value
        reading = Reading()
        memo.read(field("key", "a\0b"), reading)
        assert not reading.lossless


def test_large_attributes_are_not_remembered() -> None:
    """Up to MAX_SIZE bytes in all."""
    memo = AttributeMemo()
    for surplus in (-1, 0, 1):
        sent = field("key", "x" * (MAX_SIZE - 9 + surplus))
        assert len(sent) == MAX_SIZE + surplus
        assert remembered(memo, sent) == (surplus <= 0)


def test_a_key_of_many_values_stops_being_remembered() -> None:
    """Ids and durations leave the memory to what repeats."""
    memo = AttributeMemo()
    seen = [remembered(memo, field("id", number)) for number in range(MAX_VALUES_OF_A_NAME + 1)]
    assert seen == [True] * MAX_VALUES_OF_A_NAME + [False]
    assert remembered(memo, field("another", 1))


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its entries or keys it is emptied, and goes on remembering."""
    monkeypatch.setattr(attribute_memo, "MAX_ENTRIES", 10)
    monkeypatch.setattr(attribute_memo, "MAX_NAMES", 7)
    memo = AttributeMemo()
    for number in range(50):
        assert remembered(memo, field(f"key.{number // 3}", number))
        assert len(memo._attributes) <= 10
        assert len(memo._names) <= 7


@pytest.mark.parametrize(
    "sent", [b"", b"\x0a", b"\x0a\x7f", b"\x0a\x01a\x12\x05", b"\x0a\x01a\xff", b"\xff" * 9, field("k", "v") + b"\xff"]
)
def test_what_is_no_attribute_is_refused(sent: bytes) -> None:
    """Bytes that protobuf refuses raise; the empty message is an attribute without key and value."""
    if not sent:
        assert AttributeMemo().read(sent, Reading())[:2] == ("", None)
        return
    with pytest.raises(DecodeError):
        AttributeMemo().read(sent, Reading())


def test_threads_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that read while it is emptied get what they asked for."""
    monkeypatch.setattr(attribute_memo, "MAX_ENTRIES", 20)
    memo = AttributeMemo()
    wrong: list[object] = []

    def read() -> None:
        for number in range(3_000):
            sent = field(f"key.{number % 5}", number % 97)
            key, value, _, canonical = memo.known(sent) or memo.read(sent, Reading())
            if (key, value, canonical) != (f"key.{number % 5}", number % 97, sent):
                wrong.append((key, value))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_the_collectors_order_is_read_by_its_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that stands before its key makes no message object, or mapping costs four times as much behind it."""

    def refused(*_: object) -> Attribute:
        raise AssertionError("read as a message")

    monkeypatch.setattr(attribute_memo, "decoded", refused)
    sent = KeyValue(value=AnyValue(string_value="grep")).SerializeToString() + KeyValue(key="tool").SerializeToString()
    ordinary = KeyValue(key="tool", value=AnyValue(string_value="grep")).SerializeToString()
    assert AttributeMemo().read(sent, Reading()) == ("tool", "grep", b'"tool":"grep"', ordinary)
