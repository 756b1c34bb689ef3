"""A story told over OTLP/HTTP in JSON, as any program may: nothing of agent-otel, no OpenTelemetry SDK."""

import json
import secrets
import time
import urllib.request
import uuid
from typing import Any, NamedTuple

from tests.fixtures.audit_story import Story


class Sender(NamedTuple):
    """One execution: its ids, when it began and what it did."""

    execution_id: str
    trace_id: str
    span_id: str
    start_ns: int
    story: Story


def write(story: Story, endpoint: str) -> str:
    """The id of the execution that did what the story says: its start, its steps, its span, its notes."""
    start_ns = time.time_ns() - 60_000_000_000
    sender = Sender(str(uuid.uuid4()), secrets.token_hex(16), secrets.token_hex(8), start_ns, story)
    intent = _intent(sender)
    post(endpoint, "logs", [_record(sender, "aotel.execution.started", start_ns, intent)])
    post(endpoint, "traces", [_step(sender, number) for number in range(len(story.steps))])
    end_ns = start_ns + 30_000_000_000
    # One after the other: of one moment they would have no order.
    notes = [_record(sender, name, end_ns - 1_000 + n, said) for n, (name, said) in enumerate(_notes(story))]
    post(endpoint, "logs", notes)
    post(endpoint, "traces", [_execution(sender, {**intent, **_outcome(story)}, end_ns)])
    return sender.execution_id


def _who(sender: Sender) -> dict[str, Any]:
    document = sender.story.document
    return {
        "aotel.execution.id": sender.execution_id,
        "session.id": document["session_id"],
        "gen_ai.agent.name": document["agent_metadata"]["name"],
    }


def _intent(sender: Sender) -> dict[str, Any]:
    document, more = sender.story.document, sender.story.more
    intent, agent, sent = document["main_agent_context"], document["agent_metadata"], document["delegation"]
    prompt = [{"role": "user", "parts": [{"type": "text", "content": sent["prompt_sent"]}]}]
    return {
        "aotel.intent.user_request": intent["user_request"],
        "aotel.intent.reasoning": intent["main_agent_reasoning"],
        "aotel.intent.expected_outcome": intent["expected_outcome"],
        "aotel.intent.risk": intent["risk_assessment"],
        "aotel.intent.success_criteria": more["criteria"],
        "aotel.context": sent["context_provided"],
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": sent["instructions"]}]),
        "gen_ai.input.messages": json.dumps(prompt),
        "aotel.prompt.length": sent["prompt_length"],
        "aotel.agent.configuration": agent["configuration"],
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": n} for n in agent["tools_available"]]),
        "gen_ai.agent.version": agent["version"],
        "aotel.parent_execution.id": more["parent_execution_id"],
        "aotel.priority": more["priority"],
        "aotel.triggered_by": more["triggered_by"],
    }


def _outcome(story: Story) -> dict[str, Any]:
    document, more = story.document, story.more
    output, quality, verdict = document["output"], document["quality_metrics"], document["verification"]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": output["raw_response"]}]}]
    stated = {
        "aotel.execution.status": more["status"],
        "error.type": more["error_type"],
        "aotel.error.message": more["error_message"],
        "aotel.progress.stage": more["stage"],
        "aotel.progress.percent": more["percent"],
        "gen_ai.output.messages": json.dumps(answer),
        "aotel.output.size": len(output["raw_response"]),
        "aotel.output.structured": json.dumps(output["structured_data"]),
        "aotel.output.files_modified": output["files_modified"],
        "aotel.output.commands": output["commands_executed"],
        "aotel.output.api_calls": output["api_calls_made"],
        "aotel.output.tests_run": more["tests_run"],
        "aotel.output.issues_found": more["issues_found"],
        "aotel.usage.total_tokens": more["tokens_used"],
        "aotel.resource.cpu_time_s": 1.5,
        "aotel.resource.memory_max_bytes": 50_000_000,
        "aotel.quality.completeness": quality["completeness"],
        "aotel.quality.accuracy": quality["accuracy"],
        "aotel.quality.efficiency": quality["efficiency"],
        "aotel.quality.adherence_to_standards": quality["adherence_to_standards"],
        # A verdict may come as attributes of the end alone.
        "aotel.verification.status": verdict["status"],
        "aotel.verification.expected_vs_actual": verdict["expected_vs_actual"],
        "aotel.verification.criteria_met": verdict["success_criteria_met"],
        "aotel.verification.criteria_failed": verdict["success_criteria_failed"],
        "aotel.verification.confidence": float(verdict["confidence_score"]),
        "aotel.verification.manual_required": verdict["manual_verification_required"],
        "aotel.stated_by": more["verified_by"],
    }
    return {name: value for name, value in stated.items() if value is not None}


def _notes(story: Story) -> list[tuple[str, dict[str, Any]]]:
    learning = story.document["learning"]
    issues = [
        ("aotel.execution.issue", {f"aotel.issue.{name}": value for name, value in issue.items()})
        for issue in story.document["issues"]
    ]
    return [*issues, ("aotel.execution.learning", {f"aotel.learning.{name}": learning[name] for name in learning})]


def _step(sender: Sender, number: int) -> dict[str, Any]:
    action, details = sender.story.document["execution"]["actions_taken"][number], sender.story.steps[number]
    began = sender.start_ns + number * 1_000_000
    stated = {
        **_who(sender),
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": action["tool"],
        "aotel.step.kind": "tool",
        "aotel.step.sequence": action["sequence"],
        "aotel.step.action": action["action"],
        "aotel.step.success": action["success"],
        "aotel.step.observation": details["observation"],
        "aotel.usage.total_tokens": details["tokens"],
        "gen_ai.tool.call.arguments": action["input"],
        "gen_ai.tool.call.result": action["output"],
        "error.type": None if action["success"] else "tool_error",
        "aotel.error.message": action["error"],
    }
    return {
        "traceId": sender.trace_id,
        "spanId": secrets.token_hex(8),
        "parentSpanId": sender.span_id,
        "name": f"execute_tool {action['tool']}",
        "kind": 1,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + round(details["latency_ms"] * 1_000_000)),
        "attributes": attributes(stated),
        "status": {} if action["success"] else {"code": 2, "message": action["error"]},
    }


def _execution(sender: Sender, stated: dict[str, Any], end_ns: int) -> dict[str, Any]:
    return {
        "traceId": sender.trace_id,
        "spanId": sender.span_id,
        "name": "invoke_agent",
        "kind": 1,
        "startTimeUnixNano": str(sender.start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": attributes({"gen_ai.operation.name": "invoke_agent", **_who(sender), **stated}),
        "status": {"code": 2} if stated["aotel.execution.status"] == "error" else {},
    }


def _record(sender: Sender, name: str, time_ns: int, stated: dict[str, Any]) -> dict[str, Any]:
    return {
        "timeUnixNano": str(time_ns),
        "eventName": name,
        "traceId": sender.trace_id,
        "spanId": sender.span_id,
        "attributes": attributes({**_who(sender), **stated, "aotel.event.id": str(uuid.uuid4())}),
    }


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes in OTLP/JSON, without those that are None."""
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(member) for member in value]}}
    return {"stringValue": value}


def post(endpoint: str, signal: str, items: list[dict[str, Any]]) -> None:
    """Send log records or spans; nothing of them may be refused."""
    group, scope, kind = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    resource = {"attributes": attributes({"service.name": "somebody-elses-agent"})}
    body = {group: [{"resource": resource, scope: [{"scope": {"name": "by hand"}, kind: items}]}]}
    request = urllib.request.Request(
        f"{endpoint}/v1/{signal}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        assert not json.load(answer).get("partialSuccess"), signal
