"""A story told with the command: a process a call, long texts by files."""

import json
from pathlib import Path
from typing import Any

from tests.fixtures.audit_story import Story
from tests.fixtures.shell import Shell


def write(story: Story, shell: Shell) -> str:
    """The id of the execution that did what the story says."""
    document, more = story.document, story.more
    told = shell.delivered("start", *_start(document, more, Path(shell.cwd)))
    own = (f"--execution-id={told['execution_id']}",)
    for action, details in zip(document["execution"]["actions_taken"], story.steps, strict=True):
        shell.delivered("step", *own, *_step(action, details, Path(shell.cwd)))
    shell.delivered("progress", *own, f"--stage={more['stage']}", f"--percent={more['percent']}")
    shell.delivered("complete", *own, *_complete(document, more, Path(shell.cwd)))
    return str(told["execution_id"])


def _start(document: dict[str, Any], more: dict[str, Any], folder: Path) -> list[str]:
    intent, agent, sent = document["main_agent_context"], document["agent_metadata"], document["delegation"]
    return [
        f"--agent={agent['name']}",
        f"--session-id={document['session_id']}",
        *_file(folder, "user-request", intent["user_request"]),
        *_file(folder, "prompt", sent["prompt_sent"]),
        *_file(folder, "context", sent["context_provided"]),
        *_file(folder, "instructions", sent["instructions"]),
        f"--reason={intent['main_agent_reasoning']}",
        f"--expected-outcome={intent['expected_outcome']}",
        f"--risk={intent['risk_assessment']}",
        *(f"--criteria={criterion}" for criterion in more["criteria"]),
        f"--agent-version={agent['version']}",
        *(f"--tool={tool}" for tool in agent["tools_available"]),
        f"--configuration={agent['configuration']}",
        f"--parent-execution-id={more['parent_execution_id']}",
        f"--priority={more['priority']}",
        f"--triggered-by={more['triggered_by']}",
    ]


def _step(action: dict[str, Any], details: dict[str, Any], folder: Path) -> list[str]:
    found = [
        f"--tool={action['tool']}",
        f"--action={action['action']}",
        f"--sequence={action['sequence']}",
        f"--latency-ms={details['latency_ms']}",
        f"--tokens={details['tokens']}",
        f"--observation={details['observation']}",
        *_file(folder, "input", action["input"]),
    ]
    if action["success"]:
        return [*found, *_file(folder, "output", action["output"])]
    return [*found, f"--error={action['error']}"]


def _complete(document: dict[str, Any], more: dict[str, Any], folder: Path) -> list[str]:
    output, verdict, quality = document["output"], document["verification"], document["quality_metrics"]
    found = [
        f"--status={more['status']}",
        *_file(folder, "output", output["raw_response"]),
        f"--structured={json.dumps(output['structured_data'], ensure_ascii=False)}",
        *(f"--files-modified={one}" for one in output["files_modified"]),
        *(f"--command={one}" for one in output["commands_executed"]),
        *(f"--api-call={one}" for one in output["api_calls_made"]),
        f"--tokens={more['tokens_used']}",
        f"--tests-run={more['tests_run']}",
        f"--issues-found={more['issues_found']}",
        f"--verification-status={verdict['status']}",
        f"--expected-vs-actual={verdict['expected_vs_actual']}",
        *(f"--criteria-met={one}" for one in verdict["success_criteria_met"]),
        *(f"--criteria-failed={one}" for one in verdict["success_criteria_failed"]),
        f"--confidence={verdict['confidence_score']}",
        f"--manual-verification={str(verdict['manual_verification_required']).lower()}",
        f"--verified-by={more['verified_by']}",
        f"--completeness={quality['completeness']}",
        f"--accuracy={quality['accuracy']}",
        f"--efficiency={quality['efficiency']}",
        f"--adherence={quality['adherence_to_standards']}",
        *(f"--issue={json.dumps(issue, ensure_ascii=False)}" for issue in document["issues"]),
        f"--learning={json.dumps(document['learning'], ensure_ascii=False)}",
    ]
    if more["error_message"] is not None:
        found.append(f"--error-message={more['error_message']}")
    if more["error_type"] is not None:
        found.append(f"--error-type={more['error_type']}")
    return found


def _file(folder: Path, name: str, text: str) -> list[str]:
    """The option that takes a text from a file: any length, any characters."""
    path = folder / f"{name}.txt"
    path.write_text(text, encoding="utf-8", newline="")
    return [f"--{name}-file={path}"]
