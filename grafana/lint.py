"""What must hold of every dashboard that we ship; each rule yields a sentence for each place where it does not."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final
from urllib.parse import parse_qs, urlsplit

from grafana.datasources import CELL_VALUE, JAEGER, POSTGRES, Json
from grafana.panels import GRID_COLUMNS
from grafana.variables import ALL

#: The macros of Grafana's PostgreSQL data source that panels may use, and the two values that Grafana itself fills in.
MACROS: Final = frozenset({"__timeFilter", "__timeFrom", "__timeTo", "__timeGroup", "__timeGroupAlias"})
_FILLED_IN: Final = frozenset({"__interval", "__interval_ms"})
_UNITS: Final = frozenset({"short", "percent", "ms", "currencyUSD"})

_VARIABLE: Final = re.compile(r"\$(?:\{([^}:.]+)[^}]*\}|(\w+))")
_SAFE: Final = re.compile(r"ARRAY\[\$\{\w+:sqlstring\}\]::text\[\]")
_RELATION: Final = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)
_OURS: Final = re.compile(r"(?:panel|agent)_\w+")


def problems(dashboard: Json) -> list[str]:
    """Everything that is wrong with a dashboard; empty when it may be shipped."""
    return [problem for rule in RULES for problem in rule(dashboard)]


def panel_ids_are_unique(dashboard: Json) -> Iterator[str]:
    """Grafana addresses a panel by its id."""
    ids = [panel["id"] for panel in dashboard["panels"]]
    yield from (f"panel id {each} is used {ids.count(each)} times" for each in sorted(set(ids)) if ids.count(each) > 1)


def panels_do_not_overlap(dashboard: Json) -> Iterator[str]:
    """Each panel has a place of its own within the grid."""
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        if min(place["x"], place["y"]) < 0 or min(place["w"], place["h"]) < 1 or place["x"] + place["w"] > GRID_COLUMNS:
            yield f"{_name(panel)} lies outside the grid of {GRID_COLUMNS} columns: {place}"
    for one, other in combinations(dashboard["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{_name(one)} and {_name(other)} overlap"


def panels_say_what_they_show(dashboard: Json) -> Iterator[str]:
    """A title, a description, a unit and a visualisation for every panel."""
    for panel in dashboard["panels"]:
        yield from (f"{_name(panel)} has no {key}" for key in ("title", "description", "type") if not panel.get(key))
        fields = panel["fieldConfig"]
        units = [fields["defaults"].get("unit")]
        units += [p["value"] for o in fields["overrides"] for p in o["properties"] if p["id"] == "unit"]
        yield from (f"{_name(panel)} has the unknown unit {unit!r}" for unit in units if unit not in _UNITS)


def thresholds_start_at_the_bottom(dashboard: Json) -> Iterator[str]:
    """The first threshold has no value (minus infinity), the others rise."""
    for panel in dashboard["panels"]:
        values = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        if values[:1] != [None] or None in values[1:] or values[1:] != sorted(values[1:]):
            yield f"{_name(panel)} has thresholds at {values}; expected null, then rising numbers"


def data_sources_are_provisioned(dashboard: Json) -> Iterator[str]:
    """Panels, their queries and query variables name a data source that we provision; queries go to PostgreSQL."""
    named = [(_name(panel), source) for panel in dashboard["panels"] for source in _sources(panel)]
    named += [(f"variable {each['name']}", each["datasource"]) for each in _query_variables(dashboard)]
    for where, source in named:
        if source != POSTGRES:
            yield f"{where} uses the data source {source}; expected {POSTGRES}"


def queries_are_complete(dashboard: Json) -> Iterator[str]:
    """One query a panel, written as SQL, in the format that its visualisation needs; time series are in order."""
    for panel in dashboard["panels"]:
        targets = panel["targets"]
        if len(targets) != 1 or not targets[0].get("rawSql") or not targets[0].get("rawQuery"):
            yield f"{_name(panel)} must have exactly one query with rawSql"
            continue
        sql, series = targets[0]["rawSql"], panel["type"] == "timeseries"
        if targets[0]["format"] != ("time_series" if series else "table"):
            yield f"{_name(panel)} has the wrong format {targets[0]['format']!r} for {panel['type']}"
        if series and not ("$__timeGroupAlias(" in sql and sql.endswith("ORDER BY 1")):
            yield f"{_name(panel)} must begin with $__timeGroupAlias and end with ORDER BY 1"


def queries_read_views(dashboard: Json) -> Iterator[str]:
    """Only panel_* and agent_* are read: views and functions, never tables."""
    for where, sql in _queries(dashboard):
        yield from (f"{where} reads {name}" for name in _RELATION.findall(sql) if not _OURS.fullmatch(name))


def variables_are_defined(dashboard: Json) -> Iterator[str]:
    """Every $name is a macro or a variable of the dashboard, and every variable is used."""
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    texts = [*_queries(dashboard), *((_name(p), p["title"] + p["description"]) for p in dashboard["panels"])]
    used = {(where, braced or plain) for where, text in texts for braced, plain in _VARIABLE.findall(text)}
    for where, name in sorted(used):
        if name not in defined | MACROS | _FILLED_IN:
            yield f"{where} uses ${name}, which is not defined"
    yield from (f"variable {name} is never used" for name in sorted(defined - {name for _, name in used}))


def variables_cannot_leave_their_string(dashboard: Json) -> Iterator[str]:
    """Values reach SQL quoted, as ARRAY[${name:sqlstring}]::text[], the one form that also takes none and all."""
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    for where, sql in _queries(dashboard):
        rest = _SAFE.sub("", sql)
        names = {braced or plain for braced, plain in _VARIABLE.findall(rest)} & defined
        yield from (f"{where} must write ARRAY[${{{name}:sqlstring}}]::text[]" for name in sorted(names))
    for variable in dashboard["templating"]["list"]:
        if not (variable["multi"] and variable["includeAll"] and variable["allValue"] == ALL):
            yield f"variable {variable['name']} must allow several values and all, with allValue {ALL}"


def links_lead_to_the_trace(dashboard: Json) -> Iterator[str]:
    """Every link has a title and opens Explore with the cell's trace id as the query of the provisioned Jaeger."""
    for panel in dashboard["panels"]:
        for link in _links(panel):
            if not link.get("title"):
                yield f"{_name(panel)} has a link without a title"
            if _explored(link.get("url", "")) != (JAEGER["uid"], JAEGER, CELL_VALUE):
                yield f"{_name(panel)} has a link that does not open {CELL_VALUE} in Jaeger: {link.get('url')}"


RULES: Final[tuple[Callable[[Json], Iterator[str]], ...]] = (
    panel_ids_are_unique,
    panels_do_not_overlap,
    panels_say_what_they_show,
    thresholds_start_at_the_bottom,
    data_sources_are_provisioned,
    queries_are_complete,
    queries_read_views,
    variables_are_defined,
    variables_cannot_leave_their_string,
    links_lead_to_the_trace,
)


def _name(panel: Json) -> str:
    return f"panel {panel['id']} {panel.get('title')!r}"


def _overlap(one: Json, other: Json) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)


def _sources(panel: Json) -> list[Json]:
    return [panel["datasource"], *(target["datasource"] for target in panel["targets"])]


def _query_variables(dashboard: Json) -> list[Json]:
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]


def _queries(dashboard: Json) -> list[tuple[str, str]]:
    panels = [(_name(panel), target["rawSql"]) for panel in dashboard["panels"] for target in panel["targets"]]
    return panels + [(f"variable {each['name']}", each["query"]) for each in _query_variables(dashboard)]


def _links(panel: Json) -> list[Json]:
    fields = panel["fieldConfig"]
    properties = [each for override in fields["overrides"] for each in override["properties"] if each["id"] == "links"]
    return [*fields["defaults"].get("links", []), *(link for each in properties for link in each["value"])]


def _explored(url: str) -> tuple[str, Json, str] | None:
    """The data source and the query that a link opens in Explore; None when it is no such link."""
    parts = urlsplit(url)
    parameters = parse_qs(parts.query, strict_parsing=False)
    try:
        (pane,) = json.loads(parameters["panes"][0]).values()
        (query,) = pane["queries"]
        found = (pane["datasource"], query["datasource"], query["query"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    local = not parts.scheme and not parts.netloc and parts.path == "/explore"
    return found if local and parameters.get("schemaVersion") == ["1"] else None
