"""One call of a hook: what Claude Code tells goes to whom it concerns.

Nothing is printed, and the exit code is 0: what a hook prints goes to the model, and other codes stop the agent.
"""

from __future__ import annotations

import os
import time

from agent_otel import identity, settings
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell.call import write
from agent_otel.shell.claude_code import payload as payloads
from agent_otel.shell.claude_code.session import Session
from agent_otel.shell.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from agent_otel.settings import Settings
    from agent_otel.shell.claude_code.payload import Payload

#: No event's name is longer.
_MAX_NAME: Final = 40
#: What is done with which event: module and function.
HANDLERS: Final = {
    "SessionStart": ("sessions", "started"),
    "UserPromptSubmit": ("prompt", "submitted"),
    "PreToolUse": ("tool", "called"),
    "PostToolUse": ("tool", "returned"),
    "PostToolUseFailure": ("tool", "failed"),
    "PermissionDenied": ("tool", "denied"),
    "PostToolBatch": ("tool", "batched"),
    "SubagentStart": ("subagent", "started"),
    "SubagentStop": ("stop", "succeeded"),
    "Stop": ("stop", "succeeded"),
    "StopFailure": ("stop", "failed"),
    "PreCompact": ("prompt", "compacting"),
    "PostCompact": ("stop", "compacted"),
    "SessionEnd": ("sessions", "ended"),
}


def listen(received: int) -> None:
    """Record the event on standard input; `received` in ns. Raises nothing that is about the payload."""
    found = settings.load()
    for problem in found.problems:
        _say(problem)
    if found.disabled:
        return
    if os.isatty(0):
        _say("Claude Code calls this with an event on standard input; `agent-otel hook install` registers it")
        return
    try:
        payload = payloads.read(0, received)
    except (ValueError, TypeError) as error:
        _say(f"standard input is not what Claude Code gives its hooks: {error}")
        _keep(found, str(error))
        return
    handle(found, payload)


def handle(found: Settings, payload: Payload) -> None:
    """Record one event."""
    if payload.event not in HANDLERS:
        # What a payload says is not repeated; a name is no content.
        name = payload.event if payload.event.isalpha() and len(payload.event) <= _MAX_NAME else "of this payload"
        _say(f"hook_event_name {name} is not recorded; known are {', '.join(HANDLERS)}")
        return
    if payload.cwd and not found.project and os.path.isdir(payload.cwd):
        found = settings.load(cwd=payload.cwd)
    session = Session(found, payload.session_id)
    if payload.event == "UserPromptSubmit":
        from agent_otel.shell.claude_code import sweep

        sweep.next_prompt(session, payload)
    module, function = HANDLERS[payload.event]
    getattr(__import__(f"{__package__}.{module}", fromlist=[function]), function)(session, payload)
    if session.lost:
        _say(f"a record is lost: {session.lost}")
    for folder in (session, session.executions):
        if folder.failures:
            _say(f"{folder.problem}: what later hooks need of this one is missing")


def _keep(found: Settings, reason: str) -> None:
    """Say that a hook was called and told nothing that can be read."""
    records = Records(found)
    attributes = {s.EVENT_ID: identity.spelled(identity.new_uuid()), s.ERROR_MESSAGE: reason}
    records.event(s.EVENT_HOOK_REJECTED, time.time_ns(), reason, {}, attributes, trace_id=0, span_id=0, flags=0)
    hand_over(records.records, found)


def _say(problem: str) -> None:
    write(2, f"agent-otel hook: {problem}\n")
