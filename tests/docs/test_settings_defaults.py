"""docs/settings.md: who sets a variable to the default that the page names has set nothing."""

import re
from collections.abc import Callable

import pytest

from agent_otel import settings
from agent_otel.errors import AgentOtelError
from agent_otel.exporter import config
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES, Ports
from tests.docs import page

_ROWS = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", page.text("docs/settings.md"), re.MULTILINE)
_EXPORTER = {"AGENT_OTEL_DATABASE_URL": "postgresql://nobody@127.0.0.1/none"}


def _client(environ: dict[str, str]) -> dict[str, object]:
    found = settings.load({}, {"HOME": "/", **environ}, "/")
    assert not found.problems
    return {variable.field: getattr(found, variable.field) for variable in settings.VARIABLES}


def _ports(environ: dict[str, str]) -> list[str]:
    ports = Ports((POSTGRES, EXPORTER, JAEGER, COLLECTOR), environ)
    return [str(sorted(ports.settings(part).items())) for part in (POSTGRES, EXPORTER, JAEGER, COLLECTOR)]


def _refuses(read: Callable[[], object]) -> bool:
    try:
        read()
    except AgentOtelError:
        return True
    return False


@pytest.mark.parametrize(("variable", "default"), _ROWS, ids=[variable for variable, _ in _ROWS])
def test_a_default_changes_nothing(variable: str, default: str) -> None:
    """For the client, the exporter and the local stack."""
    given = {variable: default}
    assert _client(given) == _client({})
    assert config.read({**_EXPORTER, **given}) == config.read(_EXPORTER)
    assert _ports(given) == _ports({})


@pytest.mark.parametrize(("variable", "default"), _ROWS, ids=[variable for variable, _ in _ROWS])
def test_a_variable_is_read(variable: str, default: str) -> None:
    """A value that is none, or another port, is noticed by one of them."""
    wrong = "nothing of this kind"
    noticed = [
        bool(settings.load({}, {"HOME": "/", variable: wrong}, "/").problems),
        _refuses(lambda: config.read({**_EXPORTER, variable: wrong})),
        _refuses(lambda: _ports({variable: wrong})),
    ]
    assert any(noticed), default
