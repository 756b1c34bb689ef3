"""Random accounts of model requests, contradicting each other, against sums worked out from the records alone."""

import json
import uuid
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.rows import Batch
from agent_otel.store.writer import Writer
from tests.fixtures.claude_recordings import NAMESPACE, together
from tests.fixtures.executions import START_NS
from tests.fixtures.quarantine import query

_OWNERS: Final = ("prompt 1", "prompt 2", "agent")
_EVENTS: Final = InstrumentationScope(name="com.anthropic.claude_code.events").SerializeToString()
_SPANS: Final = InstrumentationScope(name="com.anthropic.claude_code.tracing").SerializeToString()


class Log(NamedTuple):
    """A log record `api_request`."""

    request_id: str | None
    prompt: str
    agent: str | None
    tokens: int
    cost: int


class Traced(NamedTuple):
    """A span of a request that names the sub-agent."""

    request_id: str


class Hook(NamedTuple):
    """A hook's record: what its execution used, and the requests that it lists."""

    owner: str
    stated: int | None
    listed: tuple[tuple[str, int], ...]


Record = Log | Traced | Hook
_IDS: Final = st.sampled_from(["req_1", "req_2", "msg_1", "msg_2"])
_TOKENS: Final = st.integers(1, 9)
_LOGS: Final = st.builds(
    Log, st.none() | _IDS, st.sampled_from(_OWNERS[:2]), st.sampled_from([None, "agent"]), _TOKENS, st.integers(0, 9)
)
_HOOKS: Final = st.builds(
    Hook,
    st.sampled_from(_OWNERS),
    st.none() | _TOKENS,
    st.lists(st.tuples(_IDS, _TOKENS), max_size=3, unique_by=lambda listed: listed[0]).map(tuple),
)
_RECORDS: Final = st.lists(_LOGS | _HOOKS | st.builds(Traced, _IDS), min_size=1, max_size=9)


def test_totals_are_those_of_the_records(database_url: str) -> None:
    """In any order, in any batches, with repeats: tokens and cost of each execution, and no other execution."""

    @given(_RECORDS, st.randoms(use_true_random=False))
    def same(records: list[Record], rng: Any) -> None:
        session = str(uuid.uuid4())
        batches = [_batch(session, number, record) for number, record in enumerate(records)]
        sent = [*batches, *rng.choices(batches, k=2)]
        rng.shuffle(sent)
        middle = rng.randrange(len(sent) + 1)
        for batch in rng.choice([sent, [together(sent[:middle]), together(sent[middle:])]]):
            assert not writer.write(batch).refused
        statement = "SELECT execution_id, output_tokens, cost_usd FROM agent_executions WHERE session_id = %s"
        found = {row[0]: row[1:] for row in query(database_url, statement, session)}
        assert found == {
            _execution(session, owner): _expected(session, records, owner) for owner in _told_by_hooks(records)
        }

    with closing(Writer(database_url)) as writer:
        same()


def _told_by_hooks(records: Sequence[Record]) -> set[str]:
    return {record.owner for record in records if isinstance(record, Hook)}


def _expected(session: str, records: Sequence[Record], owner: str) -> tuple[int | None, float | None]:
    """Output tokens and cost of an execution. A record's place in the list is its time."""
    numbered = list(enumerate(records))
    logs = {record.request_id or f"unnamed {n}": record for n, record in numbered if isinstance(record, Log)}
    listed = {
        request_id: (record.owner, tokens)
        for record in records if isinstance(record, Hook) for request_id, tokens in record.listed
    }  # fmt: skip
    unnamed = {name for name in logs if name.startswith("unnamed")}
    only_listed = {name for name in listed if name not in logs and not name.startswith("req_")}
    left_out = only_listed if unnamed and len(unnamed) >= len(only_listed) else unnamed
    own = {name for name in {*logs, *listed} if _owner(session, records, name, listed, logs) == owner}
    counted = own - left_out
    if not own:
        stated = [r.stated for r in records if isinstance(r, Hook) and r.owner == owner and r.stated is not None]
        return (stated[-1] if stated else None), None
    if not counted:
        return None, None
    tokens = sum(logs[name].tokens if name in logs else listed[name][1] for name in counted)
    costs = [logs[name].cost for name in counted if name in logs]
    return tokens, float(sum(costs)) if costs else None


def _owner(
    session: str, records: Sequence[Record], name: str, listed: dict[str, tuple[str, int]], logs: dict[str, Log]
) -> str:
    """As a hook said last, else the sub-agent that any telemetry names, else the prompt (of two, the larger id)."""
    if name in listed:
        return listed[name][0]
    of_it = [r for r in records if isinstance(r, (Log, Traced)) and r.request_id == name] or [logs[name]]
    if any(isinstance(record, Traced) or record.agent for record in of_it):
        return "agent"
    prompts = {record.prompt for record in of_it if isinstance(record, Log)}
    return max(prompts, key=lambda prompt: str(_execution(session, prompt)))


def _execution(session: str, owner: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{session}/{owner}")


def _batch(session: str, number: int, record: Record) -> Batch:
    if isinstance(record, Traced):
        return _span(session, number, record)
    if isinstance(record, Log):
        values = {
            "event.name": "api_request", "session.id": session, "prompt.id": record.prompt, "agent_id": record.agent,
            "request_id": record.request_id, "output_tokens": record.tokens, "cost_usd": float(record.cost),
        }  # fmt: skip
        return _log(number, values, "", _EVENTS)
    listed = [{"id": request_id, "output": tokens} for request_id, tokens in record.listed]
    hook = {
        s.EXECUTION_ID: str(_execution(session, record.owner)), s.SESSION_ID: session, s.HARNESS: "claude-code",
        s.GEN_AI_USAGE_OUTPUT_TOKENS: record.stated, s.MODEL_REQUESTS: json.dumps(listed),
    }  # fmt: skip
    return _log(number, hook, s.EVENT_COMPLETED, b"")


def _log(number: int, values: dict[str, Any], name: str, scope: bytes) -> Batch:
    given = to_attributes({key: value for key, value in values.items() if value is not None})
    record = LogRecord(time_unix_nano=START_NS + number, event_name=name, attributes=given)
    return map_logs([RawItem(record.SerializeToString(), b"", scope, b"", b"")])


def _span(session: str, number: int, record: Traced) -> Batch:
    span = Span(
        trace_id=uuid.uuid4().bytes,
        span_id=(number + 1).to_bytes(8),
        name="claude_code.llm_request",
        start_time_unix_nano=START_NS + number,
        end_time_unix_nano=START_NS + number,
        attributes=to_attributes({"session.id": session, "request_id": record.request_id, "agent_id": "agent"}),
    )
    return map_spans([RawItem(span.SerializeToString(), b"", _SPANS, b"", b"")])
