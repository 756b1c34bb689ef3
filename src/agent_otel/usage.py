"""Tokens and cost as attributes."""

from typing import Final

from agent_otel import semconv as s
from agent_otel.attribute_value import Value, printed
from agent_otel.guard import warn_once

#: More tokens or dollars than this is a mistake of the caller, not a measurement.
MAX_TOKENS: Final = 10**15
MAX_COST_USD: Final = 10**9


def token_attributes(
    *,
    input: int | None = None,  # noqa: A002 - the public spelling, as in gen_ai.usage.input_tokens
    output: int | None = None,
    cache_read: int | None = None,
    cache_creation: int | None = None,
    total: int | None = None,
) -> dict[str, Value]:
    """Token counts; `input` includes cached tokens. Wrong ones are left out with a warning."""
    given = (
        (s.GEN_AI_USAGE_INPUT_TOKENS, input),
        (s.GEN_AI_USAGE_OUTPUT_TOKENS, output),
        (s.GEN_AI_USAGE_CACHE_READ_TOKENS, cache_read),
        (s.GEN_AI_USAGE_CACHE_CREATION_TOKENS, cache_creation),
        (s.TOTAL_TOKENS, total),
    )
    return {name: count for name, count in given if count is not None and _is_count(name, count)}


def cost_attributes(usd: float) -> dict[str, Value]:
    """Cost in US dollars."""
    return {s.COST_USD: number} if (number := in_range(s.COST_USD, usd, 0.0, MAX_COST_USD)) is not None else {}


def count_attributes(argument: str, attribute: str, count: int) -> dict[str, Value]:
    """A count of anything, given to the helper `argument`, as an attribute."""
    return {attribute: count} if _is_count(argument, count) else {}


def in_range(name: str, value: object, low: float, high: float) -> float | None:
    """`value` as a float when it lies in the range; else None, with a warning that names it."""
    try:
        number = float(value)  # type: ignore[arg-type]  # TypeError is one of the answers
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if low <= number <= high:
        return number
    warn_once(f"agent_otel: {name}={printed(value)[:80]} is ignored: expected a number from {low:g} to {high:g}")
    return None


def _is_count(name: str, count: object) -> bool:
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_TOKENS:
        return True
    warn_once(f"agent_otel: {name}={printed(count)[:80]} is ignored: expected a whole number from 0 to {MAX_TOKENS}")
    return False
