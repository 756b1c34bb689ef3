"""What compares SQL with the ledger sees every kind of difference."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from tests.history.asking import differences, instant, microseconds, plain
from tests.history.reporting import keys, rounded

_ROW = {"execution_id": "e", "count": 2, "criteria": None}


@pytest.mark.parametrize(
    "found",
    [
        [],
        [_ROW, _ROW],
        [{**_ROW, "count": 3}],
        [{**_ROW, "criteria": ["x"]}],
        [{"execution_id": "e", "count": 2}],
    ],
)
def test_rows_that_differ(found: list[dict[str, Any]]) -> None:
    """Missing and further rows, values and columns; the order counts."""
    assert differences([_ROW], [_ROW]) == []
    assert differences(found, [_ROW])
    assert differences([_ROW, {**_ROW, "count": 1}], [{**_ROW, "count": 1}, _ROW])


def test_values_are_compared_in_the_ledgers_types() -> None:
    """Ids as text, times in µs, numeric as float, an empty list as nothing."""
    identifier = uuid.uuid4()
    at = dt.datetime(2026, 6, 1, 12, 0, 0, 1, dt.UTC)
    values: list[Any] = [identifier, Decimal("1.5"), [], at]
    assert [plain(value) for value in values] == [
        str(identifier),
        1.5,
        None,
        microseconds(at),
    ]
    assert instant(microseconds(at)) == at


def test_reports_are_compared_key_by_key() -> None:
    """In their order, all the way down; costs are not held to the last bit of a float."""
    assert keys({"a": [{"b": 1}], "c": 2}) != keys({"c": 2, "a": [{"b": 1}]})
    assert keys({"a": [{"b": 1}]}) != keys({"a": [{"d": 1}]})
    assert rounded({"more": [{"cost_usd": 0.1 + 0.2}]}) == rounded({"more": [{"cost_usd": 0.3}]})
    assert rounded({"cost_usd": 0.31}) != rounded({"cost_usd": 0.3})
