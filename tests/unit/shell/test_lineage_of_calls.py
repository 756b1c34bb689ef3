"""Where an execution belongs that a shell starts: every source of a trace and a parent, alone and together."""

import uuid

import pytest

from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Verb, attributes, events, spans

TRACE, SPAN = "0b3d1c3e6a0f4a7e9b572f0d2f7a9c11", "9b572f0d2f7a9c11"
OTHER = "f" * 32
CORRELATION = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def started(verb: Verb, sink: Sink, *words: str) -> dict[str, object]:
    """Start and complete with these words; the span that arrived."""
    execution_id = verb("start", "--agent", "a", *words).answer["execution_id"]
    verb("complete", "--execution-id", str(execution_id))
    return spans(sink)[-1]


def test_alone(verb: Verb, sink: Sink) -> None:
    """A trace of its own, whose id is the correlation id, random as far as W3C asks; no parent."""
    answer = verb("start", "--agent", "a").answer
    (event,) = events(sink)
    assert event["traceId"] == uuid.UUID(answer["correlation_id"]).hex
    assert event["spanId"] == uuid.UUID(answer["execution_id"]).hex[16:]
    assert event["flags"] == 3
    verb("complete", "--execution-id", answer["execution_id"])
    (span,) = spans(sink)
    assert (span["traceId"], span["spanId"], span["flags"]) == (event["traceId"], event["spanId"], 3)
    assert "parentSpanId" not in span
    assert span["links"] == []


@pytest.mark.parametrize(
    ("correlation", "trace", "flags"),
    [
        (CORRELATION, uuid.UUID(CORRELATION).hex, 3),
        (CORRELATION.replace("-", "").upper(), uuid.UUID(CORRELATION).hex, 3),
        ("0b3d1c3e-6a0f-1a7e-9b57-2f0d2f7a9c11", "0b3d1c3e6a0f1a7e9b572f0d2f7a9c11", 1),
        ("ticket-42", "8f06a09ca234be6aefdeb8f87b63117e", 1),
    ],
)
def test_correlation(verb: Verb, sink: Sink, correlation: str, trace: str, flags: int) -> None:
    """A UUID is the trace id, other text leads to one; only of version 4 it is known that its end is random."""
    answer = verb("start", "--agent", "a", "--correlation-id", correlation).answer
    assert answer["correlation_id"] == correlation
    (event,) = events(sink)
    assert (event["traceId"], event["flags"]) == (trace, flags)


def test_environment(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRACEPARENT gives trace and parent, TRACESTATE travels on, the trace id is the correlation id."""
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-00")
    monkeypatch.setenv("TRACESTATE", "vendor=1")
    span = started(verb, sink)
    assert (span["traceId"], span["parentSpanId"], span["traceState"]) == (TRACE, SPAN, "vendor=1")
    assert span["flags"] == 1, "an audit trail has no holes: sampled, whatever the parent says"
    assert attributes(span)["aotel.correlation_id"] == str(uuid.UUID(TRACE))
    assert "aotel.parent_execution.id" not in attributes(span)


def test_environment_of_an_execution(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Baggage names the execution around: the parent, whose session is handed down."""
    parent = verb("start", "--agent", "outer", "--session-id", "s", "--export")
    for line in parent.out.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value.strip("'"))
    outer = events(sink)[0]
    span = started(verb, sink)
    found = attributes(span)
    assert (span["traceId"], span["parentSpanId"]) == (outer["traceId"], outer["spanId"])
    assert found["aotel.parent_execution.id"] == attributes(outer)["aotel.execution.id"]
    assert found["session.id"] == "s"


def test_given_parent(verb: Verb, sink: Sink) -> None:
    """A parent that is known here gives trace, parent, session and correlation id."""
    parent = verb("start", "--agent", "outer", "--correlation-id", "ticket-42").answer
    span = started(verb, sink, "--parent-execution-id", parent["execution_id"])
    found = attributes(span)
    assert (span["traceId"], span["parentSpanId"]) == (events(sink)[0]["traceId"], events(sink)[0]["spanId"])
    assert found["aotel.parent_execution.id"] == parent["execution_id"]
    assert (found["aotel.correlation_id"], found["session.id"]) == ("ticket-42", parent["session_id"])


def test_given_parent_of_another_machine(verb: Verb, sink: Sink) -> None:
    """With the correlation id its span follows from its id; without, it is named and nothing is invented."""
    span = started(verb, sink, "--parent-execution-id", CORRELATION, "--correlation-id", TRACE)
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, uuid.UUID(CORRELATION).hex[16:])
    alone = started(verb, sink, "--parent-execution-id", CORRELATION)
    assert "parentSpanId" not in alone
    assert attributes(alone)["aotel.parent_execution.id"] == CORRELATION


def test_what_lies_in_another_trace_is_a_link(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traceparent > correlation id > parent > environment; the trace is never changed silently."""
    parent = verb("start", "--agent", "outer").answer
    outer = events(sink)[0]
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-01")
    span = started(verb, sink, "--correlation-id", OTHER, "--parent-execution-id", parent["execution_id"])
    assert span["traceId"] == OTHER
    assert "parentSpanId" not in span
    links = [(link["traceId"], link["spanId"], attributes(link)["aotel.link.type"]) for link in span["links"]]  # type: ignore[attr-defined]
    assert links == [(outer["traceId"], outer["spanId"], "delegated_by"), (TRACE, SPAN, "correlated_with")]
    explicit = started(verb, sink, "--traceparent", f"00-{OTHER}-{SPAN}-01", "--correlation-id", "ticket")
    assert (explicit["traceId"], explicit["parentSpanId"]) == (OTHER, SPAN)
    assert attributes(explicit)["aotel.correlation_id"] == "ticket"


def test_malformed(verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed argument is refused and kept; a malformed environment is passed over, said on stderr."""
    refused = verb("start", "--agent", "a", "--traceparent", "nonsense")
    assert refused.answer["success"] is False
    assert refused.answer["recorded"] is True
    assert "--traceparent 'nonsense': expected 00-" in refused.answer["error"]
    assert '"traceparent": "nonsense"' in attributes(events(sink)[-1])["aotel.metadata"]
    monkeypatch.setenv("TRACEPARENT", "nonsense")
    passed = verb("start", "--agent", "a")
    assert passed.answer["success"] is True
    assert passed.err == "agent-otel start: $TRACEPARENT 'nonsense' is malformed and ignored\n"


@pytest.mark.parametrize(
    ("environment", "words", "session"),
    [
        ({"AGENT_OTEL_SESSION_ID": "b", "CLAUDE_CODE_SESSION_ID": "c"}, ("--session-id", "a"), "a"),
        ({"AGENT_OTEL_SESSION_ID": "b", "CLAUDE_CODE_SESSION_ID": "c"}, (), "b"),
        ({"CLAUDE_CODE_SESSION_ID": "c", "BAGGAGE": "session.id=d"}, (), "c"),
        ({"BAGGAGE": "session.id=d"}, (), "d"),
    ],
)
def test_session(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: tuple[str, ...], session: str
) -> None:
    """Flag > our variable > Claude Code's > the parent's > a new one."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert verb("start", "--agent", "a", *words).answer["session_id"] == session
