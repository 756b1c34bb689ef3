"""JSON without the json package: the same values and texts as json gives."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel import plain_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_values_survive_and_texts_are_those_of_json(value: Any) -> None:
    """Written as json.dumps writes them, read back the same."""
    text = plain_json.dumps(value)
    assert text == json.dumps(value, ensure_ascii=False)
    assert plain_json.loads(f" \t\r\n{text}\n ") == value


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \n\\u'))
def test_what_json_refuses_is_refused(text: str) -> None:
    """Any text is read as json.loads reads it, or is a ValueError as there."""
    try:
        expected = json.loads(text, parse_constant=_refuse)
    except ValueError:
        with pytest.raises(ValueError, match=r"\w"):
            plain_json.loads(text)
    else:
        assert plain_json.loads(text) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_refused(value: float) -> None:
    """NaN and infinities are neither written nor read."""
    with pytest.raises(ValueError, match="JSON"):
        plain_json.dumps({"n": value})
    with pytest.raises(ValueError, match="is not JSON"):
        plain_json.loads(json.dumps([value]))


def test_what_json_does_not_know_goes_to_default_or_is_refused() -> None:
    """A type of the caller's is a TypeError, or what `default` makes of it; a cycle is a ValueError."""
    with pytest.raises(TypeError, match="object is not JSON"):
        plain_json.dumps(object())
    assert plain_json.dumps([{1}], default=repr) == '["{1}"]'
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="Circular"):
        plain_json.dumps(cycle)


@pytest.mark.parametrize("text", ["", " ", "{}{}", "[1] x"])
def test_exactly_one_value_is_expected(text: str) -> None:
    """Nothing, or something behind the value, is said so."""
    with pytest.raises(ValueError, match="JSON"):
        plain_json.loads(text)


def _refuse(name: str) -> None:
    raise ValueError(name)
