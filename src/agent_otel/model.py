"""What is known of an execution, and the one rule by which its records become one row.

Every record about an execution (a lifecycle event, its final span) is turned into *facts*: for each field a pair
``[rank, value]``. Merging keeps the pair with the highest rank, field by field. That is a maximum, so records may come
in any order and any number of times and the row is the same. The same rule in SQL:
`store/sql/routines/10_merge_facts.sql`.

A record's rank orders by: terminal before open, a stated end before an inferred one, later before earlier, error >
partial > cancelled > success, span before event, then its digest. It is spelled so that SQL compares it as text: digits
of fixed width, lower-case hex.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from agent_otel import semconv as s

Status = Literal["in_progress", "success", "partial", "error", "cancelled"]
StepKind = Literal["tool", "llm", "decision", "milestone", "error"]
Capture = Literal["full", "metadata", "minimal"]

#: Which of two ends at the same nanosecond wins.
STATUS_RANK: Final = {"in_progress": 0, "success": 1, "cancelled": 2, "partial": 3, "error": 4}

#: How ranks begin. An inferred end lies between: i sorts above every hex digit that may follow the 0 of an open record.
_OPEN: Final = "0"
_INFERRED: Final = "0i"
_STATED: Final = "1"

_MAX_NS: Final = 2**64 - 1
#: Characters of a rank: its time, the digest at its end, and all behind the time (status and source are one each).
_TIME: Final = 16
_DIGEST: Final = 16
_AFTER_TIME: Final = 2 + _DIGEST
#: Members that a merged field (metadata, a list of files) keeps: the first in byte order, so that any order of arrival
#: keeps the same. All of them are in the records themselves.
MAX_MEMBERS: Final = 1_000

#: How a field's value is chosen. outcome: with the highest record, even when it has none. ranked: the highest record
#: that has one. union: members of all records, in the order in which they were told. by_key: each key of the object on
#: its own.
Rule = Literal["outcome", "ranked", "union", "by_key"]
#: json: the text of a JSON value, whole. object: a JSON object or nothing. object_or_text: any other text stands as it
#: is. label: one of semconv.QUALITY_LABELS.
Kind = Literal["text", "uuid", "int", "float", "list", "object", "json", "object_or_text", "label"]


class Field(NamedTuple):
    """One field of an execution: its name in SQL, the attribute that carries it, its type and its merge rule."""

    name: str
    attribute: str
    kind: Kind = "text"
    rule: Rule = "ranked"
    content: bool = False


#: The table that both sides follow. Content fields live in executions.content, all others in executions.facts.
FIELDS: Final = (
    Field("status", s.EXECUTION_STATUS, rule="outcome"),
    Field("error_type", s.ERROR_TYPE, rule="outcome"),
    Field("error_message", s.ERROR_MESSAGE, rule="outcome"),
    Field("quality_score", s.QUALITY_SCORE, "float", rule="outcome"),
    Field("result", s.GEN_AI_OUTPUT_MESSAGES, rule="outcome", content=True),
    Field("structured_data", s.OUTPUT_STRUCTURED, "json", rule="outcome", content=True),
    Field("correlation", s.CORRELATION_ID),
    Field("parent_execution_id", s.PARENT_EXECUTION_ID, "uuid"),
    Field("agent_name", s.GEN_AI_AGENT_NAME),
    Field("agent_version", s.GEN_AI_AGENT_VERSION),
    Field("agent_description", s.GEN_AI_AGENT_DESCRIPTION),
    Field("agent_instance_id", s.AGENT_INSTANCE_ID),
    Field("harness", s.HARNESS),
    Field("prompt_id", s.PROMPT_ID),
    Field("agent_configuration", s.AGENT_CONFIGURATION, "object_or_text"),
    Field("session_id", s.SESSION_ID),
    Field("conversation_id", s.GEN_AI_CONVERSATION_ID),
    Field("user_id", s.USER_ID),
    Field("project", s.PROJECT),
    Field("external_id", s.EXTERNAL_ID),
    Field("description", s.TASK_DESCRIPTION),
    Field("priority", s.PRIORITY),
    Field("triggered_by", s.TRIGGERED_BY),
    Field("expected_outcome", s.EXPECTED_OUTCOME),
    Field("success_criteria", s.SUCCESS_CRITERIA, "list", rule="union"),
    Field("risk_assessment", s.RISK),
    Field("model", s.GEN_AI_REQUEST_MODEL),
    Field("provider", s.GEN_AI_PROVIDER_NAME),
    Field("prompt_length", s.PROMPT_LENGTH, "int"),
    Field("prompt_sha256", s.PROMPT_SHA256),
    Field("output_size", s.OUTPUT_SIZE, "int"),
    Field("output_sha256", s.OUTPUT_SHA256),
    Field("input_tokens", s.GEN_AI_USAGE_INPUT_TOKENS, "int"),
    Field("output_tokens", s.GEN_AI_USAGE_OUTPUT_TOKENS, "int"),
    Field("cache_read_tokens", s.GEN_AI_USAGE_CACHE_READ_TOKENS, "int"),
    Field("cache_creation_tokens", s.GEN_AI_USAGE_CACHE_CREATION_TOKENS, "int"),
    Field("total_tokens", s.TOTAL_TOKENS, "int"),
    Field("cost_usd", s.COST_USD, "float"),
    Field("capture_mode", s.CAPTURE_MODE),
    Field("stage", s.PROGRESS_STAGE),
    Field("percent", s.PROGRESS_PERCENT, "float"),
    Field("files_modified", s.FILES_MODIFIED, "list", rule="union"),
    Field("files_modified_count", s.FILES_MODIFIED_COUNT, "int"),
    Field("commands_executed", s.COMMANDS_EXECUTED, "list", rule="union"),
    Field("api_calls", s.API_CALLS, "list", rule="union"),
    Field("tests_run", s.TESTS_RUN, "int"),
    Field("issues_found", s.ISSUES_FOUND, "int"),
    Field("memory_max_bytes", s.MEMORY_MAX_BYTES, "int"),
    Field("cpu_time_s", s.CPU_TIME_S, "float"),
    Field("completeness", s.QUALITY_COMPLETENESS, "label"),
    Field("accuracy", s.QUALITY_ACCURACY, "label"),
    Field("efficiency", s.QUALITY_EFFICIENCY, "label"),
    Field("adherence_to_standards", s.QUALITY_ADHERENCE),
    Field("metadata", s.METADATA, "object", rule="by_key"),
    Field("prompt", s.GEN_AI_INPUT_MESSAGES, content=True),
    Field("instructions", s.GEN_AI_SYSTEM_INSTRUCTIONS, content=True),
    Field("tools_available", s.GEN_AI_TOOL_DEFINITIONS, content=True),
    Field("context", s.CONTEXT, content=True),
    Field("reasoning", s.INTENT_REASONING, content=True),
    Field("user_request", s.USER_REQUEST, content=True),
)

#: What a harness's records say of usage stands apart, under this name: shown is what its model requests add up to, and
#: only without any what was said (store/sql/routines/32_usage.sql).
STATED_USAGE: Final = "stated_usage"
USAGE: Final = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"),
    *("total_tokens", "cost_usd"),
)

Facts = dict[str, Any]


class Rank(NamedTuple):
    """Where a record stands among all records of its execution."""

    status: str
    time_ns: int
    is_span: bool
    digest: bytes
    inferred: bool = False  #: of an end: a harness concluded it, the execution itself did not say so

    def __str__(self) -> str:
        terminal = self.status in s.TERMINAL
        end = (_INFERRED if self.inferred else _STATED) if terminal else _OPEN
        return f"{end}{self.time_ns:016x}{STATUS_RANK.get(self.status, 0):d}{self.is_span:d}{self.digest[:8].hex()}"


def assumed(rank: str) -> str:
    """The rank of what a record does not state but lets assume: below all that is stated, since - sorts below 0."""
    return f"-{rank}"


def earliest(time_ns: int, *, stated: bool = True) -> list[Any]:
    """A fact that the smallest time wins; one that is not stated loses to any that is."""
    rank = f"{_MAX_NS - time_ns:016x}"
    return [rank if stated else assumed(rank), time_ns]


def latest(time_ns: int) -> list[Any]:
    """A fact that the largest time wins."""
    return [f"{time_ns:016x}", time_ns]


def first_told(rank: str) -> str:
    """The rank of what the earliest record states that tells it, from the rank of a record."""
    time, digest = int(rank[-_AFTER_TIME - _TIME : -_AFTER_TIME], 16), rank[-_DIGEST:]
    return f"{_MAX_NS - time:016x}{digest}"


def in_order(told: str, members: Iterable[str]) -> Facts:
    """The members of a list that merges by union, as facts: where each stands in the earliest list that has it."""
    places: Facts = {}
    for place, member in enumerate(members):
        places.setdefault(str(member), [told, place])
    return places


class FieldSet:
    """Some of the fields, prepared for `facts_of`."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.rules: Final = {field.name: field.rule for field in fields}
        #: Those that a record states even when it has nothing to say.
        self.outcomes: Final = [name for name, rule in self.rules.items() if rule == "outcome"]


def facts_of(rank: str, fields: FieldSet, values: Mapping[str, Any]) -> Facts:
    """The facts that one record gives about `fields`; `values` holds what it says, by field name, already typed."""
    facts: Facts = {name: [rank, None] for name in fields.outcomes}
    for name, value in values.items():
        rule = fields.rules.get(name)
        if rule is None or value is None:
            continue
        if rule == "union":
            facts[name] = _bounded(in_order(first_told(rank), value))
        elif rule == "by_key":
            facts[name] = _bounded({key: [rank, member] for key, member in value.items()})
        else:
            facts[name] = [rank, value]
    return facts


def merge_facts(left: Facts, right: Facts) -> Facts:
    """The facts of both: per field the pair with the higher rank, objects member by member."""
    merged = dict(left)
    for name, candidate in right.items():
        present = merged.get(name)
        if present is None:
            merged[name] = candidate
        elif isinstance(candidate, dict) and isinstance(present, dict):
            merged[name] = _bounded(merge_facts(present, candidate))
        elif isinstance(present, list) and isinstance(candidate, list) and candidate[0] > present[0]:
            merged[name] = candidate
    return merged


def _bounded(members: Facts) -> Facts:
    if len(members) <= MAX_MEMBERS:
        return members
    return {name: members[name] for name in sorted(members)[:MAX_MEMBERS]}
