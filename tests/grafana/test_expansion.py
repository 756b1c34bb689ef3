"""Our expansion of Grafana's macros and variables, held to what Grafana's documentation and its own tests state."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.grafana.expansion import All, MacroError, TimeRange, expand, expand_macros, interpolate

START = datetime(2018, 4, 12, 18, tzinfo=UTC)
FIVE_MINUTES = TimeRange(START, START + timedelta(minutes=5), interval="10m")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("WHERE $__timeFilter(col)", "WHERE col BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'"),
        ("select $__timeFrom()", "select '2018-04-12T18:00:00Z'"),
        ("select $__timeTo()", "select '2018-04-12T18:05:00Z'"),
        ("SELECT $__timeGroup(col,'5m')", "SELECT floor(extract(epoch from col)/300)*300"),
        ("SELECT $__timeGroup(col , '5m')", "SELECT floor(extract(epoch from col)/300)*300"),
        ("SELECT $__timeGroupAlias(col,'5m')", 'SELECT floor(extract(epoch from col)/300)*300 AS "time"'),
        ("SELECT $__timeGroup(col,'5m'), v", 'SELECT floor(extract(epoch from col)/300)*300 AS "time", v'),
        ("SELECT $__timeGroup(col,'5m') AS t, v", "SELECT floor(extract(epoch from col)/300)*300 AS t, v"),
        ("SELECT $__timeGroupAlias(col,'1h',0)", 'SELECT floor(extract(epoch from col)/3600)*3600 AS "time"'),
        ("$__timeGroup(col,'5m', NULL)", "floor(extract(epoch from col)/300)*300"),
        ("$__timeGroup(col,'5m', previous)", "floor(extract(epoch from col)/300)*300"),
        ("$__timeGroup(col,'20ms')", "floor(extract(epoch from col)/0.02)*0.02"),
        ("$__timeGroup(col,'30d')", "floor(extract(epoch from col)/2.592e+06)*2.592e+06"),
        ("$__timeGroup(col,$__interval)", "floor(extract(epoch from col)/600)*600"),
        ("SELECT $__interval, $__interval_ms", "SELECT 10m, 600000"),
    ],
)
def test_macros_become_the_documented_sql(sql: str, expected: str) -> None:
    """Each macro becomes what Grafana states for it."""
    assert expand_macros(sql, FIVE_MINUTES) == expected


def test_fractions_of_a_second_stay() -> None:
    """The time range is written as RFC 3339 with as many digits as it needs."""
    times = TimeRange(datetime(1960, 2, 1, 7, 0, 0, 500_000, tzinfo=UTC), START)
    assert expand_macros("$__timeFrom()", times) == "'1960-02-01T07:00:00.5Z'"


@pytest.mark.parametrize("sql", ["$__timeGroup(col)", "$__timeGroup(col,'soon')", "$__nothing(col)", "$count(*)"])
def test_what_grafana_refuses_is_refused(sql: str) -> None:
    """An unknown macro, or one without its arguments, is an error and not SQL."""
    with pytest.raises(MacroError):
        expand_macros(sql, FIVE_MINUTES)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (["a"], "IN ('a')"),
        (["a", "b"], "IN ('a','b')"),
        (["it's"], "IN ('it''s')"),
        (['say "hi"'], "IN ('say \\\"hi\\\"')"),
        (["'; --"], "IN ('''; --')"),
        ([], "IN ()"),
        (All("NULL"), "IN (NULL)"),
    ],
)
def test_values_are_quoted_as_grafana_quotes_them(choice: list[str] | All, expected: str) -> None:
    """Format sqlstring: each value in quotes, quotes doubled, a backslash before each double quote; All is raw."""
    assert interpolate("IN (${name:sqlstring})", {"name": choice}) == expected


def test_variables_come_before_macros() -> None:
    """A value that looks like a macro is expanded too, inside its string: Grafana interpolates twice."""
    assert expand("${v:sqlstring}", {"v": ["$__timeFrom()"]}, FIVE_MINUTES) == "''2018-04-12T18:00:00Z''"
