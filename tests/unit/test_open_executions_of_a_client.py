"""What a configured client does about its open executions: files, claims, durability, heartbeats."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

import agent_otel
from tests.fixtures.sink import Sink, eventually

pytestmark = pytest.mark.usefixtures("unconfigured")

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


@pytest.fixture
def host() -> Iterator[TracerProvider]:
    """The program's own provider."""
    made = TracerProvider(shutdown_on_exit=False)
    yield made
    made.shutdown()


def event_names(sink: Sink) -> list[str]:
    """Names of the accepted events, without their prefix."""
    return [event["eventName"].removeprefix("aotel.execution.") for event in sink.events()]


def test_state_folder(home: Path, sink: Sink, host: TracerProvider) -> None:
    """The execution's file is there as soon as its id is known outside, and gone after its end; a claim stays."""
    folder = home / "state" / "executions"
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    with agent_otel.execution("a") as run:
        execution_id = run.execution_id
        assert (folder / f"{execution_id}.json").exists()
    with agent_otel.execution("b", execution_id=ID):
        assert (folder / f"{ID}.json").exists()
    agent_otel.flush(10)
    assert sorted(path.name for path in folder.iterdir()) == sorted([f"{execution_id}.closed", f"{ID}.closed"])


def test_file_of_a_quiet_execution(home: Path, sink: Sink, host: TracerProvider) -> None:
    """An execution whose id nobody asked for has its file too, made in the background."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    with agent_otel.execution("a") as run:
        file = home / "state" / "executions" / f"{run.record.execution_id}.json"
        eventually(file.exists)


def test_completed_by_another(home: Path, sink: Sink, host: TracerProvider, warned: list[str]) -> None:
    """When another process closed the execution first, our end is an event and no span."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    with agent_otel.execution("a", execution_id=ID):
        (home / "state" / "executions" / f"{ID}.closed").touch()
    assert agent_otel.flush(10) == (2, 0, 0)
    assert sink.spans() == []
    assert "already completed" in warned[0]


def test_durable_start(sink: Sink, host: TracerProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """With durable=True the start is on the disk before the block runs."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host)
    synced: list[int] = []
    real = os.fsync

    def keep(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", keep)
    with agent_otel.execution("a", durable=True):
        assert synced


def test_heartbeats(sink: Sink, host: TracerProvider) -> None:
    """An open execution says by itself that it still runs."""
    agent_otel.configure(endpoint=sink.endpoint, tracer_provider=host, heartbeat_seconds=1)
    with agent_otel.execution("a"):
        sink.wait_until(lambda: "heartbeat" in event_names(sink))
    agent_otel.flush(10)
    assert event_names(sink)[0] == "started"
