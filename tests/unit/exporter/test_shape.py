"""Picking by position what keys alone decide, and remembering how within bounds."""

import pytest

from agent_otel import semconv
from agent_otel.exporter import shape
from agent_otel.exporter.shape import MAX_CHARACTERS, MAX_KEYS, Shape, Shapes


def test_order_content_and_columns_are_picked_by_position() -> None:
    """Of a repeated key the last value stands, in everything but the canonical order, which keeps both."""
    keys = ("b", semconv.CONTEXT, "a", "b")
    picked = Shape(keys, ("b", "missing"))
    values = ("first b", "content", "a", "last b")
    assert not picked.unique
    assert picked.order is not None
    assert picked.order(values) == ("a", "content", "first b", "last b")
    assert set(picked.members(values)) == {"last b", "content", "a"}
    assert set(picked.attributes(values)) == {"last b", "a"}
    assert picked.content is not None
    assert picked.content(values) == ("content",)
    assert picked.columns((*values, None)) == ("last b", None)


@pytest.mark.parametrize("keys", [(), ("a",), ("a", "b")])
def test_keys_in_order_need_no_sorting(keys: tuple[str, ...]) -> None:
    """None, one and two keys pick tuples of as many values."""
    picked = Shape(keys, ())
    assert (picked.unique, picked.order, picked.content) == (True, None, None)
    assert picked.members(keys) == picked.attributes(keys) == keys


def test_few_and_short_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are worked out anew, so that keys of megabytes do not stay; when full, the memory is emptied."""
    monkeypatch.setattr(shape, "MAX_SHAPES", 3)
    shapes = Shapes(())
    for number in range(10):
        keys = (f"key.{number}",)
        assert shapes.of(keys) is shapes.of(keys)
        assert len(shapes._known) <= 3
    many, long = tuple(map(str, range(MAX_KEYS + 1))), ("x" * (MAX_CHARACTERS + 1),)
    assert shapes.of(many) is not shapes.of(many)
    assert shapes.of(long) is not shapes.of(long)
