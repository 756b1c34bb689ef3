"""What an execution's span says of who delegated it: the span above it, and its link to the delegating span."""

from typing import Any, Final

import orjson

from agent_otel import semconv
from agent_otel.store.rows import SpanRow

#: The one type of link that names a parent; correlated_with and retry_of name relatives.
DELEGATED_BY: Final = "delegated_by"
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16


def of_span(row: SpanRow, rank: str) -> dict[str, Any]:
    """Facts, each `[rank, value]`; resolved when read (routines/36_chain.sql), because a parent may arrive last."""
    facts: dict[str, Any] = {}
    if row.parent_span_id is not None:
        facts["parent_span_id"] = [rank, row.parent_span_id]
    if row.links is not None:
        facts |= _delegator(orjson.loads(row.links), rank)
    return facts


def _delegator(links: list[dict[str, Any]], rank: str) -> dict[str, Any]:
    """The target of the first link of that type that names a span."""
    for link in links:
        trace_id, span_id = link["trace_id"], link["span_id"]
        named = (
            len(trace_id) == _TRACE_DIGITS and len(span_id) == _SPAN_DIGITS and int(trace_id, 16) and int(span_id, 16)
        )
        if named and link["attributes"].get(semconv.LINK_TYPE) == DELEGATED_BY:
            return {
                "link_trace_id": [rank, trace_id],
                "link_span_id": [rank, int.from_bytes(bytes.fromhex(span_id), signed=True)],
            }
    return {}
