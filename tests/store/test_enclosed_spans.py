"""Steps that name no execution belong to the nearest one above them, however the trace is grown."""

import random
import uuid
from contextlib import closing

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS
from tests.fixtures.quarantine import query

SPANS = 60
BY_STEP = """SELECT span_hex(s.span_id), enclosing_execution(s.trace_id, s.parent_span_id) FROM spans s
             WHERE s.step_kind IS NOT NULL AND s.execution_id IS NULL
               AND enclosing_execution(s.trace_id, s.parent_span_id) IS NOT NULL"""
BY_EXECUTION = "SELECT span_id, execution_id FROM agent_execution_steps"


@pytest.mark.parametrize("seed", range(5))
def test_steps_found_from_above_are_those_found_from_below(database_url: str, seed: int) -> None:
    """Executions within executions, spans in between that are neither, missing parents, a cycle."""
    chosen = random.Random(seed)
    trace = uuid.UUID(int=chosen.getrandbits(128), version=4)
    spans = [_span(trace, number, chosen) for number in range(1, SPANS + 1)]
    spans[0].parent_span_id, spans[1].parent_span_id = spans[1].span_id, spans[0].span_id
    chosen.shuffle(spans)
    with closing(Writer(database_url)) as writer:
        writer.write(map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans]))
    found = sorted(query(database_url, BY_EXECUTION))
    assert found == sorted(query(database_url, BY_STEP))
    assert len(found) > SPANS / 4


def _span(trace: uuid.UUID, number: int, chosen: random.Random) -> Span:
    """A span under an earlier one, or under one that was never sent."""
    kinds = [{s.GEN_AI_OPERATION_NAME: s.OPERATION_INVOKE_AGENT}, {}, {s.STEP_KIND: "tool"}, {s.STEP_KIND: "llm"}]
    return Span(
        trace_id=trace.bytes,
        span_id=number.to_bytes(8),
        parent_span_id=chosen.choice([*range(1, number), number - 1 or 999, 999]).to_bytes(8),
        start_time_unix_nano=START_NS + number,
        end_time_unix_nano=START_NS + SPANS,
        attributes=to_attributes(chosen.choices(kinds, (2, 2, 3, 3))[0]),
    )
