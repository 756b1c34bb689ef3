"""Claude Code's own spans and log records, as recorded: stored, but neither executions nor steps; requests told of."""

import json
import uuid
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_otel import semconv as s
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.exporter.values import to_attributes
from agent_otel.store.rows import ModelRequest
from tests.fixtures.claude_recordings import MODEL, NAMESPACE, VERSIONS, Session

_EVENTS = InstrumentationScope(name="com.anthropic.claude_code.events", version="9").SerializeToString()
_SPANS = InstrumentationScope(name="com.anthropic.claude_code.tracing", version="1.0.0").SerializeToString()
_REQUEST = {"session.id": "S", "prompt.id": "P", "event.name": "api_request", "request_id": "req_1"}


def _told(
    attributes: dict[str, Any], *, name: str = "", body: str = "", scope: bytes = _EVENTS
) -> list[ModelRequest] | None:
    """The requests that a log record tells of; None when it says nothing."""
    record = LogRecord(time_unix_nano=17, event_name=name, attributes=to_attributes(attributes))
    if body:
        record.body.string_value = body
    (item,) = map_logs([RawItem(record.SerializeToString(), b"", scope, b"", b"")]).events
    if item.execution is None:
        return None
    assert not item.execution.facts or scope != _EVENTS
    return list(item.execution.requests)


def _figures(attributes: dict[str, Any]) -> Any:
    told = _told({**_REQUEST, **attributes})
    return told and told[0].facts["figures"][1]


@pytest.mark.parametrize("version", VERSIONS)
def test_its_spans_are_neither_executions_nor_steps(version: str) -> None:
    """All become rows; none states a fact. Spans of a sub-agent's requests say whose they were."""
    session = Session(version)
    batch = map_spans(session.spans)
    assert len(batch.spans) == len(session.spans)
    assert not batch.quarantine
    assert {item.row.step_kind for item in batch.spans} == {None}
    told = [item.execution for item in batch.spans if item.execution]
    assert [(record.execution_id, record.facts, record.content) for record in told] == [(session.agent, {}, {})] * 2
    assert [request for record in told for request in record.requests] == [
        ModelRequest(session.session_id, f"req_01000{k}", {"agent": [str(session.agent)] * 2}) for k in (3, 4)
    ]


def test_the_same_spans_of_another_instrumentation_are() -> None:
    """It is the scope that tells them: newer versions mark theirs as an agent's run and tool calls."""
    items = [item._replace(scope=b"") for item in Session("2.1.330").spans]
    batch = map_spans(items)
    assert [item.row.step_kind for item in batch.spans].count("tool") == 3
    assert sum(bool(item.execution and item.execution.facts) for item in batch.spans) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_its_log_records_belong_to_their_prompt_or_sub_agent(version: str) -> None:
    """The newer version names the sub-agent on every record of it; the older one names none."""
    session = Session(version)
    batch = map_logs(session.logs)
    assert len(batch.events) == len(session.logs)
    owners = [uuid.UUID(bytes=item.row.execution_id) for item in batch.events if item.row.execution_id]
    assert set(owners) == ({session.prompt} if version == "2.1.197" else {session.prompt, session.agent})
    assert len(owners) == len(session.logs)
    assert all(item.execution is None or not item.execution.facts for item in batch.events)
    told = [request for item in batch.events if item.execution for request in item.execution.requests]
    assert [request.request_id for request in told] == [f"req_01000{k}" for k in range(1, 6)]
    assert told[0].facts["figures"][1] == {
        "input": 101, "output": 11, "cache_read": 1000, "cache_creation": 7, "model": MODEL, "cost": 0.00079425,
        "time": batch.events[[bool(item.execution) for item in batch.events].index(True)].row.time * 1000,
    }  # fmt: skip


def test_a_record_that_names_no_prompt_belongs_to_nobody() -> None:
    """As those before the first prompt."""
    for attributes in ({"session.id": "S"}, {"prompt.id": "P"}, {"session.id": 1, "prompt.id": "P"}):
        record = LogRecord(time_unix_nano=17, attributes=to_attributes(attributes))
        (item,) = map_logs([RawItem(record.SerializeToString(), b"", _EVENTS, b"", b"")]).events
        assert (item.row.execution_id, item.execution) == (None, None)


def test_ids_are_those_that_hooks_derive() -> None:
    """As the payload spells them; a sub-agent before the prompt."""
    record = LogRecord(time_unix_nano=17, attributes=to_attributes({**_REQUEST, "agent_id": "a1"}))
    (item,) = map_logs([RawItem(record.SerializeToString(), b"", _EVENTS, b"", b"")]).events
    assert item.row.execution_id == uuid.uuid5(NAMESPACE, "S/a1").bytes


@pytest.mark.parametrize(
    ("name", "body", "event_name", "known"),
    [
        ("", "", "api_request", True),
        ("", "claude_code.api_request", None, True),
        ("claude_code.api_request", "", None, True),
        ("", "claude_code.api_error", "api_error", False),
        ("", "", "api_request_body", False),
        ("", "", None, False),
    ],
)
def test_a_model_request_is_known_by_attribute_name_or_body(
    name: str, body: str, event_name: str | None, known: bool
) -> None:
    """Versions differ in where they say what a record is."""
    attributes = {**_REQUEST, "input_tokens": 1} | ({"event.name": event_name} if event_name else {})
    if event_name is None:
        del attributes["event.name"]
    assert bool(_told(attributes, name=name, body=body)) is known


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (7, 7), ("7", 7), (7.0, 7), ("0", 0), (10**15, 10**15), (10**15 + 1, None), (-1, None), (True, None),
        ("true", None), ("seven", None), ("nan", None), ("inf", None), (float("nan"), None), ("9" * 5000, None),
        ([7], None), ("", None),
    ],
)  # fmt: skip
def test_numbers_may_be_text(said: Any, read: int | None) -> None:
    """The CLI sends some numbers and booleans as strings; what is no count is left out."""
    figures = _figures({"input_tokens": said, "output_tokens": 3})
    assert figures["output"] == 3
    assert figures.get("input") == read


@pytest.mark.parametrize(
    ("said", "read"), [(0.25, 0.25), ("0.25", 0.25), (1, 1.0), (-0.1, None), ("", None), (1e10, None), (True, None)]
)
def test_cost_may_be_text(said: Any, read: float | None) -> None:
    """Only telemetry has it."""
    assert _figures({"input_tokens": 1, "cost_usd": said}).get("cost") == read


def test_without_token_counts_there_is_no_request() -> None:
    """Nothing could be counted."""
    assert _told({**_REQUEST, "cost_usd": 1.5, "model": "m"}) is None


@pytest.mark.parametrize("session_id", ["", "s" * 256, "a b", "ü", "nul\0"])
def test_ids_that_no_key_can_hold_are_not_counted(session_id: str) -> None:
    """The record itself is stored all the same."""
    assert _told({**_REQUEST, "input_tokens": 1, "session.id": session_id}) is None


def test_a_request_without_an_id_is_known_by_its_record() -> None:
    """A replay meets its own; two records are two requests."""
    unnamed = {key: value for key, value in _REQUEST.items() if key != "request_id"}
    ids = [told[0].request_id for n in (1, 1, 2) if (told := _told({**unnamed, "input_tokens": n}))]
    assert ids[0] == ids[1] != ids[2]
    assert all(request_id.startswith("event:") for request_id in ids)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", []),
        ('[{"id": "req_1", "input": 1, "output": 2, "cache_read": "3", "time": 5, "model": "m"}]', ["req_1"]),
        ('[{"id": "req_1", "input": 1}, {"id": "req_1", "input": 2}, {"id": "msg_1", "input": 3}]', ["req_1", "msg_1"]),
        ('[{"input": 1}, {"id": 5, "input": 1}, {"id": "event:1", "input": 1}, null, 3, [], "x"]', []),
        ('{"id": "req_1"}', []),
        ("", []),
        ('[{"id": "req_1", "input": 1', []),
        ('[{"id": "\\ud800", "input": 1}]', []),
        ("[" * 100_000, []),
    ],
)
def test_requests_that_a_hook_lists(text: str, told: list[str]) -> None:
    """As JSON text of a list of objects; what is none of that is passed over."""
    requests = _hooked({s.MODEL_REQUESTS: text})
    assert [request.request_id for request in requests] == told


def test_a_request_that_a_hook_lists_is_its_executions() -> None:
    """With figures as read, and the record's own time where the list has none."""
    said = {"id": "req_1", "input": 1, "output": 2, "cache_read": "3", "model": "m"}
    (request,) = _hooked({s.MODEL_REQUESTS: json.dumps([said])})
    assert request.session_id == "S"
    assert request.facts["stated"][1] == str(uuid.UUID(int=5))
    assert request.facts["figures"][1] == {"input": 1, "output": 2, "cache_read": 3, "model": "m", "time": 17}


def test_only_a_harness_may_list_requests() -> None:
    """Executions of others are not added up from anything."""
    assert not _hooked({s.MODEL_REQUESTS: '[{"id": "req_1", "input": 1}]', s.HARNESS: None})


def test_what_a_harness_states_of_usage_stands_apart() -> None:
    """Shown are sums; the statement is kept under a name of its own."""
    values = {
        s.EXECUTION_ID: str(uuid.UUID(int=5)),
        s.GEN_AI_OPERATION_NAME: "invoke_agent",
        s.GEN_AI_USAGE_INPUT_TOKENS: 7,
        s.COST_USD: 0.5,
    }
    for harness, aside in (({s.HARNESS: "claude-code"}, True), ({}, False)):
        span = Span(trace_id=bytes(15) + b"1", span_id=bytes(7) + b"1", attributes=to_attributes({**values, **harness}))
        (item,) = map_spans([RawItem(span.SerializeToString(), b"", b"", b"", b"")]).spans
        assert item.execution is not None
        facts = item.execution.facts
        assert ("input_tokens" in facts, "cost_usd" in facts) == (not aside, not aside)
        assert {name: pair[1] for name, pair in facts.get("stated_usage", {}).items()} == (
            {"input_tokens": 7, "cost_usd": 0.5} if aside else {}
        )


def test_a_span_of_its_own_never_hides_behind_a_stated_kind() -> None:
    """Resource attributes of a caller are copied to every record, our names among them."""
    values = {s.STEP_KIND: "llm", s.EXECUTION_ID: str(uuid.UUID(int=5)), s.GEN_AI_OPERATION_NAME: "invoke_agent"}
    span = Span(trace_id=bytes(15) + b"1", span_id=bytes(7) + b"1", attributes=to_attributes(values))
    (item,) = map_spans([RawItem(span.SerializeToString(), b"", _SPANS, b"", b"")]).spans
    assert (item.row.step_kind, item.row.operation, item.execution) == (None, "invoke_agent", None)


def _hooked(values: dict[str, Any]) -> list[ModelRequest]:
    said = {s.EXECUTION_ID: str(uuid.UUID(int=5)), s.SESSION_ID: "S", s.HARNESS: "claude-code", **values}
    given = {key: value for key, value in said.items() if value is not None}
    return _told(given, name=s.EVENT_COMPLETED, scope=b"") or []
