"""Fixtures of the client's tests: a home of their own, a receiver, errors that are raised."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agent_otel
from agent_otel import guard, hand_over
from agent_otel.settings import Settings, load
from tests.fixtures.sink import Sink


@pytest.fixture(autouse=True)
def errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """In our own tests an error of ours is an error, and each warning is logged anew."""
    monkeypatch.setattr(guard, "raise_errors", True)
    guard.forget_logged()


@pytest.fixture
def errors_are_swallowed(errors_are_raised: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an agent."""
    monkeypatch.setattr(guard, "raise_errors", False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh AGENT_OTEL_HOME, and no other setting in the environment."""
    for name in ("AGENT_OTEL_ENDPOINT", "CLAUDE_CODE_SESSION_ID", "TRACEPARENT", "TRACESTATE", "BAGGAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that answers 200."""
    with Sink() as running:
        yield running


@pytest.fixture
def spool_folder(home: Path) -> Path:
    """Where the spool is, once something is in it."""
    return home / "state" / "spool"


@pytest.fixture
def settings_to(home: Path) -> Callable[..., Settings]:
    """Makes settings for an endpoint; flags by name."""
    return lambda endpoint, **flags: load({"endpoint": endpoint, **flags})


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handing over has time, however busy the machine is: what is not about time must not depend on it."""
    monkeypatch.setenv("AGENT_OTEL_SEND_MILLISECONDS", "20000")
    monkeypatch.setattr(hand_over, "DRAIN_SECONDS", 10.0)


@pytest.fixture
def unconfigured(home: Path) -> Iterator[None]:
    """No client before, none after."""
    agent_otel.shutdown(0)
    yield
    agent_otel.shutdown(0)


@pytest.fixture
def warned() -> Iterator[list[str]]:
    """The texts of the warnings that agent_otel logs, as they come."""
    texts: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    handler = Keep()
    guard.logger.addHandler(handler)
    yield texts
    guard.logger.removeHandler(handler)
