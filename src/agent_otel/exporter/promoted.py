"""Attributes that are columns of `spans`, for what is queried most."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from agent_otel import ids, semconv
from agent_otel.exporter.limits import MAX_TEXT
from agent_otel.semconv import STEP_KINDS

#: The attributes that the columns are made of.
SOURCES: Final = (
    semconv.EXECUTION_ID,
    semconv.GEN_AI_OPERATION_NAME,
    semconv.STEP_KIND,
    semconv.GEN_AI_USAGE_INPUT_TOKENS,
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    semconv.TOTAL_TOKENS,
    semconv.COST_USD,
    semconv.GEN_AI_AGENT_NAME,
    semconv.GEN_AI_TOOL_NAME,
    semconv.GEN_AI_RESPONSE_MODEL,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.SESSION_ID,
    semconv.ERROR_TYPE,
)

#: The longest spelling of a UUID; nothing longer is remembered.
_MAX_UUID: Final = 36
#: Larger token counts stay in the attributes and get no column: sums over the column must never overflow.
_MAX_TOKENS: Final = 2**53
#: What a GenAI operation says about the kind of step, for spans of other instrumentations.
_STEP_OF_OPERATION: Final = {
    "execute_tool": "tool",
    "chat": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "embeddings": "llm",
}


#: execution_id, input_tokens, output_tokens, total_tokens, cost_usd, step_kind, operation, agent_name, tool_name,
#: model, session_id, error_type; texts are cut at MAX_TEXT characters.
Promoted: TypeAlias = tuple[
    bytes | None,
    int | None,
    int | None,
    int | None,
    float | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
]


def promoted(values: Sequence[Any]) -> Promoted:
    """The columns that the values of SOURCES make; a value of another type than its column's makes none."""
    execution, operation, step, tokens_in, tokens_out, tokens, cost, agent, tool, answered, asked, session, error = (
        values
    )
    model = answered or asked
    operation = operation if operation is None else _text(operation)
    # Most are None, and a call that finds that out costs more than asking here.
    return (
        execution if execution is None else _execution(execution),
        tokens_in if tokens_in is None else _tokens(tokens_in),
        tokens_out if tokens_out is None else _tokens(tokens_out),
        tokens if tokens is None else _tokens(tokens),
        cost if cost is None else _cost(cost),
        _step_kind(step, operation),
        operation,
        agent if agent is None else _text(agent),
        tool if tool is None else _text(tool),
        model if model is None else _text(model),
        session if session is None else _text(session),
        error if error is None else _text(error),
    )


def _step_kind(stated: object, operation: str | None) -> str | None:
    """The kind of step a span is: as stated, else by its operation; None for what is no step."""
    if isinstance(stated, str) and stated in STEP_KINDS:
        return stated
    return _STEP_OF_OPERATION.get(operation) if operation else None


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS else None


def _cost(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _execution(value: object) -> bytes | None:
    return _uuid(value) if isinstance(value, str) and len(value) <= _MAX_UUID else None


@lru_cache(maxsize=4096)
def _uuid(text: str) -> bytes | None:
    # All spans of an execution name it, so it is parsed once for most of them.
    parsed = ids.parse_uuid(text)
    return parsed.bytes if parsed else None
