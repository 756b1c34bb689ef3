"""The limits of one record: what is shown one below, at and one above each, and that nothing is lost."""

import json
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agent_otel import semconv
from agent_otel.exporter import rebuild
from agent_otel.exporter.canonical import Canonical
from agent_otel.exporter.envelope import RawItem
from agent_otel.exporter.limits import MAX_TEXT, Limits
from agent_otel.exporter.mapping import map_logs, map_spans
from agent_otel.exporter.values import to_attributes, to_value
from agent_otel.store.rows import Batch

LIMITS = Limits(attributes=8, value=1024, depth=3, events=4, links=5)
AROUND = pytest.mark.parametrize("surplus", [-1, 0, 1])


def span(**fields: Any) -> Span:
    """A span with ids."""
    return Span(trace_id=b"t" * 16, span_id=b"s" * 8, **fields)


def shown(record: Span, limit: str, surplus: int) -> dict[str, Any]:
    """The row of a span, JSON decoded, checked for what every limit has in common: counted, and nothing lost."""
    raw = bytes(record.SerializeToString())
    batch = map_spans([RawItem(raw, b"", b"", b"", b"")], LIMITS)
    row = batch.spans[0].row._asdict()
    check_nothing_lost(row["otlp"], raw, batch, limit, surplus)
    for name in ("attributes", "content", "events", "links"):
        row[name] = row[name] and json.loads(row[name])
    assert canonical(rebuild.span(row)) == canonical(record)
    return row


def check_nothing_lost(otlp: bytes | None, raw: bytes, batch: Batch, limit: str, surplus: int) -> None:
    """Above the limit, and only there, the exact bytes are kept and the cut is counted."""
    assert otlp == (raw if surplus > 0 else None)
    assert batch.capped == ({limit: 1} if surplus > 0 else {})


def canonical(message: Any) -> bytes:
    """What is the same for records that say the same."""
    raw = message.SerializeToString()
    return Canonical(type(message).FromString(raw), raw).encoded


def nested(levels: int) -> Any:
    """Lists and maps in turn."""
    value: Any = "leaf"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


@AROUND
def test_attributes(surplus: int) -> None:
    """The first stand; names that mean something to us stand wherever they come, and are not counted."""
    plain = {f"key.{number}": number for number in range(LIMITS.attributes + surplus)}
    known = {semconv.CONTEXT: "whole", semconv.STEP_ACTION: "done", semconv.GEN_AI_TOOL_NAME: "bash"}
    row = shown(span(attributes=to_attributes({**plain, **known})), "attributes", surplus)
    first = dict(list(plain.items())[: LIMITS.attributes])
    assert row["attributes"] == {**first, semconv.STEP_ACTION: "done", semconv.GEN_AI_TOOL_NAME: "bash"}
    assert row["content"] == {semconv.CONTEXT: "whole"}
    assert row["tool_name"] == "bash"


@AROUND
def test_attributes_of_events_and_links(surplus: int) -> None:
    """Each has a list of its own."""
    pairs = to_attributes({f"key.{number}": number for number in range(LIMITS.attributes + surplus)})
    least = min(LIMITS.attributes, LIMITS.attributes + surplus)
    row = shown(span(events=[Span.Event(attributes=pairs)]), "attributes", surplus)
    assert len(row["events"][0]["attributes"]) == least
    link = Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8, attributes=pairs)
    row = shown(span(links=[link]), "attributes", surplus)
    assert len(row["links"][0]["attributes"]) == least


def test_a_repeated_key_beyond_the_limit_still_stands_with_its_last_value() -> None:
    """What stands says the same with and without a limit."""
    pairs = [KeyValue(key=f"key.{number % 9}", value=to_value(number)) for number in range(30)]
    raw = span(attributes=pairs).SerializeToString()
    (item,) = map_spans([RawItem(raw, b"", b"", b"", b"")], LIMITS).spans
    assert json.loads(item.row.attributes) == {f"key.{number % 9}": number for number in range(18, 26)} | {
        "key.0": 27,
        "key.1": 28,
        "key.2": 29,
    }
    assert item.row.otlp == raw


@AROUND
@pytest.mark.parametrize("character", ["x", "é", "€", "😀"])
def test_values(surplus: int, character: str) -> None:
    """A text is cut between characters, content is not cut."""
    text = "a" * ((LIMITS.value + surplus) % len(character.encode()))
    text += character * ((LIMITS.value + surplus) // len(character.encode()))
    assert len(text.encode()) == LIMITS.value + surplus
    row = shown(span(attributes=to_attributes({"key": text, semconv.CONTEXT: text * 9})), "value", surplus)
    assert row["content"] == {semconv.CONTEXT: text * 9}
    assert text.startswith(row["attributes"]["key"])
    assert len(row["attributes"]["key"]) == len(text) - (surplus > 0)


@AROUND
@pytest.mark.parametrize("field", ["name", "trace_state", "status_message", "event", "link"])
def test_texts_outside_attributes(surplus: int, field: str) -> None:
    """Names, trace states and messages are values, too."""
    text = "x" * (LIMITS.value + surplus)
    record = {
        "name": lambda: span(name=text),
        "trace_state": lambda: span(trace_state=text),
        "status_message": lambda: span(status=Status(message=text)),
        "event": lambda: span(events=[Span.Event(name=text)]),
        "link": lambda: span(links=[Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8, trace_state=text)]),
    }[field]()
    row = shown(record, "value", surplus)
    seen = {
        **row,
        "event": (row["events"] or [{}])[0].get("name"),
        "link": (row["links"] or [{}])[0].get("trace_state"),
    }
    assert seen[field] == text[: LIMITS.value]


@AROUND
@pytest.mark.parametrize("key", ["key", semconv.CONTEXT])
def test_depth(surplus: int, key: str) -> None:
    """Deeper values are null, in content as well: neither JSON nor protobuf nests without end."""
    row = shown(span(attributes=to_attributes({key: nested(LIMITS.depth + surplus)})), "depth", surplus)
    column = row["content"] if key == semconv.CONTEXT else row["attributes"]
    assert (column[key] == nested(LIMITS.depth + surplus)) == (surplus <= 0)


@AROUND
def test_events(surplus: int) -> None:
    """The first stand."""
    events = [Span.Event(name=str(number)) for number in range(LIMITS.events + surplus)]
    row = shown(span(events=events), "events", surplus)
    assert [event["name"] for event in row["events"]] == [event.name for event in events][: LIMITS.events]


@AROUND
def test_links(surplus: int) -> None:
    """The first stand."""
    links = [Span.Link(trace_id=b"l" * 16, span_id=bytes([number + 1] * 8)) for number in range(LIMITS.links + surplus)]
    row = shown(span(links=links), "links", surplus)
    assert [link["span_id"] for link in row["links"]] == [link.span_id.hex() for link in links][: LIMITS.links]


def test_a_large_list_keeps_its_first_members() -> None:
    """A list or map beyond the size of a value: as many members as attributes, its texts cut; content stays whole."""
    large = {"texts": ["x" * 2000, "short"], "numbers": list(range(1000))}
    raw = span(attributes=to_attributes({"key": large, semconv.CONTEXT: large})).SerializeToString()
    batch = map_spans([RawItem(raw, b"", b"", b"", b"")], LIMITS)
    row = batch.spans[0].row
    assert json.loads(row.attributes) == {"key": {"texts": ["x" * 1024, "short"], "numbers": list(range(8))}}
    assert json.loads(row.content or b"") == {semconv.CONTEXT: large}
    assert row.otlp == raw
    assert batch.capped == {"value": 2}


def test_columns_of_their_own_are_short() -> None:
    """An agent's name of a megabyte is an attribute up to the limit and a column up to MAX_TEXT characters."""
    limits = LIMITS._replace(value=64 * 1024)
    names = {semconv.GEN_AI_AGENT_NAME: "é" * 2**20, semconv.SESSION_ID: "s" * (MAX_TEXT + 1)}
    raw = span(attributes=to_attributes(names)).SerializeToString()
    (item,) = map_spans([RawItem(raw, b"", b"", b"", b"")], limits).spans
    assert item.row.agent_name == "é" * MAX_TEXT
    assert item.row.session_id == "s" * MAX_TEXT
    assert json.loads(item.row.attributes)[semconv.SESSION_ID] == names[semconv.SESSION_ID]
    assert item.row.otlp == raw


@AROUND
def test_log_records(surplus: int) -> None:
    """Attributes and texts of log records have the same limits; their body is content."""
    plain = {f"key.{number}": number for number in range(LIMITS.attributes + surplus)}
    record = LogRecord(
        attributes=to_attributes({**plain, semconv.EXECUTION_STATUS: "success"}), body=to_value("b" * 5000)
    )
    raw = record.SerializeToString()
    batch = map_logs([RawItem(raw, b"", b"", b"", b"")], LIMITS)
    row = batch.events[0].row
    check_nothing_lost(row.otlp, raw, batch, "attributes", surplus)
    first = dict(list(plain.items())[: LIMITS.attributes])
    assert json.loads(row.attributes) == {**first, semconv.EXECUTION_STATUS: "success"}
    assert json.loads(row.body or b"") == "b" * 5000


@AROUND
def test_resources_and_scopes(surplus: int) -> None:
    """A resource's and a scope's attributes have the same limits."""
    text = "x" * (LIMITS.value + surplus)
    resource = Resource(attributes=to_attributes({"key": text})).SerializeToString()
    scope = InstrumentationScope(name=text).SerializeToString()
    batch = map_spans([RawItem(span().SerializeToString(), resource, scope, b"", b"")], LIMITS)
    (resource_row,), (scope_row,) = batch.resources.values(), batch.scopes.values()
    assert json.loads(resource_row.attributes) == {"key": text[: LIMITS.value]}
    assert scope_row.name == text[: LIMITS.value]
    assert (resource_row.otlp, scope_row.otlp) == ((resource, scope) if surplus > 0 else (None, None))
