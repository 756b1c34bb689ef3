"""The database that dashboards are tested on."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.grafana.asking import Reader, reading
from tests.grafana.history import History, write_history


class Audience(NamedTuple):
    """A reader and what there is to read."""

    reader: Reader
    history: History


@pytest.fixture
def audience(database_url: str) -> Iterator[Audience]:
    """A connection with the rights of Grafana's role, on a database with some executions."""
    history = write_history(database_url)
    with reading(database_url) as reader:
        yield Audience(reader, history)


@pytest.fixture
def reader(audience: Audience) -> Reader:
    """The connection alone."""
    return audience.reader
