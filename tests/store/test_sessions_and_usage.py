"""What sessions and models used, over executions of a harness and of others."""

import uuid
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.connection import connect
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.claude_recordings import MODEL, VERSIONS, Session, usage
from tests.fixtures.executions import START_NS, event, final_span
from tests.fixtures.quarantine import query

BY_MODEL = """SELECT model, sum(input_tokens), sum(output_tokens), round(sum(cost_usd)::numeric, 9)::float8, count(*)
              FROM agent_model_usage('-infinity', 'infinity') GROUP BY model ORDER BY model"""


def write(url: str, batches: Iterable[Batch]) -> None:
    """Store the batches one after the other."""
    with closing(Writer(url)) as writer:
        for batch in batches:
            writer.write(batch)


@pytest.mark.parametrize("version", VERSIONS)
def test_usage_by_model_counts_each_request_once(database_url: str, version: str) -> None:
    """Neither Claude Code's own spans nor the executions' totals count beside the requests."""
    session = Session(version)
    write(database_url, [*session.telemetry(), *session.hooks()])
    everything = usage(1, 2, 3, 4, 5)
    assert query(database_url, BY_MODEL) == [
        (MODEL, everything.input_tokens, everything.output_tokens, everything.cost_usd, 5)
    ]


def test_usage_by_model_tells_models_of_one_execution_apart(database_url: str) -> None:
    """Each request stands under its own model and its own time."""
    session = Session("2.1.330")
    requests = [{**request, "model": f"m{k}"} for k, request in enumerate(session.requests(1, 2))]
    write(database_url, [session.told(session.prompt, s.EVENT_COMPLETED, 3, requests)])
    assert [(model, count) for model, *_, count in query(database_url, BY_MODEL)] == [("m0", 1), ("m1", 1)]


def test_an_llm_call_in_the_same_trace_does_not_hide_a_harness_execution(database_url: str) -> None:
    """Its id is of version 5, like that of other instrumentations' executions, whose sums LLM calls replace."""
    session = Session("2.1.330")
    stated = {s.GEN_AI_USAGE_INPUT_TOKENS: 70, s.GEN_AI_USAGE_OUTPUT_TOKENS: 7, s.GEN_AI_REQUEST_MODEL: "stated"}
    by_hooks = session.record(session.prompt, s.EVENT_COMPLETED, 3, {**stated, s.MODEL_REQUESTS: "[]"})
    trace_id = uuid.UUID(session.prompt_id).bytes
    called: dict[str, Any] = {s.GEN_AI_OPERATION_NAME: "chat", s.GEN_AI_REQUEST_MODEL: "called"}
    foreign = {s.GEN_AI_OPERATION_NAME: "invoke_agent", s.GEN_AI_REQUEST_MODEL: "called"}
    tokens = {s.GEN_AI_USAGE_INPUT_TOKENS: 5, s.GEN_AI_USAGE_OUTPUT_TOKENS: 1}
    spans = [_span(trace_id, 1, {**foreign, **tokens}), _span(trace_id, 2, {**called, **tokens})]
    write(database_url, [session.final_span(session.prompt, []), by_hooks, *spans])
    assert query(database_url, BY_MODEL) == [("called", 5, 1, None, 1), ("stated", 70, 7, None, 1)]


def test_one_row_a_session(database_url: str) -> None:
    """Executions of any kind, with what runs, what failed and what they used."""
    session, other = Session("2.1.197"), uuid.uuid4()
    own = {s.SESSION_ID: session.session_id, s.GEN_AI_USAGE_INPUT_TOKENS: 30, s.COST_USD: 0.5}
    write(
        database_url,
        [
            *session.telemetry(),
            *session.hooks(),
            final_span(other, 9, {**own, s.EXECUTION_STATUS: "error"}),
            event(uuid.uuid4(), s.EVENT_STARTED, 0, {s.SESSION_ID: session.session_id}),
            event(uuid.uuid4(), s.EVENT_STARTED, 0, {s.SESSION_ID: "another"}),
            event(uuid.uuid4(), s.EVENT_STARTED, 0, {}),
        ],
    )
    columns = """SELECT session_id, project, executions, running, failed, total_tokens,
                   round(cost_usd::numeric, 9)::float8
                 FROM agent_sessions ORDER BY executions DESC"""
    everything = usage(1, 2, 3, 4, 5)
    with connect(database_url, application="test") as connection:
        connection.execute("SET agent_otel.abandoned_after = '100 years'")
        assert connection.execute(columns).fetchall() == [
            (session.session_id, "inventory", 4, 1, 1, everything.total_tokens + 30, 0.50741375),
            ("another", None, 1, 1, 0, None, None),
        ]


def _span(trace_id: bytes, number: int, values: dict[str, Any]) -> Batch:
    span = Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8),
        parent_span_id=(number - 1).to_bytes(8) if number > 1 else b"",
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + 1,
        attributes=to_attributes(values),
    )
    return map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")])
