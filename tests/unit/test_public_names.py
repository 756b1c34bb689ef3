"""`import agent_otel`: small, and every promised name is there."""

import subprocess
import sys

import pytest

import agent_otel

CLIENT_NAMES = [name for name in agent_otel.__all__ if name != "PostgresSpanExporter"]


def test_import_loads_neither_opentelemetry_nor_psycopg() -> None:
    """The package itself costs no more than the standard library."""
    code = "import sys, agent_otel; print([m for m in sys.modules if m.split('.')[0] in ('opentelemetry', 'psycopg')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("name", CLIENT_NAMES)
def test_names_resolve(name: str) -> None:
    """Each name of __all__ is found in its module."""
    assert getattr(agent_otel, name).__name__ == name


def test_all_is_sorted_and_listed() -> None:
    """__all__ is sorted and dir() shows it."""
    assert agent_otel.__all__ == sorted(agent_otel.__all__)
    assert set(agent_otel.__all__) <= set(dir(agent_otel))


def test_hot_path_is_light() -> None:
    """What the command needs of the client loads no OpenTelemetry and none of the slow standard modules."""
    slow = ("opentelemetry", "logging", "asyncio", "http", "urllib", "dataclasses", "pathlib", "ssl", "random")
    code = (
        "import sys; from agent_otel import spool, delivery, settings, otlp_json, open_execution; "
        f"print([m for m in sys.modules if m.split('.')[0] in {slow!r}])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_unknown_name() -> None:
    """A name that does not exist is an AttributeError that names it."""
    with pytest.raises(AttributeError, match="nonsense"):
        agent_otel.nonsense  # noqa: B018


def test_helper_functions_win_over_modules() -> None:
    """No module of ours hides a helper of the same name once it is imported."""
    import agent_otel.tracing

    assert callable(agent_otel.execution)
    assert callable(agent_otel.step)
    assert callable(agent_otel.log_step)
