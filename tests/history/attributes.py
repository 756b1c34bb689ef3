"""What the records of an execution say, as attributes with the names of the semantic conventions."""

import json
import uuid
from typing import Any, Final

from agent_otel import semconv as s
from tests.history.execution import Caught, Evaluation, Execution, Issue, Learning, Step, Verdict

Attributes = dict[str, Any]

_LABELS: Final = {
    "completeness": s.QUALITY_COMPLETENESS,
    "accuracy": s.QUALITY_ACCURACY,
    "efficiency": s.QUALITY_EFFICIENCY,
    "adherence_to_standards": s.QUALITY_ADHERENCE,
}


def stated(attributes: Attributes) -> Attributes:
    """Those that say something."""
    return {name: value for name, value in attributes.items() if value is not None and value != []}


def _text(identifier: uuid.UUID | None) -> str | None:
    return str(identifier) if identifier else None


def identity(execution: Execution) -> Attributes:
    """On every record."""
    return stated(
        {
            s.EXECUTION_ID: None if execution.foreign else str(execution.execution_id),
            s.CORRELATION_ID: None if execution.foreign else str(uuid.UUID(bytes=execution.trace_id)),
            s.PARENT_EXECUTION_ID: _text(execution.parent_execution_id),
            s.GEN_AI_AGENT_NAME: execution.agent,
            s.SESSION_ID: execution.session_id,
            s.PROJECT: execution.project,
        }
    )


def task(execution: Execution) -> Attributes:
    """Who asked for what: on start, end and span."""
    return stated(
        {
            s.GEN_AI_AGENT_VERSION: execution.version,
            s.USER_ID: execution.user_id,
            s.TRIGGERED_BY: execution.triggered_by,
            s.TASK_DESCRIPTION: execution.description,
            s.EXPECTED_OUTCOME: execution.expected_outcome,
        }
    )


def prompt(execution: Execution) -> Attributes:
    """On start and span; where neither is, on the end."""
    if execution.prompt is None:
        return {}
    parts = [{"type": "text", "content": execution.prompt}]
    return {
        s.GEN_AI_INPUT_MESSAGES: json.dumps([{"role": "user", "parts": parts}]),
        s.PROMPT_LENGTH: len(execution.prompt),
    }


def output(execution: Execution) -> Attributes:
    """What it produced: on the end and the span, on the last progress event of those that never ended."""
    return stated(
        {
            s.FILES_MODIFIED: execution.files_modified,
            s.FILES_MODIFIED_COUNT: execution.files_modified_count,
            s.COMMANDS_EXECUTED: execution.commands,
            s.API_CALLS: execution.api_calls,
        }
    )


def result(execution: Execution) -> Attributes:
    """How it ended: on the end and the span."""
    return stated(
        {
            s.EXECUTION_STATUS: execution.status,
            s.ERROR_TYPE: execution.error_type,
            s.ERROR_MESSAGE: execution.error_message,
            s.QUALITY_SCORE: execution.quality_score,
            s.SUCCESS_CRITERIA: execution.criteria_end,
            s.GEN_AI_USAGE_INPUT_TOKENS: execution.input_tokens,
            s.GEN_AI_USAGE_OUTPUT_TOKENS: execution.output_tokens,
            s.COST_USD: execution.cost_usd,
            **{_LABELS[name]: label for name, label in execution.labels.items()},
            **output(execution),
        }
    )


def verdict_facts(verdict: Verdict) -> Attributes:
    """A verdict as attributes of a span or of the end."""
    return {
        s.VERIFICATION_STATUS: verdict.status,
        s.EXPECTED_VS_ACTUAL: verdict.expected_vs_actual,
        **_details(verdict),
    }


def verdict(verdict: Verdict) -> Attributes:
    """A verdict as an event; half of the judges explain it in OpenTelemetry's words."""
    explained = s.GEN_AI_EVALUATION_EXPLANATION if verdict.note_id.int & 1 else s.EXPECTED_VS_ACTUAL
    return {
        s.GEN_AI_EVALUATION_NAME: s.EVALUATION_VERIFICATION,
        s.GEN_AI_EVALUATION_SCORE_LABEL: verdict.status,
        explained: verdict.expected_vs_actual,
        s.STATED_BY: verdict.by,
        **_details(verdict),
    }


def _details(verdict: Verdict) -> Attributes:
    return {
        s.CRITERIA_MET: verdict.criteria_met,
        s.CRITERIA_FAILED: verdict.criteria_failed,
        s.VERIFICATION_CONFIDENCE: verdict.confidence,
        s.VERIFICATION_MANUAL: verdict.manual,
    }


def evaluation(evaluation: Evaluation) -> Attributes:
    """A label or a score."""
    return {
        s.GEN_AI_EVALUATION_NAME: evaluation.name,
        s.GEN_AI_EVALUATION_SCORE_LABEL: evaluation.label,
        s.GEN_AI_EVALUATION_SCORE_VALUE: evaluation.value,
        s.STATED_BY: evaluation.by,
    }


def issue(issue: Issue) -> Attributes:
    """An issue."""
    return {
        s.ISSUE_TYPE: issue.type,
        s.ISSUE_DESCRIPTION: issue.description,
        s.ISSUE_IMPACT: issue.impact,
        s.ISSUE_RESOLUTION: issue.resolution,
        s.ISSUE_PREVENTION: issue.prevention,
        s.STATED_BY: issue.by,
    }


def learning(learning: Learning) -> Attributes:
    """What was learned."""
    return {
        s.LEARNING_INSIGHTS: learning.insights,
        s.LEARNING_IMPROVEMENTS: learning.improvements,
        s.LEARNING_PERFORMANCE: learning.performance,
        s.LEARNING_RECOMMENDATION: learning.recommendation,
        s.STATED_BY: learning.by,
    }


def caught(caught: Caught) -> Attributes:
    """An exception."""
    return {
        s.EXCEPTION_TYPE: caught.type,
        s.EXCEPTION_MESSAGE: caught.message,
        s.ERROR_RECOVERY_ACTION: caught.recovery,
    }


def step(execution: Execution, step: Step) -> Attributes:
    """A step; those of other instrumentations carry the conventions' own names only."""
    called = step.kind == "llm"
    common = {
        s.GEN_AI_OPERATION_NAME: s.OPERATION_CHAT
        if called
        else s.OPERATION_EXECUTE_TOOL
        if step.kind == "tool"
        else None,
        s.GEN_AI_TOOL_NAME: step.tool if step.kind == "tool" else None,
        s.GEN_AI_TOOL_CALL_ARGUMENTS: step.input,
        s.GEN_AI_REQUEST_MODEL: step.model,
        s.GEN_AI_USAGE_INPUT_TOKENS: step.input_tokens,
        s.GEN_AI_USAGE_OUTPUT_TOKENS: step.output_tokens,
        s.COST_USD: step.cost_usd,
        s.ERROR_TYPE: step.error_type,
        s.STEP_SEQUENCE: step.sequence,
    }
    if execution.foreign_steps and step.kind in ("llm", "tool"):
        return stated(common)
    named = {
        s.STEP_KIND: step.kind,
        s.STEP_NAME: None if step.kind in ("llm", "tool") else step.tool,
        s.STEP_ACTION: step.action,
        s.STEP_SUCCESS: step.success,
    }
    if execution.foreign_steps:
        return stated({**common, **named})
    own = {s.EXECUTION_ID: str(execution.execution_id), s.GEN_AI_AGENT_NAME: execution.agent}
    return stated({**common, **named, **own})
