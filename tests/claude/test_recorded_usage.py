"""What recordings prove about the CLI: where the figures are that the audit trail adds up, and where they are not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.claude.ledger import Usage
from tests.claude.recorded import Recorded, all_recorded
from tests.claude.script import COMPACTION

_FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
RECORDED = pytest.mark.parametrize("recorded", all_recorded(), ids="/".join)


def answers(path: Path) -> list[dict[str, Any]]:
    """The lines of a transcript that are the model's answers."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["type"] == "assistant" and not line.get("isApiErrorMessage")]


@RECORDED
def test_transcripts_have_every_request_but_compactions(recorded: Recorded) -> None:
    """Each under its request id, on every line of it with the same final figures; forks repeat them."""
    noted = {request.id: request for request in recorded.ledger()}
    found: dict[str, set[Usage]] = {}
    for line in (line for path in recorded.transcripts() for line in answers(path)):
        if "requestId" in line:
            usage = Usage(*(line["message"]["usage"][name] for name in _FIGURES))
            found.setdefault(line["requestId"], set()).add(usage)
    assert found == {key: {request.usage} for key, request in noted.items() if request.script != COMPACTION}


def log_records(recorded: Recorded) -> Iterator[dict[str, Any]]:
    """The attributes of the CLI's own log records."""
    for path, body in recorded.telemetry():
        resource_logs = body["resourceLogs"] if path == "/v1/logs" else []
        records = (record for logs in resource_logs for scope in logs["scopeLogs"] for record in scope["logRecords"])
        yield from ({each["key"]: next(iter(each["value"].values())) for each in r["attributes"]} for r in records)


@pytest.mark.parametrize("recorded", [each for each in all_recorded() if each.telemetry()], ids="/".join)
def test_telemetry_has_every_request(recorded: Recorded) -> None:
    """Compactions, too; with the cost that the list prices make."""
    told = [values for values in log_records(recorded) if values["event.name"] == "api_request"]
    costs = {values["request_id"]: round(float(values["cost_usd"]), 9) for values in told}
    assert costs == {request.id: round(request.cost_usd, 9) for request in recorded.ledger()}


@RECORDED
def test_a_sub_agents_file_names_the_call_that_started_it(recorded: Recorded) -> None:
    """The parent is known from it before the call has returned."""
    started = {p.payload["agent_id"]: p.payload for p in recorded.payloads() if p.event == "SubagentStart"}
    calls = {p.payload["tool_use_id"] for p in recorded.payloads() if p.event == "PreToolUse"}
    for agent_id, payload in started.items():
        path = recorded.folder / payload["session_id"] / "subagents" / f"agent-{agent_id}.meta.json"
        assert json.loads(path.read_text(encoding="utf-8"))["toolUseId"] in calls
