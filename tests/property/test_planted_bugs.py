"""The property tests see what they are for: with a bug planted, each fails."""

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import Phase, settings

from agent_otel.exporter import attribute, attribute_list, shape, span_parts, values
from agent_otel.exporter.attribute_memo import AttributeMemo
from agent_otel.model import Facts, merge_facts
from agent_otel.store.connection import connect
from tests.property import test_fast_reading, test_mapping, test_merge
from tests.store import test_executions

_PHASES: Final = (Phase.explicit, Phase.generate)


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read while a bug is planted must not be remembered afterwards."""
    monkeypatch.setattr(attribute_list, "_MEMO", AttributeMemo())


@pytest.fixture(autouse=True)
def _no_shrinking() -> Iterator[None]:
    """That a test fails is all that is asked here; making its example small takes a minute."""
    profile = os.environ.get("HYPOTHESIS_PROFILE", "default")
    settings.register_profile("planted", settings.get_profile(profile), phases=_PHASES, database=None)
    settings.load_profile("planted")
    yield
    settings.load_profile(profile)


def _failure(test: Any, *arguments: object) -> BaseException:
    """What a test that should fail fails with."""
    # Bound when the test was decorated, if it was: a profile that is loaded now comes too late for those.
    bound = "_hypothesis_internal_use_settings"
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(test, bound):
            patch.setattr(test, bound, settings(getattr(test, bound), phases=_PHASES, database=None))
        with pytest.raises((AssertionError, ValueError, ExceptionGroup)) as caught:
            test(*arguments)
    return caught.value


def test_a_double_that_jsonb_would_change_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgetting that jsonb drops the sign of -0 and the point of 1e22 is found."""
    monkeypatch.setattr(values.Reading, "_double", lambda _self, number: number if number == number else str(number))
    assert _failure(test_mapping.test_any_value_comes_back_on_an_ordinary_span)


def test_a_number_read_wrong_from_its_bytes_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking -0 for a number that jsonb keeps is found by comparing with the reading of messages."""
    monkeypatch.setattr(attribute, "_ordinary", lambda number, _last_byte: number)
    assert _failure(test_fast_reading.test_an_attribute_read_by_its_bytes_is_the_one_read_as_a_message)


def test_a_wrong_order_of_attributes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving attributes in the order in which they were sent changes digests, and is found."""
    monkeypatch.setattr(shape.Shapes, "of", lambda shapes, keys: _unsorted(shape.Shape(keys, shapes._columns)))
    assert _failure(test_fast_reading.test_the_digest_is_that_of_the_whole_message)


def _unsorted(given: shape.Shape) -> shape.Shape:
    given.order = None
    return given


def test_a_forgotten_link_field_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping that leaves the flags of links out is found."""
    original = span_parts._link

    def forgetful(field: bytes, reading: values.Reading) -> tuple[dict[str, Any], bytes]:
        shown, canonical = original(field, reading)
        return {key: value for key, value in shown.items() if key != "flags"}, canonical

    monkeypatch.setattr(span_parts, "_link", forgetful)
    assert _failure(test_mapping.test_an_ordinary_span_comes_back_from_its_columns)


def test_a_merge_in_which_the_last_one_wins_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging by order of arrival is found."""
    monkeypatch.setattr(test_merge, "merge_facts", lambda left, right: {**left, **right})
    assert _failure(test_merge.test_any_order_and_any_repeats_give_the_same_facts)


def test_a_merge_that_keeps_the_error_of_a_lower_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking any error instead of the highest record's is found."""

    def clinging(left: Facts, right: Facts) -> Facts:
        merged = merge_facts(left, right)
        for facts in (left, right):
            if merged.get("error_type", ["", None])[1] is None and facts.get("error_type", ["", None])[1] is not None:
                merged["error_type"] = facts["error_type"]
        return merged

    monkeypatch.setattr(test_merge, "merge_facts", clinging)
    assert _failure(test_merge.test_the_highest_record_gives_the_outcome)


def test_a_wrong_merge_in_sql_is_found(database_url: str) -> None:
    """A database whose merge_facts prefers the latest arrival is found."""
    with connect(database_url, application="test") as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION merge_facts(present jsonb, candidate jsonb) RETURNS jsonb"
            " LANGUAGE sql IMMUTABLE RETURN coalesce(present, '{}') || coalesce(candidate, '{}')"
        )
    connection.close()
    assert _failure(test_executions.test_sql_merges_as_python_does, database_url)
