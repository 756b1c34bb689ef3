"""Variables of a dashboard: lists of which any number can be chosen, or all."""

from typing import Final

from grafana.datasources import POSTGRES, Json

#: What Grafana writes into the SQL for "All": inside ARRAY[…] the NULL that is_chosen() takes for everything.
ALL: Final = "NULL"
_ON_TIME_RANGE_CHANGE: Final = 2
_AS_QUERIED: Final = 0


def chosen(column: str, variable: str) -> str:
    """The SQL condition that a column is among the chosen values of a variable.

    The format sqlstring quotes every value, so that none can leave its string; nothing chosen is an empty array.
    """
    return f"is_chosen({column}, ARRAY[${{{variable}:sqlstring}}]::text[])"


def query_variable(name: str, label: str, description: str, sql: str) -> Json:
    """A variable whose values a query of one column gives, anew when the time range changes."""
    return {
        **_variable(name, label, description),
        "type": "query",
        "datasource": POSTGRES,
        "definition": sql,
        "query": sql,
        "refresh": _ON_TIME_RANGE_CHANGE,
        "sort": _AS_QUERIED,
        "regex": "",
        "options": [],
    }


def list_variable(name: str, label: str, description: str, values: tuple[str, ...]) -> Json:
    """A variable with fixed values."""
    return {
        **_variable(name, label, description),
        "type": "custom",
        "query": ",".join(values),
        "options": [{"selected": False, "text": value, "value": value} for value in values],
    }


def _variable(name: str, label: str, description: str) -> Json:
    return {
        "name": name,
        "label": label,
        "description": description,
        "multi": True,
        "includeAll": True,
        "allValue": ALL,
        "allowCustomValue": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "skipUrlSync": False,
    }
