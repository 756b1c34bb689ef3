"""Which execution a call is about: by its file on this machine, else by what the arguments say of it."""

from __future__ import annotations

import os

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.open_execution import ExecutionFolder, OpenExecution
from agent_otel.shell import call as calls
from agent_otel.shell import trace_context
from agent_otel.shell.trace_context import RANDOM, SAMPLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_otel.shell.call import Call


class Known:
    """The execution, as far as it is known.

    `is_here`: it began on this machine. `has_place`: its trace is known, so that events and steps can lie in it.
    `has_span`: its start is known as well, so that its own span can be made.
    """

    __slots__ = ("execution", "folder", "has_place", "has_span", "is_here")

    def __init__(
        self, execution: OpenExecution, folder: ExecutionFolder, *, is_here: bool, has_place: bool, has_span: bool
    ) -> None:
        self.execution = execution
        self.folder = folder
        self.is_here = is_here
        self.has_place = has_place
        self.has_span = has_span

    @property
    def place(self) -> tuple[int, int, int]:
        """Trace id, span id and flags of its events; zeros when they are not known."""
        execution = self.execution
        return (execution.trace_id, execution.span_id, execution.trace_flags) if self.has_place else (0, 0, 0)


def known(call: Call) -> Known | None:
    """Find the execution; None, with the reason in `call`, when no id is given that could be one."""
    if call.arguments.unusable or "execution_id" in call.arguments.rejected:
        return None
    execution_id = call.values.get("execution_id") or _inherited()
    if execution_id is None:
        call.arguments.errors.append(
            "--execution-id UUID is missing: give the execution_id that start printed, or set BAGGAGE (start --export)"
        )
        return None
    call.execution_id = execution_id
    folder = ExecutionFolder(call.settings.state_dir)
    here = folder.find(execution_id)
    if here is not None:
        return Known(here, folder, is_here=True, has_place=True, has_span=True)
    call.warning = calls.NO_LOCAL_START
    return _elsewhere(call, execution_id, folder)


def _inherited() -> str | None:
    """The execution around this process, when the environment names one."""
    parsed = identity.parse(trace_context.baggage(os.environ).get(s.EXECUTION_ID, ""))
    return identity.spelled(parsed) if parsed else None


def _elsewhere(call: Call, execution_id: str, folder: ExecutionFolder) -> Known:
    """An execution of another machine: what the arguments say of it, nothing invented."""
    values, around = call.values, trace_context.inherited(execution_id)
    correlation: str = values.get("correlation_id") or (identity.spelled(around.trace_id) if around else "")
    agent: str = values.get("agent", "")
    started_at: int = values.get("started_at", 0)
    number = identity.parse(execution_id) or 0
    is_random = identity.version(identity.parse(correlation) or 0) == 4
    execution = OpenExecution(
        execution_id=execution_id,
        trace_id=identity.trace_id(correlation) if correlation else 0,
        span_id=identity.execution_span_id(number),
        trace_flags=SAMPLED | RANDOM if is_random else SAMPLED,
        agent_name=agent,
        started_at=started_at,
        correlation_id=correlation,
        session_id=values.get("session_id") or call.settings.session_id or "",
        project=call.settings.project,
    )
    has_span = bool(correlation and agent and started_at)
    call.unknown = not has_span and around is None
    return Known(execution, folder, is_here=False, has_place=bool(correlation), has_span=has_span)
