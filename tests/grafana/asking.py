"""Ask a panel's question as Grafana does: its query, expanded, with the rights of Grafana's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from agent_otel.store.connection import connect
from grafana.panels import Panel
from grafana.variables import ALL
from tests.grafana.expansion import All, Choice, expand
from tests.grafana.history import RANGE

Reader = Connection[TupleRow]

EVERYTHING: Final[dict[str, Choice]] = {"agent": All(ALL), "session": All(ALL), "status": All(ALL)}


@contextmanager
def reading(database_url: str) -> Iterator[Reader]:
    """A connection with the rights of Grafana's role."""
    with connect(database_url, application="test", autocommit=True) as connection:
        connection.execute("SET ROLE agent_otel_reader")
        yield connection


def result(reader: Reader, sql: str, **choices: Choice) -> tuple[tuple[str, ...], list[Any]]:
    """The columns and rows of a query for the choices, all where none is given; it must be one statement."""
    # Like Grafana's driver, psycopg sends a query without parameters in one message that may hold several statements.
    cursor = reader.execute(expand(sql, {**EVERYTHING, **choices}, RANGE).encode())
    columns = tuple(column.name for column in cursor.description or ())
    rows = cursor.fetchall()
    assert cursor.nextset() is None, "the query became several statements"
    return columns, rows


def rows_of(reader: Reader, panel: Panel, **choices: Choice) -> list[Any]:
    """The rows of a panel."""
    return result(reader, panel.sql, **choices)[1]


def amount(rows: list[Any]) -> int:
    """How much a panel shows: its one figure, else its rows."""
    single = len(rows) == 1 and len(rows[0]) == 1
    return round(rows[0][0] or 0) if single else len(rows)
