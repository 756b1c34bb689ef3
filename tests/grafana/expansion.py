"""What Grafana 12 makes of a query before PostgreSQL sees it: first variables (in the browser), then macros (in the
server's PostgreSQL data source). Written after its documentation and behaviour; test_expansion.py holds it to them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_INTERVAL: Final = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_VARIABLE: Final = re.compile(r"\$\{(\w+):sqlstring\}")
#: Arguments end at the first closing parenthesis, wherever it stands.
_MACRO: Final = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")


class MacroError(ValueError):
    """Grafana refuses the query and sends nothing."""


@dataclass(frozen=True)
class All:
    """The choice "All" of a variable with a custom all value, which is written as it is, whatever the format."""

    value: str


Choice = Sequence[str] | All


@dataclass(frozen=True)
class TimeRange:
    """The dashboard's time range and the interval that Grafana derives from it and the width of a panel."""

    start: datetime
    end: datetime
    interval: str = "1m"


def expand(sql: str, choices: Mapping[str, Choice], times: TimeRange) -> str:
    """The query that PostgreSQL gets. Raises MacroError where Grafana reports an error, KeyError for a variable that
    is not among the choices (Grafana would leave it as it is).
    """
    return expand_macros(interpolate(sql, choices), times)


def interpolate(sql: str, choices: Mapping[str, Choice]) -> str:
    """Write the chosen values in place of ${name:sqlstring}."""
    return _VARIABLE.sub(lambda found: _sqlstring(choices[found[1]]), sql)


def _sqlstring(choice: Choice) -> str:
    if isinstance(choice, All):
        return choice.value
    return ",".join("'" + value.replace("'", "''").replace('"', '\\"') + "'" for value in choice)


def expand_macros(sql: str, times: TimeRange) -> str:
    """Write SQL in place of the macros."""
    sql = sql.replace("$__interval_ms", f"{seconds(times.interval) * 1000:.0f}")
    sql = sql.replace("$__interval", times.interval)

    def expansion(found: re.Match[str]) -> str:
        name, arguments = found[1], [argument.strip(" ") for argument in found[2].split(",")]
        # Older dashboards rely on it: directly before a comma the macro names its column.
        first = sql.index(found[0]) + len(found[0])
        if name == "__timeGroup" and sql[first : first + 1] == ",":
            name = "__timeGroupAlias"
        return _macro(name, arguments, times)

    return _MACRO.sub(expansion, sql)


def _macro(name: str, arguments: list[str], times: TimeRange) -> str:
    start, end = f"'{_rfc3339(times.start)}'", f"'{_rfc3339(times.end)}'"
    match name:
        case "__timeFilter":
            return f"{arguments[0]} BETWEEN {start} AND {end}"
        case "__timeFrom":
            return start
        case "__timeTo":
            return end
        case "__timeGroup":
            return _group(arguments)
        case "__timeGroupAlias":
            return _group(arguments) + ' AS "time"'
        case _:
            raise MacroError(f"unknown macro {name}")


def _group(arguments: list[str]) -> str:
    if len(arguments) < 2:
        raise MacroError("__timeGroup needs a time column and an interval")
    # A third argument fills gaps after the query has run; it must be NULL, previous or a number.
    if len(arguments) == 3 and arguments[2] not in ("NULL", "previous"):
        float(arguments[2])
    length = seconds(arguments[1].strip("'"))
    number = f"{length:g}"  # as Go prints a float: from a million on with an exponent
    return f"floor(extract(epoch from {arguments[0]})/{number})*{number}"


def seconds(interval: str) -> float:
    """The length of an interval such as 5m. Raises MacroError for anything else."""
    found = _INTERVAL.fullmatch(interval)
    if found is None:
        raise MacroError(f"{interval!r} is not an interval")
    return int(found[1]) * _UNITS[found[2]]


def _rfc3339(moment: datetime) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def around(moment_ns: int, width: timedelta) -> TimeRange:
    """The time range that has a moment (Unix time in nanoseconds) in its middle."""
    middle = datetime.fromtimestamp(moment_ns / 1e9, UTC)
    return TimeRange(middle - width / 2, middle + width / 2)
