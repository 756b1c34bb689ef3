"""agent_otel.shell.trace_context: W3C Trace Context and Baggage, and what no sender should write."""

import pytest
from opentelemetry import baggage as otel_baggage
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agent_otel.open_execution import OpenExecution
from agent_otel.shell import trace_context

TRACE, SPAN = "0b3d1c3e6a0f4a7e9b572f0d2f7a9c11", "9b572f0d2f7a9c11"
EXECUTION = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


@pytest.mark.parametrize("flags", ["00", "01", "03", "ff"])
@pytest.mark.parametrize("more", ["00", "01", "cc"])
def test_well_formed(flags: str, more: str) -> None:
    """Version 00, and later ones with more behind; of the flags, those that are known."""
    version = more
    tail = "" if version == "00" else "-what-comes-later"
    found = trace_context.parse(f"{version}-{TRACE}-{SPAN}-{flags}{tail}", "vendor=1")
    assert found is not None
    assert (f"{found.trace_id:032x}", f"{found.span_id:016x}") == (TRACE, SPAN)
    assert (found.flags, found.trace_state) == (int(flags, 16) & 3, "vendor=1")


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0\n1",
        "é" * 55,
    ],
)
def test_malformed(malformed: str) -> None:
    """None, as for the SDK's propagator."""
    assert trace_context.parse(malformed) is None
    context = TraceContextTextMapPropagator().extract({"traceparent": malformed}, Context())
    assert not trace.get_current_span(context).get_span_context().is_valid


def test_what_a_child_is_given_is_read_by_the_sdk() -> None:
    """Its propagators find the span and the ids, whatever stands in them."""
    execution = OpenExecution(EXECUTION, int(TRACE, 16), int(SPAN, 16), 3, "a", 1, "c", "it's, a = session; é %")
    given = trace_context.variables(execution)
    carrier = {"traceparent": given["TRACEPARENT"], "baggage": given["BAGGAGE"]}
    span = trace.get_current_span(TraceContextTextMapPropagator().extract(carrier, Context())).get_span_context()
    assert (span.trace_id, span.span_id) == (execution.trace_id, execution.span_id)
    members = otel_baggage.get_all(W3CBaggagePropagator().extract(carrier, Context()))
    assert members == {"aotel.execution.id": EXECUTION, "session.id": execution.session_id}
    assert trace_context.baggage(given) == members
    assert "'" not in given["BAGGAGE"]
    assert not set(' ;$`"\\\n') & set(given["BAGGAGE"])


@pytest.mark.parametrize(
    ("header", "members"),
    [
        ("", {}),
        ("a=1;meta=x, b = 2 ", {"a": "1", "b": "2"}),
        ("a", {}),
        ("a=%4", {}),
        ("a=%ff,b=1", {"b": "1"}),
        (",,=,", {"": ""}),
    ],
)
def test_baggage(header: str, members: dict[str, str]) -> None:
    """Members without their properties; what is malformed costs only itself."""
    assert trace_context.baggage({"BAGGAGE": header}) == members


def test_what_others_put_into_the_environment_travels_on() -> None:
    """Their baggage stays as it is; a trace state of another trace does not."""
    execution = OpenExecution(EXECUTION, int(TRACE, 16), 2, 1, "a", 1, "c", "s")
    around = {"BAGGAGE": "tenant=it's%20ours;p=1, session.id=old,broken", "TRACESTATE": "v=1"}
    given = trace_context.variables(execution, environ=around)
    assert given["BAGGAGE"] == f"aotel.execution.id={EXECUTION},session.id=s,tenant=it's%20ours;p=1"
    assert given["TRACESTATE"] == ""
    same = {**around, "TRACEPARENT": f"00-{TRACE}-{SPAN}-01"}
    assert "TRACESTATE" not in trace_context.variables(execution, environ=same)


def test_a_step_is_the_parent_of_what_it_starts() -> None:
    """The trace goes on from the step's span; the execution is the same."""
    execution = OpenExecution(EXECUTION, 1, 2, 1, "a", 1, "c", "")
    given = trace_context.variables(execution, span_id=3)
    assert given["TRACEPARENT"] == f"00-{1:032x}-{3:016x}-01"
    assert given["BAGGAGE"] == f"aotel.execution.id={EXECUTION}"
