"""Merges into shared rows: keys sorted and tables in a fixed order, so that writers never deadlock."""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from agent_otel.model import Facts, merge_facts
from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import ExecutionFacts, SpanRow
from agent_otel.store.tables import instant

_ERROR = 2


def executions(connection: Connection, records: Iterable[ExecutionFacts]) -> None:
    """Merge records into the rows of their executions; a record without facts makes no row."""
    merged: dict[uuid.UUID, ExecutionFacts] = {}
    for record in records:
        if not record.facts:
            continue
        known = merged.get(record.execution_id)
        merged[record.execution_id] = record if known is None else _merge(known, record)
    if not merged:
        return
    # By the integer, which sorts as the id does: comparing UUID objects takes ten times as long.
    rows = sorted(merged.values(), key=lambda row: row.execution_id.int)
    connection.execute(
        queries.load("ingest")["merge_executions"],
        [
            [row.execution_id for row in rows],
            [_json(row.facts) for row in rows],
            [_json(row.content) if row.content else None for row in rows],
        ],
    )


def _json(facts: Facts) -> str:
    try:
        return orjson.dumps(facts).decode()
    except TypeError:
        # An integer of more than 64 bits, out of metadata that came as JSON: jsonb holds it.
        return json.dumps(facts)


def traces(connection: Connection, spans: Sequence[SpanRow]) -> None:
    """Widen the traces of newly inserted spans."""
    if not spans:
        return
    of_trace: dict[bytes, list[SpanRow]] = {}
    for span in spans:
        of_trace.setdefault(span.trace_id, []).append(span)
    rows = [_trace(trace_id, of_trace[trace_id]) for trace_id in sorted(of_trace)]
    connection.execute(queries.load("ingest")["merge_traces"], [list(column) for column in zip(*rows, strict=True)])


def _merge(left: ExecutionFacts, right: ExecutionFacts) -> ExecutionFacts:
    return ExecutionFacts(
        left.execution_id, merge_facts(left.facts, right.facts), merge_facts(left.content, right.content)
    )


def _trace(trace_id: bytes, spans: Sequence[SpanRow]) -> tuple[Any, ...]:
    starts = [span.start_time for span in spans]
    roots = [span for span in spans if span.parent_span_id is None]
    root = min(roots, key=_place_of) if roots else None
    return (
        uuid.UUID(bytes=trace_id),
        instant(min(starts)),
        instant(max(starts)),
        instant(max([span.end_time for span in spans])),
        len(spans),
        [span.status_code for span in spans].count(_ERROR),
        instant(root.start_time) if root else None,
        root.span_id if root else None,
        root.name if root else None,
        root.resource_id if root else None,
    )


def _place_of(root: SpanRow) -> tuple[int, int]:
    return root.start_time, root.span_id
