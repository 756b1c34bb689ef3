"""agent_otel.attribute_value: every Python value becomes something that OTLP can carry."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.attribute_value import attribute_value, json_text, text


class Odd:
    """A value that cannot even be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def cycle() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (True, True),
        (1.5, 1.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (["a", "b"], ["a", "b"]),
        ((1, 2), [1, 2]),
        ([True, False], [True, False]),
        ([1.5], [1.5]),
        ([1, 2**64], ["1", str(2**64)]),
        ([1, "a"], '[1, "a"]'),
        ([], "[]"),
        (None, "null"),
        ({"a": {1}}, '{"a": "{1}"}'),
        (b"\x00", "\"b'\\\\x00'\""),
        (Odd(), '"<Odd that cannot be printed>"'),
        ({"n": float("nan")}, '{"n": "nan"}'),
        ({"\ud800": "\udfff"}, '{"\\\\ud800": "\\\\udfff"}'),
        ({1: Odd()}, '{"1": "<Odd that cannot be printed>"}'),
    ],
)
def test_values(value: object, expected: object) -> None:
    """Scalars and uniform lists as they are, all else as JSON, nothing raises."""
    assert attribute_value(value) == expected


def test_cycle_ends() -> None:
    """A value that holds itself is cut off."""
    assert "below depth" in json_text(cycle())


@given(st.text(st.characters(exclude_categories=[])))
def test_text_is_valid_utf8(value: str) -> None:
    """Any str can be encoded afterwards; a valid one is not changed."""
    cleaned = text(value)
    cleaned.encode()
    try:
        value.encode()
    except UnicodeEncodeError:
        assert cleaned != value
    else:
        assert cleaned == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_json(value: object) -> None:
    """Whatever the value, the text is JSON that a strict reader takes."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(json_text(value), parse_constant=refuse)
    json_text(value).encode()
