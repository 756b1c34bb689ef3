"""Where each field stands that users asked for: its path in their schema, the attribute that carries it, the column."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from agent_otel import semconv as s


class SeedField(NamedTuple):
    """One field of a users' schema."""

    path: str
    column: str  #: of agent_executions, or view.column
    attributes: Sequence[str] = ()
    source: str = ""  #: where it comes from, beside attributes or without any


_STEPS: Final = "agent_execution_steps"
_START: Final = "start of the span, of the start event"
_DURATION: Final = "end less start"
_TOKENS: Final = (s.TOTAL_TOKENS, s.GEN_AI_USAGE_INPUT_TOKENS, s.GEN_AI_USAGE_OUTPUT_TOKENS)
_VERDICT: Final = s.GEN_AI_EVALUATION_SCORE_LABEL
_INPUT: Final = (s.GEN_AI_TOOL_CALL_ARGUMENTS,)
_OUTPUT: Final = (s.GEN_AI_TOOL_CALL_RESULT,)

LOG_EXECUTION: Final = (
    SeedField("execution_id", "agent_execution_logs.execution_id", (s.EXECUTION_ID,)),
    SeedField("correlation_id", "agent_execution_logs.correlation_id", (s.CORRELATION_ID,), "the trace id"),
    SeedField("session_id", "agent_execution_logs.session_id", (s.SESSION_ID,)),
    SeedField("agent_name", "agent_execution_logs.agent_name", (s.GEN_AI_AGENT_NAME,)),
    SeedField("user_prompt", "agent_execution_logs.user_prompt", (s.GEN_AI_INPUT_MESSAGES, s.TASK_DESCRIPTION)),
    SeedField("started_at", "agent_execution_logs.started_at", (s.EXECUTION_START_NS,), _START),
    SeedField("completed_at", "agent_execution_logs.completed_at", (s.EXECUTION_END_NS,), "end of the span"),
    SeedField("duration_ms", "agent_execution_logs.duration_ms", (), _DURATION),
    SeedField("status", "agent_execution_logs.status", (s.EXECUTION_STATUS,), "status of the span"),
    SeedField("error_message", "agent_execution_logs.error_message", (s.ERROR_MESSAGE,), "status of the span"),
    SeedField("error_type", "agent_execution_logs.error_type", (s.ERROR_TYPE,)),
    SeedField(
        "quality_score", "agent_execution_logs.quality_score", (s.QUALITY_SCORE, s.GEN_AI_EVALUATION_SCORE_VALUE)
    ),
    SeedField("metadata", "agent_execution_logs.metadata", (s.METADATA,)),
    SeedField("description", "description", (s.TASK_DESCRIPTION,)),
    SeedField("stage", "stage", (s.PROGRESS_STAGE,)),
    SeedField("percent", "percent", (s.PROGRESS_PERCENT,)),
)

AGENT_EXECUTION: Final = (
    SeedField("id", "id", (s.EXECUTION_ID,)),
    SeedField("agentType", "agent_type", (s.GEN_AI_AGENT_NAME,)),
    SeedField("timestamp", "timestamp", (s.EXECUTION_START_NS,), _START),
    SeedField("request.prompt", "prompt", (s.GEN_AI_INPUT_MESSAGES,)),
    SeedField("request.context", "context", (s.CONTEXT,)),
    SeedField("request.priority", "priority", (s.PRIORITY,)),
    SeedField("request.triggeredBy", "triggered_by", (s.TRIGGERED_BY,)),
    SeedField("metrics.startTime", "start_time", (s.EXECUTION_START_NS,), _START),
    SeedField("metrics.endTime", "end_time", (s.EXECUTION_END_NS,), "end of the span"),
    SeedField("metrics.duration", "duration", (), _DURATION),
    SeedField("metrics.tokensUsed", "tokens_used", _TOKENS),
    SeedField("metrics.memoryUsage", "memory_usage", (s.MEMORY_MAX_BYTES,)),
    SeedField("metrics.toolsUsed", "tools_used", (s.GEN_AI_TOOL_NAME,), "its tool steps"),
    SeedField("result.status", "status", (s.EXECUTION_STATUS,), "failed is error here"),
    SeedField("result.outputSize", "output_size", (s.OUTPUT_SIZE,)),
    SeedField("result.filesModified", "files_modified_count", (s.FILES_MODIFIED_COUNT, s.FILES_MODIFIED)),
    SeedField("result.testsRun", "tests_run", (s.TESTS_RUN,)),
    SeedField("result.issuesFound", "issues_found", (s.ISSUES_FOUND,)),
    SeedField("errors[].type", "agent_errors.type", (s.EXCEPTION_TYPE,), f"event {s.EVENT_EXCEPTION}; also in errors"),
    SeedField("errors[].message", "agent_errors.message", (s.EXCEPTION_MESSAGE,)),
    SeedField("errors[].stack", "agent_errors.stack", (s.EXCEPTION_STACKTRACE,)),
    SeedField("errors[].recoveryAction", "agent_errors.recovery_action", (s.ERROR_RECOVERY_ACTION,)),
    SeedField("chain.parentExecutionId", "parent_execution_id", (s.PARENT_EXECUTION_ID,)),
    SeedField("chain.childExecutions", "child_executions", (s.PARENT_EXECUTION_ID,), "of the others"),
    SeedField("chain.parallelWith", "parallel_with", (), "same parent, overlapping times"),
)

MANDATORY: Final = (
    SeedField("execution_id", "execution_id", (s.EXECUTION_ID,)),
    SeedField("session_id", "session_id", (s.SESSION_ID,)),
    SeedField("timestamp_start", "timestamp_start", (s.EXECUTION_START_NS,), _START),
    SeedField("timestamp_end", "timestamp_end", (s.EXECUTION_END_NS,), "end of the span"),
    SeedField("duration_ms", "duration_ms", (), _DURATION),
    SeedField("main_agent_context.user_request", "user_request", (s.USER_REQUEST,)),
    SeedField("main_agent_context.main_agent_reasoning", "main_agent_reasoning", (s.INTENT_REASONING,)),
    SeedField("main_agent_context.expected_outcome", "expected_outcome", (s.EXPECTED_OUTCOME,)),
    SeedField("main_agent_context.risk_assessment", "risk_assessment", (s.RISK,)),
    SeedField("agent_metadata.name", "name", (s.GEN_AI_AGENT_NAME,)),
    SeedField("agent_metadata.version", "version", (s.GEN_AI_AGENT_VERSION,)),
    SeedField("agent_metadata.tools_available", "tools_available", (s.GEN_AI_TOOL_DEFINITIONS,)),
    SeedField("agent_metadata.configuration", "configuration", (s.AGENT_CONFIGURATION,)),
    SeedField("delegation.prompt_sent", "prompt_sent", (s.GEN_AI_INPUT_MESSAGES,)),
    SeedField("delegation.prompt_length", "prompt_length", (s.PROMPT_LENGTH,)),
    SeedField("delegation.context_provided", "context_provided", (s.CONTEXT,)),
    SeedField("delegation.instructions", "instructions", (s.GEN_AI_SYSTEM_INSTRUCTIONS,)),
    SeedField("execution.actions_taken[].sequence", f"{_STEPS}.sequence", (s.STEP_SEQUENCE,), "else the order in time"),
    SeedField("execution.actions_taken[].tool", f"{_STEPS}.tool", (s.GEN_AI_TOOL_NAME,), "also in actions_taken"),
    SeedField("execution.actions_taken[].action", f"{_STEPS}.action", (s.STEP_ACTION,)),
    SeedField("execution.actions_taken[].input", f"{_STEPS}.input", _INPUT),
    SeedField("execution.actions_taken[].output", f"{_STEPS}.output", _OUTPUT),
    SeedField("execution.actions_taken[].timestamp", f"{_STEPS}.started_at", (), "start of the step's span"),
    SeedField("execution.actions_taken[].success", f"{_STEPS}.success", (s.STEP_SUCCESS,), "status of the step's span"),
    SeedField(
        "execution.actions_taken[].error", f"{_STEPS}.error_message", (s.ERROR_MESSAGE,), "status of the step's span"
    ),
    SeedField("execution.real_time_status", "real_time_status", (s.PROGRESS_STAGE, s.PROGRESS_PERCENT)),
    SeedField("execution.resource_usage", "resource_usage", (s.CPU_TIME_S, s.MEMORY_MAX_BYTES)),
    SeedField("output.raw_response", "raw_response", (s.GEN_AI_OUTPUT_MESSAGES,)),
    SeedField("output.structured_data", "structured_data", (s.OUTPUT_STRUCTURED,)),
    SeedField("output.files_modified", "files_modified", (s.FILES_MODIFIED,)),
    SeedField("output.commands_executed", "commands_executed", (s.COMMANDS_EXECUTED,)),
    SeedField("output.api_calls_made", "api_calls_made", (s.API_CALLS,)),
    SeedField(
        "verification.status",
        "verification_status",
        (_VERDICT, s.VERIFICATION_STATUS),
        f"event {s.GEN_AI_EVALUATION_RESULT}; all verdicts in agent_verifications",
    ),
    SeedField("verification.expected_vs_actual", "expected_vs_actual", (s.EXPECTED_VS_ACTUAL,)),
    SeedField("verification.success_criteria_met", "success_criteria_met", (s.CRITERIA_MET,)),
    SeedField("verification.success_criteria_failed", "success_criteria_failed", (s.CRITERIA_FAILED,)),
    SeedField("verification.confidence_score", "confidence_score", (s.VERIFICATION_CONFIDENCE,)),
    SeedField("verification.manual_verification_required", "manual_verification_required", (s.VERIFICATION_MANUAL,)),
    SeedField("quality_metrics.completeness", "completeness", (s.QUALITY_COMPLETENESS, _VERDICT)),
    SeedField("quality_metrics.accuracy", "accuracy", (s.QUALITY_ACCURACY, _VERDICT)),
    SeedField("quality_metrics.efficiency", "efficiency", (s.QUALITY_EFFICIENCY, _VERDICT)),
    SeedField("quality_metrics.adherence_to_standards", "adherence_to_standards", (s.QUALITY_ADHERENCE, _VERDICT)),
    SeedField("issues[].type", "agent_issues.type", (s.ISSUE_TYPE,), f"event {s.EVENT_ISSUE}; also in issues"),
    SeedField("issues[].description", "agent_issues.description", (s.ISSUE_DESCRIPTION,)),
    SeedField("issues[].impact", "agent_issues.impact", (s.ISSUE_IMPACT,)),
    SeedField("issues[].resolution", "agent_issues.resolution", (s.ISSUE_RESOLUTION,)),
    SeedField("issues[].prevention", "agent_issues.prevention", (s.ISSUE_PREVENTION,)),
    SeedField("learning.insights_gained", "insights_gained", (s.LEARNING_INSIGHTS,), f"event {s.EVENT_LEARNING}"),
    SeedField("learning.process_improvements", "process_improvements", (s.LEARNING_IMPROVEMENTS,)),
    SeedField("learning.agent_performance", "agent_performance", (s.LEARNING_PERFORMANCE,)),
    SeedField("learning.recommendation_for_future", "recommendation_for_future", (s.LEARNING_RECOMMENDATION,)),
)

EXECUTION_STEP: Final = (
    SeedField("tool", f"{_STEPS}.tool", (s.GEN_AI_TOOL_NAME, s.STEP_NAME)),
    SeedField("action", f"{_STEPS}.action", (s.STEP_ACTION,)),
    SeedField("latency_ms", f"{_STEPS}.latency_ms", (), "end of the step's span less its start"),
    SeedField("tokens", f"{_STEPS}.tokens", _TOKENS),
    SeedField("success", f"{_STEPS}.success", (s.STEP_SUCCESS,), "status of the step's span"),
    SeedField("observation", f"{_STEPS}.observation", (s.STEP_OBSERVATION,)),
)

#: By the heading they get.
SCHEMAS: Final[Mapping[str, Sequence[SeedField]]] = {
    "The log-execution skill": LOG_EXECUTION,
    "AgentExecution of the execution tracker": AGENT_EXECUTION,
    "The mandatory fields of the audit trail": MANDATORY,
    "ExecutionStep of the episode-log-steps skill": EXECUTION_STEP,
}


def table(fields: Sequence[SeedField]) -> list[str]:
    """The lines of a Markdown table: path, attributes, column."""
    lines = ["| field | attribute | column |", "|---|---|---|"]
    for field in fields:
        view, column = split(field)
        carried = ", ".join([*(f"`{attribute}`" for attribute in field.attributes), *filter(None, [field.source])])
        shown = f"`{column}`" if view == "agent_executions" else f"`{view}.{column}`"
        lines.append(f"| `{field.path}` | {carried} | {shown} |")
    return lines


def split(field: SeedField) -> tuple[str, str]:
    """The view and the column that a field is read from."""
    view, _, column = field.column.rpartition(".")
    return view or "agent_executions", column
