"""Calls of the command in this process: an environment of their own, a receiver, what they print."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent_otel import cli
from tests.fixtures.sink import Sink


class Printed(NamedTuple):
    """What a call left."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


Verb = Callable[..., Printed]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver."""
    with Sink() as running:
        yield running


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], sink: Sink) -> Verb:
    """Run a verb with its words; delivered to `sink`."""
    for name in ("TRACEPARENT", "TRACESTATE", "BAGGAGE", "CLAUDE_CODE_SESSION_ID", "AGENT_OTEL_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENT_OTEL_SEND_MILLISECONDS", "20000")  # a busy machine is no reason to fail
    monkeypatch.setenv("AGENT_OTEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENT_OTEL_ENDPOINT", sink.endpoint)
    monkeypatch.setenv("AGENT_OTEL_PROJECT", "the project")

    def call(*words: str) -> Printed:
        code = cli.main(words)
        printed = capfd.readouterr()
        return Printed(code, printed.out, printed.err)

    return call


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an OTLP/JSON item as plain values."""
    return {pair["key"]: _plain(pair["value"]) for pair in item["attributes"]}


def _plain(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_plain(member) for member in content["values"]]
    return content


def events(sink: Sink) -> list[dict[str, Any]]:
    """The log records that arrived, in order."""
    return [event for received in sink.accepted for event in received.events()]


def spans(sink: Sink) -> list[dict[str, Any]]:
    """The spans that arrived as JSON, in order."""
    groups = [json.loads(r.body)["resourceSpans"] for r in sink.accepted if r.path == "/v1/traces"]
    return [span for group in groups for r in group for scope in r["scopeSpans"] for span in scope["spans"]]
