"""agent_otel.lineage: which trace, which parent, which links."""

import uuid
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

import agent_otel
from agent_otel import ids
from agent_otel import semconv as s
from agent_otel.testing import capture

C = "5b1e0d8a-7a2f-4f7a-8f8e-0123456789ab"
TRACE = "0123456789abcdef0123456789abcdef"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
FOREIGN = NonRecordingSpan(SpanContext(0xABC, 0xDEF, False, TraceFlags(1)))


def one(**arguments: Any) -> dict[str, Any]:
    """The span of an execution with these arguments."""
    with capture(raise_errors=True) as captured, agent_otel.execution("a", **arguments):
        pass
    return captured.span("invoke_agent a")


@pytest.mark.parametrize("given", [C, uuid.UUID(C), C.replace("-", ""), C.upper()])
def test_correlation_uuid_is_the_trace(given: str | uuid.UUID) -> None:
    """A UUID's bytes are the trace id; the attribute repeats what was given."""
    span = one(correlation_id=given)
    assert span["trace_id"] == C.replace("-", "")
    assert span["attributes"][s.CORRELATION_ID] == str(given)
    assert span["parent_id"] is None


def test_correlation_text_is_hashed() -> None:
    """Any other text leads to one trace, the same each time."""
    span = one(correlation_id="ticket-7")
    assert int(span["trace_id"], 16) == ids.trace_id("ticket-7")
    assert span["attributes"][s.CORRELATION_ID] == "ticket-7"


def test_no_correlation() -> None:
    """The trace id, as a UUID, is the correlation id."""
    span = one()
    assert uuid.UUID(span["attributes"][s.CORRELATION_ID]).hex == span["trace_id"]


@pytest.mark.parametrize("given", ["00000000-0000-0000-0000-000000000000", uuid.UUID(int=0)])
def test_nil_is_refused(given: str | uuid.UUID, warned: list[str]) -> None:
    """The nil UUID is no trace; a new one is used, with a warning."""
    span = one(correlation_id=given)
    assert span["trace_id"] != "0" * 32
    assert span["attributes"][s.CORRELATION_ID] != str(given)
    assert "nil UUID" in warned[0]


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (None, 3),
        ("5b1e0d8a-7a2f-4f7a-8f8e-0123456789ab", 3),
        ("0190163d-8694-739b-aea5-966c26f8ad91", 1),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 1),
        ("ticket-7", 1),
    ],
)
def test_random_flag(given: str | None, flags: int) -> None:
    """W3C's random flag: for a version 4 UUID and for what we mint, not for other UUIDs and not for hashes."""
    with capture(raise_errors=True), agent_otel.execution("a", correlation_id=given) as run:
        assert run.traceparent.endswith(f"-{flags:02x}")


@pytest.mark.parametrize("version", [1, 4, 5, 7])
def test_execution_id_is_the_span(version: int) -> None:
    """The span id follows from the execution id, and the attribute is the authority."""
    given = uuid.UUID(int=uuid.UUID(C).int & ~(0xF << 76) | version << 76)
    span = one(execution_id=str(given))
    assert int(span["span_id"], 16) == ids.execution_span_id(given)
    assert span["attributes"][s.EXECUTION_ID] == str(given)


def test_execution_id_that_is_none(warned: list[str]) -> None:
    """A wrong id is replaced, with a warning that names it."""
    assert one(execution_id="number one")["attributes"][s.EXECUTION_ID] != "number one"
    assert "execution_id='number one'" in warned[0]


def test_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument, else the enclosing execution's, else a new one for each run."""
    with capture(raise_errors=True) as captured:
        for name in ("a", "b"):
            with agent_otel.execution(name):
                pass
        with agent_otel.execution("outer", session_id="s"):
            with agent_otel.execution("inner"):
                pass
            with agent_otel.execution("other", session_id="t"):
                pass
    sessions = {span["name"].split()[1]: span["attributes"][s.SESSION_ID] for span in captured.spans}
    assert sessions["a"] != sessions["b"]
    assert uuid.UUID(sessions["a"])
    assert (sessions["outer"], sessions["inner"], sessions["other"]) == ("s", "s", "t")


def test_nested() -> None:
    """An execution inside another is its child, in its trace, session and correlation."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("outer", correlation_id="ticket-7", session_id="s"),
        agent_otel.step("delegate"),
        agent_otel.execution("inner"),
    ):
        pass
    inner, outer, call = (
        captured.span(f"{n}") for n in ("invoke_agent inner", "invoke_agent outer", "execute_tool delegate")
    )
    assert inner["trace_id"] == outer["trace_id"]
    assert inner["parent_id"] == call["span_id"]
    assert call["parent_id"] == outer["span_id"]
    assert inner["attributes"][s.PARENT_EXECUTION_ID] == outer["attributes"][s.EXECUTION_ID]
    assert (inner["attributes"][s.CORRELATION_ID], inner["attributes"][s.SESSION_ID]) == ("ticket-7", "s")
    assert inner["links"] == []


def test_nested_with_its_own_correlation() -> None:
    """Another correlation id means another trace, with a link to who delegated."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("outer"),
        agent_otel.execution("inner", correlation_id=C),
    ):
        pass
    inner, outer = captured.span("invoke_agent inner"), captured.span("invoke_agent outer")
    assert (inner["trace_id"], inner["parent_id"]) == (C.replace("-", ""), None)
    (link,) = inner["links"]
    assert (link["trace_id"], link["span_id"]) == (outer["trace_id"], outer["span_id"])
    assert link["attributes"] == {s.LINK_TYPE: "delegated_by"}
    assert inner["attributes"][s.PARENT_EXECUTION_ID] == outer["attributes"][s.EXECUTION_ID]


def test_nested_with_the_same_correlation() -> None:
    """The enclosing trace asked for by name is a child as any other."""
    with (
        capture(raise_errors=True) as captured,
        agent_otel.execution("outer", correlation_id=C),
        agent_otel.execution("inner", correlation_id=C),
    ):
        pass
    inner, outer = captured.span("invoke_agent inner"), captured.span("invoke_agent outer")
    assert (inner["parent_id"], inner["links"]) == (outer["span_id"], [])


def test_under_a_span_of_the_program() -> None:
    """A span that is current already, of a web server for example, is the parent."""
    with use_span(FOREIGN):
        span = one()
    assert (span["trace_id"], span["parent_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")


def test_under_a_span_of_another_trace() -> None:
    """With a correlation id of its own, that span is linked to."""
    with use_span(FOREIGN):
        span = one(correlation_id=C)
    assert (span["trace_id"], span["parent_id"]) == (C.replace("-", ""), None)
    assert [link["attributes"] for link in span["links"]] == [{s.LINK_TYPE: "correlated_with"}]


def test_traceparent_argument() -> None:
    """An explicit traceparent decides trace and parent, whatever is current; that becomes a link."""
    with use_span(FOREIGN):
        span = one(traceparent=TRACEPARENT)
    assert (span["trace_id"], span["parent_id"]) == (TRACE, "00f067aa0ba902b7")
    assert [link["trace_id"] for link in span["links"]] == [f"{0xABC:032x}"]


def test_parent_execution_that_is_open() -> None:
    """A parent named by its id is found when it is open here, though another is current."""
    with capture(raise_errors=True) as captured:
        elsewhere = agent_otel.execution("elsewhere")
        elsewhere.begin()
        with agent_otel.execution("here"), agent_otel.execution("a", parent_execution_id=elsewhere.execution_id):
            pass
        elsewhere.end()
    child, parent = captured.span("invoke_agent a"), captured.span("invoke_agent elsewhere")
    assert (child["trace_id"], child["parent_id"]) == (parent["trace_id"], parent["span_id"])
    assert [link["trace_id"] for link in child["links"]] == [captured.span("invoke_agent here")["trace_id"]]


def test_parent_execution_by_correlation() -> None:
    """A parent that is not known here is found by its id and the correlation id together."""
    parent = uuid.UUID("0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11")
    span = one(parent_execution_id=parent, correlation_id=C)
    assert span["parent_id"] == f"{ids.execution_span_id(parent):016x}"
    assert span["attributes"][s.PARENT_EXECUTION_ID] == str(parent)


def test_parent_execution_that_is_unknown() -> None:
    """Without either, the parent's id is kept and the trace is new."""
    parent = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
    span = one(parent_execution_id=parent)
    assert (span["parent_id"], span["attributes"][s.PARENT_EXECUTION_ID]) == (None, parent)
