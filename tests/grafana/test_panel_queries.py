"""The SQL of every panel and variable on PostgreSQL, as Grafana sends it, with the rights that Grafana has."""

import itertools

import pytest
from psycopg.errors import SyntaxError as SqlSyntaxError

from grafana.executions import ROWS, VARIABLES
from grafana.lint import queries_read_views
from grafana.variables import ALL
from tests.grafana.asking import Reader, amount, result, rows_of
from tests.grafana.expansion import All, Choice
from tests.grafana.history import ODD_AGENT, ODD_SESSION

PANELS = [panel for row in ROWS for panel in row]
HOSTILE = "'; --"
CHOICES: dict[str, dict[str, Choice]] = {
    "agent": {"one": ["coder"], "several": ["coder", "(none)", ODD_AGENT]},
    "session": {"one": ["s1"], "several": ["s1", "(none)", ODD_SESSION]},
    "status": {"one": ["success"], "several": ["success", "error", "abandoned"]},
}
ANY: dict[str, Choice] = {"all": All(ALL), "none": [], "hostile": [HOSTILE]}


@pytest.mark.parametrize("variable", CHOICES)
def test_every_panel_returns_its_columns_whatever_is_chosen(reader: Reader, variable: str) -> None:
    """Each variable at one, several, all, none and a hostile value: the declared columns, from a single statement."""
    for panel, choice in itertools.product(PANELS, [*CHOICES[variable].values(), *ANY.values()]):
        columns, _ = result(reader, panel.sql, **{variable: choice})
        assert columns == panel.columns, (panel.title, choice)


def test_every_panel_shows_something_for_all_and_nothing_for_none(reader: Reader) -> None:
    """All is not filtered; an empty choice, or a value that nobody has, leaves no row, no count and no rate."""
    for panel in PANELS:
        assert amount(rows_of(reader, panel)) > 0, panel.title
        for nothing in ([], [HOSTILE]):
            assert amount(rows_of(reader, panel, agent=nothing)) == 0, panel.title
            assert amount(rows_of(reader, panel, session=nothing)) == 0, panel.title


@pytest.mark.parametrize("variable", [each for each in VARIABLES if each["type"] == "query"], ids=lambda v: v["name"])
def test_every_value_that_a_variable_offers_can_be_chosen(reader: Reader, variable: dict[str, str]) -> None:
    """One column of values; each of them, chosen alone, finds executions: also (none), quotes and backslashes."""
    _, offered = result(reader, variable["query"])
    values = [value for (value,) in offered]
    assert {"(none)", ODD_AGENT if variable["name"] == "agent" else ODD_SESSION} < set(values)
    (count,) = (panel for panel in PANELS if panel.columns == ("executions",))
    for value in values:
        assert rows_of(reader, count, **{variable["name"]: [value]})[0][0] > 0, value
    assert rows_of(reader, count, **{variable["name"]: values}) == rows_of(reader, count)


def test_sessions_are_those_of_the_chosen_agents(reader: Reader) -> None:
    """The variable session follows the variable agent."""
    (sessions,) = (each["query"] for each in VARIABLES if each["name"] == "session")
    assert set(result(reader, sessions, agent=["tester"])[1]) == {("s1",)}
    assert result(reader, sessions, agent=[])[1] == []


@pytest.mark.parametrize(
    "value",
    [
        "'; DROP VIEW panel_executions; --",
        "']::text[]) OR true; --",
        "\\'; SELECT 1; --",
        '"; SELECT 1; --',
        "NULL",
        "*/ --",
    ],
)
def test_no_value_leaves_its_string(reader: Reader, value: str) -> None:
    """Whatever somebody puts into the address of the dashboard is compared, not run."""
    for panel in PANELS:
        assert amount(rows_of(reader, panel, agent=[value])) == 0, panel.title


def test_a_value_that_holds_a_macro_runs_nothing(reader: Reader) -> None:
    """Grafana expands macros inside strings too; what comes out is refused as a whole."""
    for panel in PANELS:
        with pytest.raises(SqlSyntaxError):
            rows_of(reader, panel, agent=["$__timeFilter(x) OR true; SELECT $__timeFrom()"])


def test_a_panel_without_quoting_would_be_caught(reader: Reader) -> None:
    """The tests above can fail: with the values unquoted the same value ends the statement and starts another."""
    unsafe = "SELECT count(*) AS executions FROM panel_executions WHERE agent = 'AGENT'"
    with pytest.raises(AssertionError, match="several statements"):
        result(reader, unsafe.replace("AGENT", "'; SELECT 1; --"))


def test_what_panels_read_is_a_view_or_a_function(reader: Reader) -> None:
    """No name that the lint lets through (panel_*, agent_*) belongs to a table."""
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'agent_otel'::regnamespace AND relkind IN ('r', 'p')"
    for (table,) in reader.execute(tables).fetchall():
        sql = f"... FROM {table}"
        target = {"rawSql": sql}
        dashboard = {"panels": [{"id": 1, "targets": [target]}], "templating": {"list": []}}
        assert list(queries_read_views(dashboard)), f"the table {table} looks like a view to the lint"


def test_grafana_logs_in_with_the_schema_in_its_path(reader: Reader) -> None:
    """Grafana names no schema: the role has it in its search_path."""
    settings = "SELECT rolconfig FROM pg_roles WHERE rolname = 'agent_otel_reader'"
    assert reader.execute(settings).fetchall() == [(["search_path=agent_otel"],)]
