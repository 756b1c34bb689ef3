"""verify(): a verdict on any execution, at any time."""

import uuid
from collections.abc import Sequence

from opentelemetry.trace import INVALID_SPAN

from agent_otel import ids, statement, verdict
from agent_otel.errors import UnknownExecutionError
from agent_otel.execution_events import ExecutionEvents
from agent_otel.execution_span import Execution
from agent_otel.guard import guarded
from agent_otel.open_execution import OpenExecution
from agent_otel.provider import get_client
from agent_otel.verdict import Verdict


@guarded
def verify(
    execution_id: str | uuid.UUID,
    status: str,
    expected_vs_actual: str | None = None,
    *,
    criteria_met: Sequence[str] = (),
    criteria_failed: Sequence[str] = (),
    confidence: float | None = None,
    manual_required: bool | None = None,
    by: str | None = None,
) -> None:
    """Give a verdict on an execution: of this process or any other, open or over, now or days later.

    All verdicts are kept, with who and when; the latest is the current one. It needs no database and is not lost in an
    outage: it goes the way of every event.

    - status: MATCH (it did what was expected), PARTIAL, MISMATCH (it did not, whatever it claims) or ERROR (it could
      not be judged). Anything else is no verdict: it is kept as an evaluation, with one warning.
    - expected_vs_actual: what was expected, what came instead.
    - criteria_met, criteria_failed: the success criteria, as they were worded at the start.
    - confidence: of the verdict, 0.0 to 1.0.
    - manual_required: whether a person must look.
    - by: who gives it: a person, an agent, a check in CI.
    """
    given = execution_id if isinstance(execution_id, uuid.UUID) else ids.parse_uuid(str(execution_id))
    if given is None:
        raise UnknownExecutionError(f"execution_id={execution_id!r} is not a UUID; give the execution's own id")
    client = get_client()
    running = client.running.get(str(given))
    if isinstance(running, Execution):
        running.verification(
            status,
            expected_vs_actual,
            criteria_met=criteria_met,
            criteria_failed=criteria_failed,
            confidence=confidence,
            manual_required=manual_required,
            by=by,
        )
        return
    record = client.find(str(given)) or _elsewhere(given)
    events = ExecutionEvents(client, record, None, INVALID_SPAN)
    said, _ = verdict.statement(
        Verdict(status, expected_vs_actual, criteria_met, criteria_failed, confidence, manual_required, by)
    )
    statement.send(said, events, record.agent_name, client.clock(), on_span=False)


def _elsewhere(execution_id: uuid.UUID) -> OpenExecution:
    """An execution of which nothing but its id is known here."""
    return OpenExecution(
        execution_id=str(execution_id),
        trace_id=0,
        span_id=0,
        trace_flags=0,
        agent_name="",
        started_at=0,
        correlation_id="",
        session_id="",
    )
