"""Ends that come twice, late or from elsewhere: one span in PostgreSQL and in Jaeger, one merged row, the warning."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.e2e.test_identity import spans_in_jaeger
from tests.fixtures.shell import Shell, environment
from tests.fixtures.stack import rows, wait_for

NO_LOCAL_START, ALREADY_COMPLETED = "no local start", "already completed"


@pytest.fixture
def shell(stack: LocalStack, tmp_path: Path) -> Shell:
    """A shell on the stack."""
    return Shell(environment(stack.endpoint, tmp_path / "home"), tmp_path)


@pytest.fixture
def elsewhere(stack: LocalStack, tmp_path: Path) -> Shell:
    """A shell on another host: its state folder knows nothing of the first one's executions."""
    return Shell(environment(stack.endpoint, tmp_path / "elsewhere"), tmp_path)


class Row(NamedTuple):
    """The execution as SQL shows it; all None while there is none."""

    status: str | None = None
    quality_score: float | None = None
    metadata: dict[str, Any] | None = None
    agent_name: str | None = None
    stage: str | None = None


def merged(stack: LocalStack, execution_id: str) -> Row:
    """Look at it."""
    query = (
        "SELECT status, quality_score, metadata, agent_name, stage FROM agent_executions WHERE execution_id = %(id)s"
    )
    return Row(*(rows(stack, query, {"id": execution_id}) or [()])[0])


def spans_in_postgresql(stack: LocalStack, trace: uuid.UUID) -> list[tuple[Any, ...]]:
    """Name, end and status of each span of a trace."""
    query: Any = """SELECT name, end_time, attributes ->> 'aotel.execution.status' FROM spans
                    WHERE trace_id = %(trace)s ORDER BY end_time"""
    return rows(stack, query, {"trace": trace})


def wait_for_one_span(stack: LocalStack, trace: uuid.UUID) -> tuple[Any, ...]:
    """The one span of the trace, in both stores: name, end, status."""
    wait_for(lambda: len(spans_in_postgresql(stack, trace)) > 0, "the span in PostgreSQL")
    wait_for(lambda: len(spans_in_jaeger(stack, trace)) > 0, "the span in Jaeger")
    (span,) = spans_in_jaeger(stack, trace).values()
    (row,) = spans_in_postgresql(stack, trace)
    assert span.name == row[0]
    return row


def test_the_second_of_two_completions_merges(stack: LocalStack, shell: Shell) -> None:
    """It is told that it is the second; its facts win, the span in both stores stays that of the first."""
    started = shell.delivered("start", "--agent", "prover")
    own = ("--execution-id", started["execution_id"])
    first = shell.delivered("complete", *own, "--status", "partial", "--quality-score", "0.5", "--metadata", '{"a": 1}')
    second = shell.call("complete", *own, "--status", "success", "--quality-score", "0.75", "--metadata", '{"b": 2}')
    assert second.code == 0
    assert second.json["warning"] == ALREADY_COMPLETED
    assert second.json["success"] is True
    assert (first["status"], second.json["status"]) == ("partial", "success")

    row = merged(stack, started["execution_id"])
    wait_for(lambda: merged(stack, started["execution_id"]).status == "success", "the second end")
    row = merged(stack, started["execution_id"])
    assert (row.quality_score, row.metadata) == (0.75, {"a": 1, "b": 2})
    _, _, status = wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))
    assert status == "partial"


def test_the_same_completion_again_changes_nothing(stack: LocalStack, shell: Shell) -> None:
    """A retry of a caller that did not see the answer."""
    started = shell.delivered("start", "--agent", "prover")
    call = ("complete", "--execution-id", started["execution_id"], "--status", "error", "--error-message", "boom")
    first = shell.delivered(*call)
    again = shell.told(*call)
    assert again["warning"] == ALREADY_COMPLETED
    assert again["status"] == first["status"]
    wait_for(lambda: merged(stack, started["execution_id"]).status == "error", "the end")
    wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))


def test_many_completions_at_once_make_one_span(stack: LocalStack, shell: Shell) -> None:
    """Of calls that race for the end exactly one is not told that it is late."""
    started = shell.delivered("start", "--agent", "prover")
    call = ("complete", "--execution-id", started["execution_id"])
    with ThreadPoolExecutor(6) as pool:
        answers = [done.result() for done in [pool.submit(shell.told, *call) for _ in range(6)]]
    assert [answer.get("warning") for answer in answers].count(None) == 1, answers
    wait_for(lambda: merged(stack, started["execution_id"]).status == "success", "the end")
    wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))


def test_many_starts_at_once_are_one_execution(stack: LocalStack, shell: Shell) -> None:
    """Of calls that race with one id exactly one is not told that it is late, and all are told the same."""
    call = ("start", "--agent", "prover", "--execution-id", str(uuid.uuid4()))
    with ThreadPoolExecutor(6) as pool:
        answers = [done.result() for done in [pool.submit(shell.told, *call) for _ in range(6)]]
    assert [answer.pop("warning", None) for answer in answers].count(None) == 1, answers
    assert all(answer == answers[0] for answer in answers), answers
    shell.delivered("complete", *call[3:])
    wait_for_one_span(stack, uuid.UUID(answers[0]["correlation_id"]))


def test_a_completion_on_another_host_with_what_start_printed(
    stack: LocalStack, shell: Shell, elsewhere: Shell
) -> None:
    """With agent, start and correlation given it makes the one span; it says that it knows no local start."""
    started = shell.delivered("start", "--agent", "prover", "--description", "cross hosts")
    own = ("--execution-id", started["execution_id"])
    shell.delivered("progress", *own, "--stage", "here", "--percent", "10")
    known = ("--agent", "prover", "--started-at", started["started_at"], "--correlation-id", started["correlation_id"])
    answer = elsewhere.call("complete", *own, *known, "--quality-score", "0.25")
    assert answer.code == 0, answer
    told = answer.json
    assert (told["success"], told["warning"]) == (True, NO_LOCAL_START), answer
    assert (told["agent_name"], told["started_at"]) == ("prover", started["started_at"])
    assert type(told["duration_ms"]) is int

    wait_for(lambda: merged(stack, started["execution_id"]).status == "success", "the end")
    row = merged(stack, started["execution_id"])
    assert (row.agent_name, row.stage, row.quality_score) == ("prover", "here", 0.25)
    _, _, status = wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))
    assert status == "success"


def test_a_completion_on_another_host_with_only_the_id(stack: LocalStack, shell: Shell, elsewhere: Shell) -> None:
    """The event goes out without a trace and merges; no span is made and the answer says so."""
    started = shell.delivered("start", "--agent", "prover")
    own = ("--execution-id", started["execution_id"])
    answer = elsewhere.call("complete", *own, "--quality-score", "0.25")
    assert answer.code == 0, answer
    told = answer.json
    assert (told["success"], told["recorded"], told["warning"]) == (False, True, NO_LOCAL_START), answer
    assert [told[name] for name in ("agent_name", "duration_ms", "started_at")] == [None, None, None], answer
    wait_for(lambda: merged(stack, started["execution_id"]).status == "success", "the end")
    assert merged(stack, started["execution_id"]).quality_score == 0.25
    trace = uuid.UUID(started["correlation_id"])
    assert spans_in_postgresql(stack, trace) == []

    ended = shell.delivered("complete", *own, "--quality-score", "0.5")
    wait_for_one_span(stack, trace)
    wait_for(lambda: merged(stack, started["execution_id"]).quality_score == 0.5, "the later end's score")
    assert ended["agent_name"] == "prover"


def test_an_unknown_execution_is_told_and_its_event_kept(stack: LocalStack, elsewhere: Shell) -> None:
    """Progress of an execution that nobody has started: a row without a trace, null where nothing is known."""
    execution_id = str(uuid.uuid4())
    answer = elsewhere.call("progress", "--execution-id", execution_id, "--stage", "lonely", "--percent", "5")
    assert answer.code == 0, answer
    told = answer.json
    assert (told["success"], told["recorded"], told["warning"]) == (False, True, NO_LOCAL_START), answer
    assert told["agent_name"] is None
    wait_for(lambda: merged(stack, execution_id).stage == "lonely", "the event")
    assert merged(stack, execution_id).status == "in_progress"


def test_a_later_inferred_end_gives_way_to_the_stated_one(stack: LocalStack, shell: Shell, elsewhere: Shell) -> None:
    """Another host concludes that it was cancelled, after the agent's own end: that stays, in row and span."""
    started = shell.delivered("start", "--agent", "prover")
    own = ("--execution-id", started["execution_id"])
    shell.delivered("complete", *own, "--status", "success", "--quality-score", "0.5")
    elsewhere.told("complete", *own, "--status", "cancelled", "--inferred", "--metadata", '{"by": "harness"}')
    wait_for(lambda: merged(stack, started["execution_id"]).metadata == {"by": "harness"}, "the inferred end")
    row = merged(stack, started["execution_id"])
    assert (row.status, row.quality_score) == ("success", 0.5)
    _, _, status = wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))
    assert status == "success"


def test_a_completion_after_an_inferred_one(stack: LocalStack, shell: Shell) -> None:
    """The row has the agent's end, the one span stays that of the first; the agent is told that it is the second."""
    started = shell.delivered("start", "--agent", "prover")
    own = ("--execution-id", started["execution_id"])
    shell.delivered("complete", *own, "--status", "cancelled", "--inferred")
    wait_for(lambda: merged(stack, started["execution_id"]).status == "cancelled", "the inferred end")
    told = shell.told("complete", *own, "--status", "error", "--error-message", "boom")
    assert (told["success"], told["warning"]) == (True, ALREADY_COMPLETED)
    wait_for(lambda: merged(stack, started["execution_id"]).status == "error", "the stated end")
    _, _, status = wait_for_one_span(stack, uuid.UUID(started["correlation_id"]))
    assert status == "cancelled"
