"""Which test stands for which row of the two tables of bad input: storing spans in PostgreSQL (P), reliability (A, B).

Where the design chose otherwise than the tables wished: what cannot be stored exactly as JSON is stored readable with
its exact bytes beside it (not clamped, not escaped); values deeper than 24 levels likewise; attributes are never cut to
fit; what can never be a row is quarantined and the answer is OK with a partial success; partitions go by start time, so
a replay after midnight meets its key.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).parents[1]
_VALUES: Final = "contract/test_hostile_values.py::test_it_is_stored_and_comes_back"
_REFUSED: Final = "contract/test_hostile_values.py::test_it_is_in_quarantine_with_the_reason"
_DEEP: Final = "contract/test_hostile_values.py::test_deeper_nesting_costs_nothing_but_the_span"
_BEYOND: Final = "contract/test_hostile_values.py::test_json_that_no_protobuf_can_say_is_in_quarantine"
_ROUND_TRIP: Final = "store/test_round_trip.py::test_spans_come_back_from_the_database"
_CAMPAIGN: Final = "fuzz/test_campaign.py::test_a_short_run_finds_nothing"
_REQUESTS: Final = "contract/test_hostile_requests.py"
_LIMITS: Final = "contract/test_limits_counted.py"
_RULES: Final = "contract/test_http_rules.py"
_DOORS: Final = "contract/test_doors.py"

ROWS: Final[dict[str, tuple[str, ...]]] = {
    "P NUL in a string": (_VALUES, _ROUND_TRIP),
    "P lone surrogate (JSON)": (
        "unit/exporter/test_decode_json.py::test_text_that_is_not_unicode_is_stored_with_replacements",
    ),
    "P invalid UTF-8 in protobuf": (f"{_DOORS}::test_text_that_is_not_utf8_costs_only_its_span",),
    "P NaN, infinities": (_VALUES, _ROUND_TRIP),
    "P integers beyond int64": (_BEYOND, "store/test_writer.py::test_huge_token_counts_break_no_view"),
    "P 1e400, 1e131073": (_BEYOND,),
    "P -0.0, 1.0 or 1, 1e22": (_VALUES, _ROUND_TRIP),
    "P duplicate keys, their order": (
        _VALUES,
        "property/test_mapping.py::test_the_order_of_attributes_does_not_change_the_digest",
    ),
    "P depth": (_DEEP, _VALUES),
    "P times of 0, backwards, year 2554, beyond int64": (
        _VALUES,
        "store/test_writer.py::test_outlier_times_have_a_partition",
    ),
    "P ids of wrong length or zero": (_REFUSED, f"{_DOORS}::test_a_bad_span_does_not_cost_its_neighbours"),
    "P same ids, other content": (f"{_DOORS}::test_other_content_under_the_same_ids_is_a_conflict",),
    "P 64 MiB attribute": (
        f"{_LIMITS}::test_spans_around_the_limit",
        "e2e/test_large_content.py::test_too_large_a_span_is_in_quarantine",
    ),
    "P long indexed text": (_VALUES,),
    "P varchar columns": (_VALUES,),
    "P unknown enum, empty name, empty service": (
        _VALUES,
        f"{_REQUESTS}::test_requests_without_resource_scope_or_items_are_ok",
    ),
    "P missing AnyValue, bytes, empty arrays": (_VALUES, _ROUND_TRIP),
    "P thousands of attributes and events": (_VALUES,),
    "P poison row in a batch": ("store/test_writer.py::test_one_row_that_postgresql_refuses_costs_only_itself",),
    "P names that look like SQL": (
        _VALUES,
        "contract/test_hostile_values.py::test_nothing_that_looks_like_sql_changed_the_schema",
    ),
    "P OTLP/JSON": (
        f"{_DOORS}::test_every_door_stores_the_same",
        "unit/exporter/test_decode_json.py::test_spans_lose_nothing",
    ),
    "A12 clock skew": (_VALUES, "store/test_writer.py::test_old_days_never_push_today_aside"),
    "A13 duplicates, also at once": (
        f"{_REQUESTS}::test_replays_by_many_clients_at_once_are_stored_once",
        "store/test_writer.py::test_a_conflict_that_another_writer_commits_meanwhile_is_seen",
    ),
    "B1 gzip bomb over HTTP": (
        f"{_RULES}::test_a_bomb_is_refused_before_it_is_inflated",
        f"{_RULES}::test_gzip_of_several_members_is_one_body",
        f"{_RULES}::test_broken_gzip_is_a_bad_request",
        f"{_RULES}::test_unknown_types_and_encodings_are_415",
        f"{_RULES}::test_wrong_framing_is_a_bad_request",
        f"{_REQUESTS}::test_gzip_members_and_chunks_of_nothing_are_refused",
    ),
    "B2 gzip bomb over gRPC": (f"{_REQUESTS}::test_a_bomb_over_grpc_is_not_inflated",),
    "B3 oversized": (
        f"{_LIMITS}::test_bodies_around_the_limit",
        f"{_REQUESTS}::test_largest_requests_at_once_stay_within_a_gigabyte",
    ),
    "B4 two million empty spans": (
        f"{_REQUESTS}::test_millions_of_empty_items_are_refused_before_they_take_memory",
        f"{_REQUESTS}::test_thousands_of_invalid_items_are_kept_as_one_request",
        f"{_LIMITS}::test_items_around_the_limit",
    ),
    "B5 deep nesting": (_DEEP,),
    "B6 malformed protobuf and JSON": (_CAMPAIGN, f"{_DOORS}::test_what_is_not_otlp_is_refused_for_good"),
    "B7 NUL, surrogates, invalid UTF-8": (_VALUES, f"{_DOORS}::test_text_that_is_not_utf8_costs_only_its_span"),
    "B8 NaN, infinities, -0, largest integers": (_VALUES, _ROUND_TRIP),
    "B9 OTLP/JSON traps": (_BEYOND, "unit/exporter/test_decode_json.py::test_the_specification_s_example"),
    "B10 ids, empty request, missing resource": (
        _REFUSED,
        f"{_DOORS}::test_an_empty_request_is_ok",
        f"{_REQUESTS}::test_requests_without_resource_scope_or_items_are_ok",
    ),
    "B11 slow senders": (
        f"{_LIMITS}::test_slow_senders_hold_no_thread",
        f"{_LIMITS}::test_large_slow_senders_make_way",
        f"{_LIMITS}::test_connections_around_the_limit",
        f"{_REQUESTS}::test_a_grpc_sender_that_stops_half_way_keeps_nobody_out",
    ),
    "B12 poison batch": (f"{_REQUESTS}::test_one_poisoned_span_of_ten_thousand",),
}


@cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((_TESTS / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_tests(row: str) -> None:
    """Each row names at least one test, and all of them exist."""
    assert ROWS[row]
    for name in ROWS[row]:
        path, _, test = name.partition("::")
        assert test in _tests(path), name


def test_no_row_is_missing() -> None:
    """21 rows of the PostgreSQL table, B1 to B12, and A12 and A13."""
    numbers = [row.split()[0] for row in ROWS]
    assert numbers.count("P") == 21
    assert {number for number in numbers if number != "P"} == {f"B{number}" for number in range(1, 13)} | {"A12", "A13"}
