"""step: one from options, many from lines; what each becomes, and what a wrong line costs."""

import io
import json
import sys
import uuid
from typing import Any

import pytest

from tests.fixtures.sink import Sink
from tests.unit.shell.conftest import Printed, Verb, attributes, events, spans

ID = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"


@pytest.fixture
def told(verb: Verb, sink: Sink) -> Verb:
    """`step` with these words, of an execution that runs."""
    verb("start", "--agent", "a", "--execution-id", ID, "--session-id", "s")
    return lambda *words: verb("step", "--execution-id", ID, *words)


@pytest.fixture
def lines(told: Verb, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`step --stdin` with this text."""

    def call(text: str | bytes, *words: str) -> Printed:
        raw = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        return told("--stdin", *words)

    return call


def test_a_step_is_a_span_below_its_execution(told: Verb, sink: Sink) -> None:
    """It ended now; its start is its end less the latency, and says that it is reckoned."""
    given = ("--observation", "fine", "--input", '{"a": 1}', "--output", "log", "--batch-size", "3")
    answer = told("--tool", "cargo", "--action", "build", "--latency-ms", "12500.5", "--tokens", "7", *given).answer
    (span,), (started,) = spans(sink), events(sink)
    assert list(answer) == ["success", "execution_id", "agent_name", "steps"]
    assert answer["steps"] == [span["spanId"]]
    assert (span["traceId"], span["parentSpanId"]) == (started["traceId"], started["spanId"])
    assert (span["name"], span["kind"], span["status"]) == ("execute_tool cargo", 1, {"code": 0})
    assert int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) == 12_500_500_000
    assert attributes(span) == {
        "aotel.execution.id": ID,
        "gen_ai.agent.name": "a",
        "session.id": "s",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "cargo",
        "aotel.step.kind": "tool",
        "aotel.step.success": True,
        "aotel.step.action": "build",
        "aotel.step.batch_size": 3,
        "gen_ai.tool.call.arguments": '{"a": 1}',
        "aotel.step.observation": "fine",
        "aotel.usage.total_tokens": 7,
        "gen_ai.tool.call.result": "log",
        "aotel.step.start_estimated": True,
    }


@pytest.mark.parametrize("words", [("--success", "false"), ("--error", "boom"), ("--success", "no", "--error", "boom")])
def test_a_failed_step(told: Verb, sink: Sink, words: tuple[str, ...]) -> None:
    """It has an error and no result; the call itself succeeded."""
    assert told("--tool", "t", "--output", "half", *words).answer["success"] is True
    (span,) = spans(sink)
    found = attributes(span)
    assert (found["aotel.step.success"], found["error.type"]) == (False, "tool_error")
    assert span["status"]["code"] == 2
    assert "gen_ai.tool.call.result" not in found


@pytest.mark.parametrize(
    ("kind", "name", "span_kind"),
    [
        ("llm", "chat m", 3),
        ("decision", "decision m", 1),
        ("milestone", "milestone m", 1),
        ("error", "recover m", 1),
    ],
)
def test_kinds(told: Verb, sink: Sink, kind: str, name: str, span_kind: int) -> None:
    """A call of a model is a client's span; the others have names of their own."""
    told("--tool", "m", "--kind", kind, "--input", "hello", "--provider", "p")
    (span,) = spans(sink)
    assert (span["name"], span["kind"], attributes(span)["aotel.step.kind"]) == (name, span_kind, kind)


@pytest.mark.parametrize("named", [("--step-id", "one"), ("--tool-call-id", "toolu_1")])
def test_a_step_with_a_name_is_one_span(told: Verb, named: tuple[str, str]) -> None:
    """Told twice, it has the same span id; without a name each is another."""
    assert told("--tool", "t", *named).answer["steps"] == told("--tool", "t", *named).answer["steps"]
    assert told("--tool", "t").answer["steps"] != told("--tool", "t").answer["steps"]


def test_lines_are_steps_in_their_order(lines: Any, sink: Sink) -> None:
    """As many as there are, in few requests, each later than the one before."""
    text = "".join(
        json.dumps({"tool": "t", "action": f"{n}", "latency_ms": n, "tokens": None}) + "\n" for n in range(1_200)
    )
    answer = lines(text).answer
    assert (answer["success"], len(answer["steps"]), len(set(answer["steps"]))) == (True, 1_200, 1_200)
    ends = [int(span["endTimeUnixNano"]) for span in spans(sink)]
    assert ends == sorted(set(ends))
    assert [attributes(span)["aotel.step.action"] for span in spans(sink)] == [f"{n}" for n in range(1_200)]
    assert len([r for r in sink.accepted if r.path == "/v1/traces"]) == 3


def test_large_lines_go_in_several_requests(lines: Any, sink: Sink) -> None:
    """No record is larger than a receiver takes."""
    line = json.dumps({"tool": "t", "output": "x" * 3 * 1024**2}) + "\n"
    assert lines(line * 5).answer["success"] is True
    sizes = [len(received.body) for received in sink.accepted if received.path == "/v1/traces"]
    assert len(sizes) == 3
    assert max(sizes) < 8 * 1024**2


def test_a_wrong_line_costs_only_itself(lines: Any, sink: Sink) -> None:
    """Named by its number; a wrong member of a line costs only itself and is kept."""
    good = '{"tool":"a"}\n\nnot json\n[1]\n{"action":"no tool"}\n{"tool":"b","tokens":-1,"mood":"é"}\n'
    text = good.encode() + b'{"tool":"\xff"}\n'
    printed = lines(text)
    answer = printed.answer
    assert (answer["success"], answer["recorded"], len(answer["steps"])) == (False, True, 2)
    for line in (
        "line 3: not JSON",
        "line 4: expected a JSON object",
        "line 5: --tool NAME is missing",
        "line 6: --tokens",
    ):
        assert line in answer["error"]
    assert "line 7: " in answer["error"]
    kept = json.loads(attributes(spans(sink)[1])["aotel.metadata"])
    assert kept == {"rejected": {"tokens": -1, "mood": "é"}}
    assert printed.err.count("agent-otel step: line") == 6


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_no_line_at_all(lines: Any, sink: Sink, text: str) -> None:
    """That is said."""
    answer = lines(text).answer
    assert (answer["success"], answer["recorded"]) == (False, False)
    assert answer["error"] == "standard input holds no step"
    assert lines(text, "--strict").code == 2


def test_a_step_inside_a_step(told: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies below the span around the process, when that belongs to the execution."""
    (started,) = events(sink)
    monkeypatch.setenv("TRACEPARENT", f"00-{started['traceId']}-00000000000000aa-01")
    told("--tool", "beside")
    monkeypatch.setenv("BAGGAGE", f"aotel.execution.id={ID}")
    told("--tool", "inside")
    assert [span["parentSpanId"] for span in spans(sink)] == [started["spanId"], "00000000000000aa"]


def test_a_step_on_another_machine_that_was_handed_the_trace(
    verb: Verb, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRACEPARENT and BAGGAGE are enough, as in a container; only an end needs more."""
    other, trace = str(uuid.uuid4()), "f" * 32
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-00000000000000aa-01")
    monkeypatch.setenv("BAGGAGE", f"aotel.execution.id={other}")
    answer = verb("step", "--tool", "t").answer
    assert (answer["success"], answer["warning"], answer["execution_id"]) == (True, "no local start", other)
    (span,) = spans(sink)
    assert (span["traceId"], span["parentSpanId"]) == (trace, "00000000000000aa")
    assert verb("progress", "--stage", "s").answer["success"] is True
    assert events(sink)[-1]["traceId"] == trace
    assert verb("complete").answer["success"] is False


def test_a_step_of_an_execution_that_nobody_knows_here(verb: Verb, sink: Sink) -> None:
    """It keeps the execution's id, in a trace that all such steps share; with the correlation id in the right one."""
    other = str(uuid.uuid4())
    first, second = (verb("step", "--execution-id", other, "--tool", "t").answer for _ in range(2))
    assert (first["success"], first["recorded"], first["warning"]) == (False, True, "no local start")
    assert second["steps"] != first["steps"]
    assert {span["traceId"] for span in spans(sink)} == {uuid.UUID(other).hex}
    assert {attributes(span)["aotel.execution.id"] for span in spans(sink)} == {other}
    verb("step", "--execution-id", other, "--tool", "t", "--agent", "a", "--correlation-id", ID)
    assert (spans(sink)[-1]["traceId"], spans(sink)[-1]["parentSpanId"]) == (
        uuid.UUID(ID).hex,
        uuid.UUID(other).hex[16:],
    )
