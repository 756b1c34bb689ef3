"""Each rule of the lint, broken on purpose; the dashboards that we ship break none."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from grafana.datasources import JAEGER, trace_link
from grafana.executions import ROWS, dashboard
from grafana.lint import RULES, problems
from grafana.panels import override

Break = Callable[[dict[str, Any]], None]


def put(value: object, *path: str | int) -> Break:
    """Set what stands at a path of the dashboard."""

    def spoil(wrong: Any) -> None:
        for step in path[:-1]:
            wrong = wrong[step]
        wrong[path[-1]] = value

    return spoil


def swap(before: str, after: str) -> Break:
    """Replace a part of the first query that has it."""

    def spoil(wrong: dict[str, Any]) -> None:
        target = next(p["targets"][0] for p in wrong["panels"] if before in p["targets"][0]["rawSql"])
        target["rawSql"] = target["rawSql"].replace(before, after)

    return spoil


def link(**changes: str) -> Break:
    """Change the first link of the dashboard."""

    def spoil(wrong: dict[str, Any]) -> None:
        overrides = (rule for panel in wrong["panels"] for rule in panel["fieldConfig"]["overrides"])
        links = (each["value"] for rule in overrides for each in rule["properties"] if each["id"] == "links")
        next(links)[0].update(changes)

    return spoil


def url(before: str, after: str) -> Break:
    """Change a part of the first link's address."""
    address = trace_link()["url"]
    assert before in address
    return link(url=address.replace(before, after))


def rising(*values: float | None) -> list[dict[str, Any]]:
    """Thresholds at these values."""
    return [{"color": "red", "value": value} for value in values]


IDS = "panel_ids_are_unique"
PLACES = "panels_do_not_overlap"
WORDS = "panels_say_what_they_show"
LEVELS = "thresholds_start_at_the_bottom"
SOURCES = "data_sources_are_provisioned"
COMPLETE = "queries_are_complete"
VIEWS = "queries_read_views"
DEFINED = "variables_are_defined"
QUOTED = "variables_cannot_leave_their_string"
LINKS = "links_lead_to_the_trace"

FIRST, LAST = ("panels", 0), ("panels", -1)
TARGET = (*FIRST, "targets", 0)
SERIES_TARGET = ("panels", 4, "targets", 0)  # of Executions over time
FIELDS = (*FIRST, "fieldConfig", "defaults")
AGENT, SESSION = ("templating", "list", 0), ("templating", "list", 1)
GROUP = "$__timeGroupAlias(started_at, $__interval, 0)"
SAFE = "ARRAY[${agent:sqlstring}]::text[]"
UNSAFE = "SELECT 1 FROM panel_executions WHERE agent = '$agent'"

BROKEN: list[tuple[str, str, Break]] = [
    (IDS, "panel id 1 is used 2 times", put(1, "panels", 3, "id")),
    (PLACES, "overlap", put(5, "panels", 1, "gridPos", "x")),
    (PLACES, "outside the grid", put(1, *LAST, "gridPos", "x")),
    (PLACES, "outside the grid", put(0, *LAST, "gridPos", "h")),
    (WORDS, "no description", put("", *FIRST, "description")),
    (WORDS, "no title", put("", *FIRST, "title")),
    (WORDS, "no type", put(None, *FIRST, "type")),
    (WORDS, "unit 'furlong'", put("furlong", *FIELDS, "unit")),
    (WORDS, "unit None", put(None, *FIELDS, "unit")),
    (WORDS, "unit 's'", put([override("x", unit="s")], *FIRST, "fieldConfig", "overrides")),
    (LEVELS, "[0, 1]", put(rising(0, 1), *FIELDS, "thresholds", "steps")),
    (LEVELS, "[None, 90, 50]", put(rising(None, 90, 50), *FIELDS, "thresholds", "steps")),
    (LEVELS, "[None, None]", put(rising(None, None), *FIELDS, "thresholds", "steps")),
    (SOURCES, "expected", put({"type": "postgres", "uid": "x"}, *FIRST, "datasource")),
    (SOURCES, "expected", put(None, *TARGET, "datasource")),
    (SOURCES, "variable agent", put(JAEGER, *AGENT, "datasource")),
    (COMPLETE, "exactly one query", put([], *FIRST, "targets")),
    (COMPLETE, "exactly one query", put("", *TARGET, "rawSql")),
    (COMPLETE, "exactly one query", put(False, *TARGET, "rawQuery")),
    (COMPLETE, "wrong format", put("table", *SERIES_TARGET, "format")),
    (COMPLETE, "end with ORDER BY 1", swap("ORDER BY 1", "ORDER BY 2")),
    (COMPLETE, "begin with $__timeGroupAlias", swap(GROUP, "started_at")),
    (VIEWS, "reads executions", swap("FROM panel_executions", "FROM executions")),
    (VIEWS, "reads spans", swap("LEFT JOIN panel_executions", "left join spans")),
    (VIEWS, "variable agent", put("SELECT 1 FROM traces", *AGENT, "query")),
    (DEFINED, "uses $agent, which is not defined", put("gone", *AGENT, "name")),
    (DEFINED, "variable gone is never used", put("gone", *AGENT, "name")),
    (DEFINED, "uses $__unixEpochFilter", swap("$__timeFilter(", "$__unixEpochFilter(")),
    (DEFINED, "uses $team", put("Running now in $team", *FIRST, "title")),
    (QUOTED, "must write ARRAY", swap("${agent:sqlstring}", "$agent")),
    (QUOTED, "must write ARRAY", swap("${agent:sqlstring}", "${agent:raw}")),
    (QUOTED, "must write ARRAY", swap(SAFE, "(${agent:sqlstring})")),
    (QUOTED, "variable session must write", put(UNSAFE, *SESSION, "query")),
    (QUOTED, "with allValue", put(None, *SESSION, "allValue")),
    (QUOTED, "several values", put(False, *SESSION, "multi")),
    (QUOTED, "and all", put(False, *SESSION, "includeAll")),
    (LINKS, "without a title", link(title="")),
    (LINKS, "does not open", link(url="https://example.org/")),
    (LINKS, "does not open", url("agent-otel-jaeger", "another")),
    (LINKS, "does not open", url("${__value.raw}", "${__value.text}")),
    (LINKS, "does not open", url("%7B%22trace", "%22trace")),
    (LINKS, "does not open", url("schemaVersion=1", "schemaVersion=0")),
    (LINKS, "does not open", url("/explore", "//example.org/explore")),
]


@pytest.mark.parametrize(("rule", "expected", "spoil"), BROKEN, ids=[f"{rule}-{said}" for rule, said, _ in BROKEN])
def test_a_broken_dashboard_is_reported(rule: str, expected: str, spoil: Break) -> None:
    """The rule finds what was broken and names it."""
    wrong = copy.deepcopy(dashboard())
    spoil(wrong)
    (check,) = (each for each in RULES if each.__name__ == rule)
    assert any(expected in problem for problem in check(wrong)), list(check(wrong))


def test_every_rule_has_a_broken_case() -> None:
    """A rule that nothing can break would prove nothing."""
    assert {rule for rule, _, _ in BROKEN} == {each.__name__ for each in RULES}


def test_the_shipped_dashboard_is_clean() -> None:
    """No rule has anything to say about it."""
    assert problems(dashboard()) == []


def test_overrides_name_columns_that_exist() -> None:
    """A property of a column that the query does not return would be lost silently."""
    for panel in (panel for row in ROWS for panel in row):
        named = [each["matcher"]["options"] for each in panel.overrides]
        assert len(set(named)) == len(named), panel.title
        # A time series with a column named metric is named by its values: the statuses.
        possible = {*panel.columns} if "metric" not in panel.columns else {*_statuses()}
        assert set(named) <= possible, panel.title


def _statuses() -> list[str]:
    (variable,) = (each for each in dashboard()["templating"]["list"] if each["name"] == "status")
    return str(variable["query"]).split(",")
