"""A few executions of every outcome, written through the exporter's own write path."""

import time
import uuid
from datetime import timedelta
from typing import Any, Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import ids, semconv
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.executions import START_NS, event, final_span
from tests.grafana.expansion import TimeRange, around

#: A name in which every character that quoting could stumble over occurs.
ODD_AGENT: Final = """o'neil "x" \\'; -- $1 {y} %s"""
ODD_SESSION: Final = 'a "session" \\" of its own'
RANGE: Final[TimeRange] = around(START_NS, timedelta(hours=2))

_SECOND_NS: Final = 1_000_000_000


class Ran(NamedTuple):
    """An execution that ended, or fell silent."""

    agent: str | None
    session: str | None
    status: str
    seconds: float
    tokens: int | None = None


#: In order; abandoned ones have started and never ended.
RAN: Final = (
    Ran("coder", "s1", "success", 1.0),
    Ran("coder", "s1", "success", 2.0),
    Ran("coder", "s2", "success", 3.0, tokens=70),
    Ran("coder", "s2", "error", 10.0),
    Ran("tester", "s1", "partial", 4.0),
    Ran("tester", "s1", "cancelled", 5.0),
    Ran(None, None, "success", 6.0),
    Ran(ODD_AGENT, ODD_SESSION, "abandoned", 0.0),
)


class History(NamedTuple):
    """What was written: the ids of RAN in its order, and of the execution that runs now."""

    ids: list[uuid.UUID]
    running: uuid.UUID


def write_history(database_url: str) -> History:
    """Write RAN, one execution of agent coder that runs now, and LLM calls with tokens."""
    writer = Writer(database_url)
    written = [uuid.uuid4() for _ in RAN]
    for execution_id, ran in zip(written, RAN, strict=True):
        writer.write(_execution(execution_id, ran))
    running = uuid.uuid4()
    since = {semconv.GEN_AI_AGENT_NAME: "coder", semconv.SESSION_ID: "s1", semconv.PROGRESS_STAGE: "read"}
    writer.write(event(running, semconv.EVENT_STARTED, time.time_ns() - START_NS, since))
    writer.write(calls(written[0]))
    writer.close()
    return History(written, running)


def calls(execution_id: uuid.UUID) -> Batch:
    """Two LLM calls of an execution, one of which merely repeats the tokens of the call inside it."""
    outer, inner, other = 11, 12, 13
    root = ids.execution_span_id(execution_id)
    spans = [
        llm_call(execution_id, outer, root, "m1", 100),
        llm_call(execution_id, inner, outer, "m1", 100),
        llm_call(execution_id, other, root, "m2", 7),
    ]
    return map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"") for span in spans])


def llm_call(execution_id: uuid.UUID, span_id: int, parent: int, model: str, tokens: int, **more: Any) -> Span:
    """The span of an LLM call as any GenAI instrumentation writes it, without an execution id."""
    return Span(
        trace_id=execution_id.bytes,
        span_id=span_id.to_bytes(8),
        parent_span_id=parent.to_bytes(8) if parent else b"",
        name=f"chat {model}",
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + _SECOND_NS,
        attributes=to_attributes(
            {
                semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_CHAT,
                semconv.GEN_AI_REQUEST_MODEL: model,
                semconv.GEN_AI_USAGE_INPUT_TOKENS: tokens - 1,
                semconv.GEN_AI_USAGE_OUTPUT_TOKENS: 1,
                **more,
            }
        ),
    )


def _execution(execution_id: uuid.UUID, ran: Ran) -> Batch:
    stated = {
        semconv.GEN_AI_AGENT_NAME: ran.agent,
        semconv.SESSION_ID: ran.session,
        semconv.TOTAL_TOKENS: ran.tokens,
        semconv.GEN_AI_REQUEST_MODEL: "m3" if ran.tokens else None,
    }
    values = {name: value for name, value in stated.items() if value is not None}
    if ran.status == "abandoned":
        return event(execution_id, semconv.EVENT_STARTED, 0, values)
    if ran.status in ("error", "partial"):
        values |= {semconv.ERROR_TYPE: "Timeout", semconv.ERROR_MESSAGE: "it took too long"}
    return final_span(execution_id, round(ran.seconds * _SECOND_NS), {**values, semconv.EXECUTION_STATUS: ran.status})
