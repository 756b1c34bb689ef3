"""The kinds of panel that we use, as Grafana's JSON (schema 42, that of Grafana 12)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from grafana.datasources import POSTGRES, Json

GRID_COLUMNS: Final = 24
#: The version whose panel options these are; Grafana migrates from it to its own.
PLUGIN_VERSION: Final = "12.3.1"

PERCENT: Final = "percent"  # 0 to 100
MILLISECONDS: Final = "ms"
COUNT: Final = "short"


@dataclass(frozen=True)
class Panel:
    """A panel and the columns that its query must return, in order."""

    id: int  # part of a panel's address: never given to another
    kind: Literal["stat", "timeseries", "table"]
    title: str
    description: str
    sql: str
    columns: tuple[str, ...]
    width: int
    height: int
    defaults: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    min_interval: str | None = None

    def json(self, x: int, y: int) -> Json:
        """The panel at a place of the dashboard's grid, 24 columns wide."""
        return {
            "id": self.id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": POSTGRES,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": _defaults(self), "overrides": list(self.overrides)},
            "options": _OPTIONS[self.kind],
            "pluginVersion": PLUGIN_VERSION,
            "targets": [_target(self)],
            **({"interval": self.min_interval, "maxDataPoints": 100} if self.min_interval else {}),
        }


def layout(rows: Iterable[tuple[Panel, ...]]) -> list[Json]:
    """Panels side by side, row under row. Raises ValueError for a row that is not exactly as wide as the grid."""
    placed, y = [], 0
    for row in rows:
        if sum(panel.width for panel in row) != GRID_COLUMNS:
            raise ValueError(f"the widths of {[panel.title for panel in row]} must add up to {GRID_COLUMNS}")
        x = 0
        for panel in row:
            placed.append(panel.json(x, y))
            x += panel.width
        y += max(panel.height for panel in row)
    return placed


def query(*lines: str) -> str:
    """The lines of a query."""
    return "\n".join(lines)


def where(*conditions: str) -> str:
    """The clause that asks for all of the conditions."""
    return "WHERE " + "\n  AND ".join(conditions)


def override(column: str, **properties: object) -> Json:
    """Properties of one column; two underscores in a keyword are a dot: custom__width is custom.width."""
    named = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byName", "options": column}, "properties": named}


def steps(base: str, *higher: tuple[float, str]) -> Json:
    """Thresholds: a colour from minus infinity on, others from a value on."""
    first = [{"color": base, "value": None}]
    return {"mode": "absolute", "steps": first + [{"color": color, "value": value} for value, color in higher]}


def _target(panel: Panel) -> Json:
    return {
        "refId": "A",
        "datasource": POSTGRES,
        "editorMode": "code",
        "format": "time_series" if panel.kind == "timeseries" else "table",
        "rawQuery": True,
        "rawSql": panel.sql,
    }


def _defaults(panel: Panel) -> Json:
    custom = {**_CUSTOM[panel.kind], **panel.defaults.get("custom", {})}
    plain = {"color": {"mode": "thresholds"}, "mappings": [], "thresholds": steps("text"), "unit": COUNT}
    return {**plain, **panel.defaults, **({"custom": custom} if custom else {})}


_OPTIONS: Final[dict[str, Json]] = {
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "value",
        "wideLayout": True,
    },
    "timeseries": {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"hideZeros": True, "mode": "multi", "sort": "desc"},
    },
    "table": {"cellHeight": "sm", "showHeader": True, "sortBy": []},
}

_CUSTOM: Final[dict[str, Json]] = {
    "stat": {},
    "timeseries": {
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "barAlignment": 0,
        "drawStyle": "line",
        "fillOpacity": 10,
        "gradientMode": "none",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "pointSize": 5,
        "scaleDistribution": {"type": "linear"},
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "none"},
        "thresholdsStyle": {"mode": "off"},
    },
    "table": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
}
