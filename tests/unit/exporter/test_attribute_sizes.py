"""Texts of every length around where their lengths take one more byte, taken apart as message objects take them."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from agent_otel.exporter.attribute import decoded, name_of, simple
from agent_otel.exporter.limits import DEFAULT
from agent_otel.exporter.values import Reading, to_value

LENGTHS = [*range(300), *range(16_370, 16_400), *range(2_097_140, 2_097_160)]
NUMBERS = [0, *(2**bits + step for bits in range(1, 63) for step in (-1, 0, 1)), 2**63 - 1]


#: Spellings of a value that is cut off, or has something behind it.
BROKEN = (b"", b"\xff", b"\x12", b"\x12\x00", b"\x12\x01\x0a", b"\x12\x02\x0a\x01", b"\x12\x03\x0a\x00x")


def sent(value: str | int) -> bytes:
    """An attribute as it is sent."""
    return bytes(KeyValue(key="key", value=to_value(value)).SerializeToString())


def test_texts_of_all_lengths_are_simple() -> None:
    """None takes the slower way, and each is read right."""
    name = name_of(b"\x0a\x03key")
    assert name is not None
    for length in LENGTHS:
        field = sent("x" * length)
        assert simple(field, name) == decoded(field, Reading(DEFAULT._replace(value=2**30)))


def test_numbers_of_all_lengths_are_simple() -> None:
    """All that are not negative; those go through a message."""
    name = name_of(b"\x0a\x03key")
    assert name is not None
    for number in NUMBERS:
        field = sent(number)
        assert simple(field, name) == decoded(field, Reading())
    assert simple(sent(-1), name) is None


@pytest.mark.parametrize("ending", BROKEN)
def test_what_has_no_text_or_number_is_not_simple(ending: bytes) -> None:
    """Too short, cut off, or with something behind the value."""
    name = name_of(b"\x0a\x03key")
    assert name is not None
    assert simple(b"\x0a\x03key" + ending, name) is None
