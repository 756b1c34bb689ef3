"""Reading recordings: payloads as a hook gets them, with transcripts that it can open, and the model's ledger."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.claude.ledger import Request, ToolCall, Usage
from tests.claude.recording import PROJECT, RECORDINGS


class Payload(NamedTuple):
    """What a hook got on standard input; `at`: when it began, Unix ns."""

    event: str
    at: int
    payload: dict[str, Any]


class Recorded(NamedTuple):
    """A scenario as one version of the CLI played it."""

    version: str
    scenario: str

    @property
    def folder(self) -> Path:
        """Where its transcripts are, as they were at the end."""
        return RECORDINGS / self.version / self.scenario

    def payloads(self, project: Path | None = None) -> list[Payload]:
        """In the order in which the hooks began; transcripts are those in `project`, else the recorded ones."""
        text = self._file("").replace(PROJECT, str(project or self.folder))
        lines = map(json.loads, text.splitlines())
        return [Payload(line["event"], line["at"], line["payload"]) for line in lines]

    def ledger(self) -> list[Request]:
        """What the model answered."""
        return [_request(json.loads(line)) for line in self._file(".ledger").splitlines()]

    def telemetry(self) -> list[tuple[str, Any]]:
        """Path and OTLP/JSON body of what the CLI's own telemetry sent; empty where it was not kept."""
        path = self.folder / "telemetry.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [(line["path"], line["body"]) for line in map(json.loads, lines)]

    def transcripts(self) -> Iterator[Path]:
        """Of the main agent and of sub-agents."""
        return (path for path in sorted(self.folder.rglob("*.jsonl")) if path.name != "telemetry.jsonl")

    def _file(self, kind: str) -> str:
        return (RECORDINGS / self.version / f"{self.scenario}{kind}.jsonl").read_text(encoding="utf-8")


def all_recorded() -> list[Recorded]:
    """Every recording that there is."""
    ledgers = sorted(RECORDINGS.glob("*/*.ledger.jsonl"))
    return [Recorded(path.parent.name, path.name.removesuffix(".ledger.jsonl")) for path in ledgers]


def _request(line: dict[str, Any]) -> Request:
    calls = tuple(ToolCall(**call) for call in line["calls"])
    return Request(**{**line, "usage": Usage(**line["usage"]), "calls": calls})
