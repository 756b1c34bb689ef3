"""Every span, event and attribute name that agent-otel writes or reads.

One constant a line; the comment after it says ``type; where it stands; what it means``. `docs/attributes.md` is
generated from this file. OpenTelemetry's GenAI names are those of semantic-conventions v1.41.1; what they do not
cover carries the one prefix ``aotel.``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE_NAME: Final = "agent-otel"

# --- OpenTelemetry GenAI and general conventions -----------------------------------------------------------------
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"  # string; span; invoke_agent, execute_tool, chat, …
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"  # string; LLM step; e.g. anthropic; never invented
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"  # string; span, event; the agent
GEN_AI_AGENT_VERSION: Final = "gen_ai.agent.version"  # string; execution; the agent's version
GEN_AI_AGENT_DESCRIPTION: Final = "gen_ai.agent.description"  # string; execution; what the agent is
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"  # string; execution; only when the harness has one
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"  # string; tool step; the tool
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"  # string; tool step; the harness's tool_use_id
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"  # JSON string; tool step; content: the input
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"  # JSON string; tool step; content: the output
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"  # JSON string; execution; the tools available
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"  # string; LLM step, execution; the model asked for
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"  # string; LLM step; the model that answered
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"  # string[]; LLM step
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"  # int; LLM step, execution; cached tokens included
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"  # int; LLM step, execution
GEN_AI_USAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"  # int; LLM step, execution
GEN_AI_USAGE_CACHE_CREATION_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"  # int; LLM step, execution
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"  # JSON string; execution, LLM step; content: the prompt
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"  # JSON string; execution, LLM step; content: the answer
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"  # JSON string; execution; content: instructions
GEN_AI_EVALUATION_RESULT: Final = "gen_ai.evaluation.result"  # event name; a score or a verdict on an execution
GEN_AI_EVALUATION_NAME: Final = "gen_ai.evaluation.name"  # string; evaluation event; what was judged
GEN_AI_EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"  # string; evaluation event; MATCH, HIGH, …
GEN_AI_EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"  # double; evaluation event
GEN_AI_EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"  # string; evaluation event; why

SESSION_ID: Final = "session.id"  # string; execution, step, event; the session it belongs to
USER_ID: Final = "user.id"  # string; execution; the person on whose behalf
ERROR_TYPE: Final = "error.type"  # string; span, event; low-cardinality class of the failure
EXCEPTION_TYPE: Final = "exception.type"  # string; event; class of the exception
EXCEPTION_MESSAGE: Final = "exception.message"  # string; event; its message
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"  # string; event; its traceback
SERVICE_NAME: Final = "service.name"  # string; resource; the program
SERVICE_NAMESPACE: Final = "service.namespace"  # string; resource
SERVICE_VERSION: Final = "service.version"  # string; resource
SERVICE_INSTANCE_ID: Final = "service.instance.id"  # string; resource

OPERATION_INVOKE_AGENT: Final = "invoke_agent"  # value of gen_ai.operation.name; an execution
OPERATION_EXECUTE_TOOL: Final = "execute_tool"  # value of gen_ai.operation.name; a tool step
OPERATION_CHAT: Final = "chat"  # value of gen_ai.operation.name; an LLM step
ERROR_TYPE_OTHER: Final = "_OTHER"  # value of error.type; an error without a class (recording errors)
ERROR_TYPE_TOOL: Final = "tool_error"  # value of error.type; a failed tool step whose error has no class

# --- Identity ----------------------------------------------------------------------------------------------------
EXECUTION_ID: Final = "aotel.execution.id"  # UUID string; execution, step, event; the authority on identity
CORRELATION_ID: Final = "aotel.correlation_id"  # string; execution, event; as given by the caller, else the trace id
PARENT_EXECUTION_ID: Final = "aotel.parent_execution.id"  # UUID string; execution, event; the execution that delegated
AGENT_INSTANCE_ID: Final = "aotel.agent.instance_id"  # string; execution; a sub-agent's run, as its harness names it
HARNESS: Final = "aotel.harness"  # string; execution, step, event; who ran it and told of it by hooks: claude-code
PROMPT_ID: Final = "aotel.prompt.id"  # string; execution, step, event; the harness's id of the prompt it served
EXTERNAL_ID: Final = "aotel.external_id"  # string; execution; an id of another system
PROJECT: Final = "aotel.project"  # string; execution, event; the project it works on
EVENT_ID: Final = "aotel.event.id"  # UUID string; event, span event; minted once, the event's key
LINK_TYPE: Final = "aotel.link.type"  # string; link; correlated_with, delegated_by or retry_of

# --- Executions --------------------------------------------------------------------------------------------------
EXECUTION_STATUS: Final = "aotel.execution.status"  # string; execution, event; success, partial, error, …
EXECUTION_INFERRED: Final = "aotel.execution.inferred"  # boolean; execution, completion event; true: nobody stated it
EXECUTION_START_NS: Final = "aotel.execution.start_time_unix_nano"  # int; event; start of the span, ns
EXECUTION_END_NS: Final = "aotel.execution.end_time_unix_nano"  # int; completion event; end of the span, ns
TASK_DESCRIPTION: Final = "aotel.task.description"  # string; execution, event; the task in a sentence
PROMPT_LENGTH: Final = "aotel.prompt.length"  # int; execution, event; characters of the prompt
PROMPT_SHA256: Final = "aotel.prompt.sha256"  # hex string; execution, event; SHA-256 of the prompt's UTF-8
USER_REQUEST: Final = "aotel.intent.user_request"  # string; execution; content: what the user asked for, word for word
CONTEXT: Final = "aotel.context"  # string; execution; content: background handed over
INTENT_REASONING: Final = "aotel.intent.reasoning"  # string; execution; content: why this agent was chosen
EXPECTED_OUTCOME: Final = "aotel.intent.expected_outcome"  # string; execution; what should come of it
SUCCESS_CRITERIA: Final = "aotel.intent.success_criteria"  # string[]; execution; how to tell; united over all records
RISK: Final = "aotel.intent.risk"  # string; execution; what may go wrong
AGENT_CONFIGURATION: Final = "aotel.agent.configuration"  # JSON string, or any text; execution; how the agent is set up
PRIORITY: Final = "aotel.priority"  # string; execution; high, medium or low
TRIGGERED_BY: Final = "aotel.triggered_by"  # string; execution; a user or the name of another agent
METADATA: Final = "aotel.metadata"  # JSON string of an object; execution, event; merged by key
QUALITY_SCORE: Final = "aotel.quality.score"  # double; execution, event; 0.0 to 1.0
ERROR_MESSAGE: Final = "aotel.error.message"  # string; execution, step, event; what went wrong
ERROR_RECOVERY_ACTION: Final = "aotel.error.recovery_action"  # string; exception event; what was done about it
TOTAL_TOKENS: Final = "aotel.usage.total_tokens"  # int; execution, step; when only the sum is known
COST_USD: Final = "aotel.usage.cost_usd"  # double; execution, step; US dollars
MODEL_REQUESTS: Final = "aotel.usage.requests"  # JSON string of objects; event; the model requests it made
OUTPUT_SIZE: Final = "aotel.output.size"  # int; execution; characters of the result
OUTPUT_SHA256: Final = "aotel.output.sha256"  # hex string; execution; SHA-256 of the result's UTF-8
OUTPUT_STRUCTURED: Final = "aotel.output.structured"  # JSON string; execution; content: the result in parsed form
FILES_MODIFIED: Final = "aotel.output.files_modified"  # string[]; execution, step, event; united over all records
FILES_MODIFIED_COUNT: Final = "aotel.output.files_modified_count"  # int; execution; how many, where they are not named
COMMANDS_EXECUTED: Final = "aotel.output.commands"  # string[]; execution, event; commands run; united over all records
API_CALLS: Final = "aotel.output.api_calls"  # string[]; execution, event; external APIs; united over all records
TESTS_RUN: Final = "aotel.output.tests_run"  # int; execution; how many tests it ran
ISSUES_FOUND: Final = "aotel.output.issues_found"  # int; execution; how many issues it found, for one that reviews
MEMORY_MAX_BYTES: Final = "aotel.resource.memory_max_bytes"  # int; execution; largest resident memory, bytes
CPU_TIME_S: Final = "aotel.resource.cpu_time_s"  # double; execution; processor time, user and system, seconds

# --- What is said about an execution: verdicts, quality, issues, learning ------------------------------------------
STATED_BY: Final = "aotel.stated_by"  # string; evaluation, issue and learning event; who says it
VERIFICATION_STATUS: Final = "aotel.verification.status"  # string; execution, verdict; MATCH, PARTIAL, MISMATCH, ERROR
EXPECTED_VS_ACTUAL: Final = "aotel.verification.expected_vs_actual"  # string; execution, verdict; what differs
CRITERIA_MET: Final = "aotel.verification.criteria_met"  # string[]; execution, verdict; success criteria that are met
CRITERIA_FAILED: Final = "aotel.verification.criteria_failed"  # string[]; execution, verdict; those that are not
VERIFICATION_CONFIDENCE: Final = "aotel.verification.confidence"  # double; execution, verdict; 0.0 to 1.0
VERIFICATION_MANUAL: Final = "aotel.verification.manual_required"  # boolean; execution, verdict; a person must look
QUALITY_COMPLETENESS: Final = "aotel.quality.completeness"  # string; execution; HIGH, MEDIUM or LOW
QUALITY_ACCURACY: Final = "aotel.quality.accuracy"  # string; execution; HIGH, MEDIUM or LOW
QUALITY_EFFICIENCY: Final = "aotel.quality.efficiency"  # string; execution; HIGH, MEDIUM or LOW
QUALITY_ADHERENCE: Final = "aotel.quality.adherence_to_standards"  # string; execution; a compliance score, in any form
ISSUE_TYPE: Final = "aotel.issue.type"  # string; issue event; ERROR, WARNING or INFO
ISSUE_DESCRIPTION: Final = "aotel.issue.description"  # string; issue event; what is wrong
ISSUE_IMPACT: Final = "aotel.issue.impact"  # string; issue event; its effect on the outcome
ISSUE_RESOLUTION: Final = "aotel.issue.resolution"  # string; issue event; how it was handled
ISSUE_PREVENTION: Final = "aotel.issue.prevention"  # string; issue event; how to avoid it
LEARNING_INSIGHTS: Final = "aotel.learning.insights_gained"  # string[]; learning event; what was learned
LEARNING_IMPROVEMENTS: Final = "aotel.learning.process_improvements"  # string[]; learning event; what to do better
LEARNING_PERFORMANCE: Final = "aotel.learning.agent_performance"  # string; learning event; how capable the agent was
LEARNING_RECOMMENDATION: Final = "aotel.learning.recommendation_for_future"  # string; learning event; for such tasks

# --- Steps -------------------------------------------------------------------------------------------------------
STEP_KIND: Final = "aotel.step.kind"  # string; step; tool, llm, decision, milestone or error
STEP_NAME: Final = "aotel.step.name"  # string; decision, milestone and error step; its name
STEP_ID: Final = "aotel.step.id"  # string; step; the caller's id of the step
STEP_SEQUENCE: Final = "aotel.step.sequence"  # int; step; explicit place in the execution, from 1
STEP_ACTION: Final = "aotel.step.action"  # string; step; what was done
STEP_OBSERVATION: Final = "aotel.step.observation"  # string; step; outcome in a sentence
STEP_SUCCESS: Final = "aotel.step.success"  # boolean; step; whether it succeeded
STEP_BATCH_SIZE: Final = "aotel.step.batch_size"  # int; step; how many alike this one span stands for
STEP_START_ESTIMATED: Final = "aotel.step.start_estimated"  # boolean; step; start = end - reported latency

# --- Lifecycle events (log records; the same names on span events) -----------------------------------------------
EVENT_STARTED: Final = "aotel.execution.started"  # event name; an execution began
EVENT_PROGRESS: Final = "aotel.execution.progress"  # event name; stage and percent
EVENT_HEARTBEAT: Final = "aotel.execution.heartbeat"  # event name; still running, every 60 s
EVENT_EXCEPTION: Final = "aotel.execution.exception"  # event name; an error during the execution, handled or not
EVENT_OTEL_EXCEPTION: Final = "exception"  # event name; the same on spans of other instrumentations (OTel exceptions)
EVENT_ISSUE: Final = "aotel.execution.issue"  # event name; something that went wrong or deserves a look
EVENT_LEARNING: Final = "aotel.execution.learning"  # event name; what was learned from it
EVENT_COMPLETED: Final = "aotel.execution.completed"  # event name; the end, repeats the final facts
EVENT_SESSION_START: Final = "session.start"  # event name; a harness's session began, or went on (OTel session)
EVENT_SESSION_END: Final = "session.end"  # event name; a process of a session ended (OTel session)
EVENT_HOOK_REJECTED: Final = "aotel.hook.rejected"  # event name; what a hook was given and nobody can read; body: why
EVENT_USAGE: Final = "aotel.usage.reported"  # event name; model requests that became known after the end
PROGRESS_STAGE: Final = "aotel.progress.stage"  # string; progress event; the current stage
PROGRESS_PERCENT: Final = "aotel.progress.percent"  # double; progress event; 0 to 100

# --- Capture -----------------------------------------------------------------------------------------------------
CAPTURE_MODE: Final = "aotel.capture.mode"  # string; execution; full, metadata or minimal: what this process kept
CONTENT_LENGTH_SUFFIX: Final = ".length"  # suffix; int; characters of a content attribute that was not kept
CONTENT_SHA256_SUFFIX: Final = ".sha256"  # suffix; hex string; its SHA-256

#: Attributes whose values are prompts, messages, tool input or output: column ``content`` instead of ``attributes``.
CONTENT_ATTRIBUTES: Final = frozenset(
    {
        GEN_AI_INPUT_MESSAGES,
        GEN_AI_OUTPUT_MESSAGES,
        GEN_AI_SYSTEM_INSTRUCTIONS,
        GEN_AI_TOOL_CALL_ARGUMENTS,
        GEN_AI_TOOL_CALL_RESULT,
        GEN_AI_TOOL_DEFINITIONS,
        USER_REQUEST,
        CONTEXT,
        INTENT_REASONING,
        OUTPUT_STRUCTURED,
    }
)

# --- Values ------------------------------------------------------------------------------------------------------

#: Values of aotel.step.kind.
STEP_KINDS: Final = frozenset({"tool", "llm", "decision", "milestone", "error"})
#: Value of gen_ai.evaluation.name of a verdict; its label is one of VERDICTS.
EVALUATION_VERIFICATION: Final = "verification"
#: Values of gen_ai.evaluation.name whose score is the execution's quality, or whose label is one of its labels.
EVALUATION_QUALITY: Final = "quality"
EVALUATION_ADHERENCE: Final = "adherence_to_standards"
EVALUATION_LABELS: Final = ("completeness", "accuracy", "efficiency", EVALUATION_ADHERENCE)
#: Values of aotel.verification.status: did what came of it match what was expected?
VERDICTS: Final = ("MATCH", "PARTIAL", "MISMATCH", "ERROR")
#: Values of the quality labels but for adherence, best first.
QUALITY_LABELS: Final = ("HIGH", "MEDIUM", "LOW")
#: Values of aotel.issue.type, worst first.
ISSUE_TYPES: Final = ("ERROR", "WARNING", "INFO")
#: Values of aotel.execution.status that end an execution.
TERMINAL: Final = frozenset({"success", "partial", "error", "cancelled"})
#: Spellings that other tools use for our statuses.
STATUS_ALIASES: Final = {"failed": "error", "failure": "error", "canceled": "cancelled", "ok": "success"}
