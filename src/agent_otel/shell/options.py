"""The options of every verb; reading, help and docs/cli.md are made from these."""

from __future__ import annotations

from agent_otel import semconv as s
from agent_otel.shell import option as kinds
from agent_otel.shell.option import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_METADATA: Final = Option("--metadata", kinds.json_object, "anything else, merged by key", "JSON")
_EXECUTION: Final = Option(
    "--execution-id", kinds.uuid, "the execution, as start printed it; default: that of $BAGGAGE", "UUID"
)


def _from_file(name: str, meaning: str) -> Option:
    """The text of another option, from a file."""
    key = name.lstrip("-").replace("-", "_")
    return Option(f"{name}-file", kinds.file_text, f"{meaning}, from a file; - is standard input", "PATH", key=key)


_CRITERIA: Final = Option("--criteria", kinds.any_text, "a success criterion", attribute=s.SUCCESS_CRITERIA, many=True)
_MORE_CRITERIA: Final = Option(
    "--criteria", kinds.any_text, "a success criterion that came up", attribute=s.SUCCESS_CRITERIA, many=True
)
_TRACK_FILES: Final = Option(
    "--track-files", kinds.folder, "find out which files below this folder change, by git or modification time", "PATH"
)

#: How a call behaves; every verb has these.
BEHAVIOUR: Final = (
    Option("--quiet", kinds.flag, "print the bare execution id instead of JSON", ""),
    Option("--strict", kinds.flag, "exit 2 for a wrong argument, 3 for what was not delivered; else always 0", ""),
    Option("--endpoint", kinds.words, "base URL of the OTLP/HTTP receiver; default: AGENT_OTEL_ENDPOINT", "URL"),
)

#: Who completes an execution that began on another machine.
_ELSEWHERE: Final = (
    Option("--agent", kinds.words, "the agent, when the execution began on another machine", "NAME"),
    Option("--started-at", kinds.instant, "when it began, when that was on another machine", "TIME"),
    Option("--correlation-id", kinds.correlation, "its correlation id, when it began on another machine", "UUID|TEXT"),
)

_TOKENS: Final = (
    Option("--tokens", kinds.count, "tokens, when only the sum is known", "N", attribute=s.TOTAL_TOKENS),
    Option(
        "--input-tokens", kinds.count, "tokens read, cached ones included", "N", attribute=s.GEN_AI_USAGE_INPUT_TOKENS
    ),
    Option("--output-tokens", kinds.count, "tokens written", "N", attribute=s.GEN_AI_USAGE_OUTPUT_TOKENS),
    Option("--cost-usd", kinds.dollars, "cost in US dollars", "USD", attribute=s.COST_USD),
)

#: How good the result is, in labels.
QUALITY: Final = (
    Option("--completeness", kinds.quality, "HIGH, MEDIUM or LOW", "LABEL", attribute=s.QUALITY_COMPLETENESS),
    Option("--accuracy", kinds.quality, "HIGH, MEDIUM or LOW", "LABEL", attribute=s.QUALITY_ACCURACY),
    Option("--efficiency", kinds.quality, "HIGH, MEDIUM or LOW", "LABEL", attribute=s.QUALITY_EFFICIENCY),
    Option("--adherence", kinds.any_text, "adherence to standards, in any form", attribute=s.QUALITY_ADHERENCE),
)

#: The members that the audit trail has of issues and learning; `agent_otel.shell.statements` reads them.
NOTES: Final = (
    Option(
        "--issue",
        kinds.issue,
        "what went wrong or deserves a look: a text, or type (ERROR, WARNING or INFO), description, impact, "
        "resolution, prevention",
        "JSON|TEXT",
        many=True,
    ),
    Option(
        "--learning",
        kinds.learning,
        "insights_gained (list), process_improvements (list), agent_performance, recommendation_for_future",
        "JSON",
        many=True,
    ),
)


def verdict(status: str, by: str, who: str) -> tuple[Option, ...]:
    """A verdict's options, of which two are called otherwise where nothing else is said."""
    return (
        Option(
            status,
            kinds.verdict,
            "MATCH, PARTIAL, MISMATCH or ERROR: is what came of it what was expected?",
            "VERDICT",
            key="verification_status",
        ),
        Option("--expected-vs-actual", kinds.any_text, "what was expected and what came of it"),
        Option("--criteria-met", kinds.any_text, "a success criterion that is met", many=True),
        Option("--criteria-failed", kinds.any_text, "a success criterion that is not met", many=True),
        Option("--confidence", kinds.score, "of the verdict, 0.0 to 1.0", "SCORE"),
        Option(
            "--manual-verification",
            kinds.flag,
            "a person must look at it; or false: nobody need",
            "",
            key="manual_verification",
        ),
        Option(by, kinds.words, who, "WHO", key="verified_by"),
    )


_IDENTITY: Final = (
    Option("--session-id", kinds.words, "session; default: AGENT_OTEL_SESSION_ID, the parent's, else a new one", "ID"),
    Option(
        "--correlation-id",
        kinds.correlation,
        "trace to belong to: a UUID is the trace id, other text leads to one",
        "UUID|TEXT",
    ),
    Option("--parent-execution-id", kinds.uuid, "the execution that delegated this one", "UUID"),
    Option("--traceparent", kinds.words, "W3C parent; default: $TRACEPARENT", "TRACEPARENT"),
    Option("--project", kinds.words, "project; default: AGENT_OTEL_PROJECT, the git repository's name", "NAME"),
)

START: Final = (
    Option("--agent", kinds.words, "name of the agent, e.g. agent-research", "NAME", required=True),
    Option("--description", kinds.any_text, "the task in a sentence", attribute=s.TASK_DESCRIPTION),
    *_IDENTITY[:1],
    _METADATA,
    Option("--execution-id", kinds.uuid, "an id of your own, which makes a retry the same execution", "UUID"),
    *_IDENTITY[1:],
    Option("--prompt", kinds.any_text, "the exact prompt (content)"),
    _from_file("--prompt", "the exact prompt"),
    Option("--user-request", kinds.any_text, "what the user asked for (content)", attribute=s.USER_REQUEST),
    _from_file("--user-request", "what the user asked for"),
    Option("--context", kinds.any_text, "background handed over (content)"),
    _from_file("--context", "background handed over"),
    Option("--instructions", kinds.any_text, "system instructions (content)"),
    _from_file("--instructions", "system instructions"),
    Option("--expected-outcome", kinds.any_text, "what success would be", attribute=s.EXPECTED_OUTCOME),
    _CRITERIA,
    Option("--reason", kinds.any_text, "why this agent was chosen (content)", attribute=s.INTENT_REASONING),
    _from_file("--reason", "why this agent was chosen"),
    Option("--risk", kinds.any_text, "what may go wrong", attribute=s.RISK),
    Option("--priority", kinds.priority, "high, medium or low", "LEVEL", attribute=s.PRIORITY),
    Option("--triggered-by", kinds.any_text, "a user, or the name of another agent", "WHO", attribute=s.TRIGGERED_BY),
    Option("--user-id", kinds.any_text, "on whose behalf", "ID", attribute=s.USER_ID),
    Option("--agent-version", kinds.any_text, "version of the agent", "VERSION", attribute=s.GEN_AI_AGENT_VERSION),
    Option("--agent-description", kinds.any_text, "what the agent is", attribute=s.GEN_AI_AGENT_DESCRIPTION),
    Option("--agent-instance-id", kinds.any_text, "the run's id in its harness", "ID", attribute=s.AGENT_INSTANCE_ID),
    Option(
        "--configuration",
        kinds.configuration,
        "the agent's configuration: a JSON object or any text",
        "JSON|TEXT",
        attribute=s.AGENT_CONFIGURATION,
    ),
    Option("--tool", kinds.words, "a tool that it may use", "NAME", many=True),
    Option("--model", kinds.any_text, "the model asked for", "NAME", attribute=s.GEN_AI_REQUEST_MODEL),
    Option("--provider", kinds.any_text, "who runs the model", "NAME", attribute=s.GEN_AI_PROVIDER_NAME),
    Option("--conversation-id", kinds.any_text, "the harness's conversation", "ID", attribute=s.GEN_AI_CONVERSATION_ID),
    Option("--external-id", kinds.any_text, "its id in another system", "ID", attribute=s.EXTERNAL_ID),
    _TRACK_FILES,
    Option("--export", kinds.flag, "print export TRACEPARENT=… and BAGGAGE=…, for eval, instead of JSON", ""),
)

PROGRESS: Final = (
    _EXECUTION,
    Option(
        "--stage", kinds.words, "the current stage, e.g. analyzing", "STAGE", attribute=s.PROGRESS_STAGE, required=True
    ),
    Option("--percent", kinds.percent, "0 to 100", "PERCENT"),
    _MORE_CRITERIA,
    _METADATA,
    *_ELSEWHERE,
)

_RESULT: Final = (
    Option("--output", kinds.any_text, "the complete answer (content)"),
    _from_file("--output", "the complete answer"),
    Option("--structured", kinds.json_text, "the answer as data (content)", "JSON", attribute=s.OUTPUT_STRUCTURED),
    Option("--files-modified", kinds.words, "a file that was changed", "PATH", attribute=s.FILES_MODIFIED, many=True),
    Option(
        "--files-modified-count",
        kinds.count,
        "how many files were changed, when their names are not known",
        "N",
        attribute=s.FILES_MODIFIED_COUNT,
    ),
    Option("--command", kinds.words, "a command that was run", "COMMAND", attribute=s.COMMANDS_EXECUTED, many=True),
    Option("--api-call", kinds.words, "an external API that was called", "URL", attribute=s.API_CALLS, many=True),
    Option("--tests-run", kinds.count, "tests that were run", "N", attribute=s.TESTS_RUN),
    Option("--issues-found", kinds.count, "issues that a review found", "N", attribute=s.ISSUES_FOUND),
)

COMPLETE: Final = (
    _EXECUTION,
    Option("--status", kinds.status, "success (default), error, failed, partial or cancelled", "STATUS"),
    Option("--error-message", kinds.any_text, "what went wrong", attribute=s.ERROR_MESSAGE),
    Option("--error-type", kinds.words, "class of the error, e.g. Timeout", "CLASS", attribute=s.ERROR_TYPE),
    Option("--quality-score", kinds.score, "0.0 to 1.0", "SCORE", attribute=s.QUALITY_SCORE),
    *QUALITY,
    _METADATA,
    *_TOKENS,
    *_RESULT,
    _MORE_CRITERIA,
    *verdict("--verification-status", "--verified-by", "who gives the verdict"),
    *NOTES,
    *_ELSEWHERE,
    Option(
        "--inferred",
        kinds.flag,
        "nobody said that it ended, the caller concludes it; an end that is told wins",
        "",
        attribute=s.EXECUTION_INFERRED,
    ),
)

STEP: Final = (
    _EXECUTION,
    Option("--stdin", kinds.flag, "read steps from standard input: one JSON object a line, these names with _", ""),
    *_ELSEWHERE[:1],
    _ELSEWHERE[2],
)

#: What is said of one step; also the members of a JSON line.
ONE_STEP: Final = (
    Option("--tool", kinds.words, "the tool, or the model for --kind llm", "NAME", required=True),
    Option("--action", kinds.any_text, "what was done"),
    Option("--latency-ms", kinds.milliseconds, "how long it took; it ended now", "MS"),
    Option("--success", kinds.flag, "true (default) or false", "BOOLEAN"),
    Option("--observation", kinds.any_text, "the outcome in a sentence", attribute=s.STEP_OBSERVATION),
    *_TOKENS,
    Option("--kind", kinds.step_kind, "tool (default), llm, decision, milestone or error (a recovery)", "KIND"),
    Option("--error", kinds.any_text, "why it failed; makes it a failure"),
    Option("--input", kinds.any_text, "tool arguments, or the messages sent (content)"),
    Option("--output", kinds.any_text, "tool result, or the model's answer (content); kept of a success"),
    Option("--model", kinds.words, "the model, for --kind llm, when --tool is not its name", "NAME"),
    Option("--provider", kinds.words, "who runs the model", "NAME"),
    Option("--step-id", kinds.words, "an id of your own, which makes a retry the same step", "ID"),
    Option("--tool-call-id", kinds.words, "the harness's tool_use_id, which does the same", "ID"),
    Option("--sequence", kinds.place, "its place in the execution, from 1, when the time does not say it", "N"),
    Option("--batch-size", kinds.place, "how many alike this one step stands for", "N"),
    _METADATA,
)

#: Beside these on the command line.
STEP_FILES: Final = (
    _from_file("--input", "tool arguments or messages"),
    _from_file("--output", "tool result or answer"),
)

EXEC: Final = (
    Option("--agent", kinds.words, "name of the agent; default: the command's", "NAME"),
    Option(
        "--description",
        kinds.any_text,
        "the task in a sentence; default: the command line",
        attribute=s.TASK_DESCRIPTION,
    ),
    Option("--execution-id", kinds.uuid, "record the command as a step of this execution", "UUID"),
    *_IDENTITY,
    _METADATA,
    _TRACK_FILES,
    Option("--json", kinds.words, "write the JSON of start and end to this file", "FILE"),
)

FLUSH: Final = (Option("--timeout", kinds.seconds, "seconds to try, default 30", "SECONDS"),)

DOCTOR: Final = (
    Option("--send-test", kinds.flag, "send a test execution and read it back from PostgreSQL and Jaeger", ""),
    Option("--json", kinds.flag, "print one JSON object", ""),
)

#: Beside the three words agent, id and status.
HOOK_COMPLETION: Final = tuple(option for option in COMPLETE[2:] if option.name != "--agent")
