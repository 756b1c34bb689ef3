"""A tool call: a step of the execution that makes it.

A denied call has no PostToolUse of either kind, and one that its tool's schema refuses has nothing but PostToolBatch:
so what the batch names and nobody has told yet is told then.
"""

from __future__ import annotations

from agent_otel import content, redaction, step_intent
from agent_otel import semconv as s
from agent_otel.shell import journal
from agent_otel.shell.claude_code import beginning, subagent
from agent_otel.shell.claude_code.owner import owner
from agent_otel.shell.claude_code.session import CALL
from agent_otel.shell.known import Known
from agent_otel.shell.records import Records
from agent_otel.shell.step_record import StepRecord
from agent_otel.step_intent import StepIntent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from agent_otel.open_execution import OpenExecution
    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session

_NS_PER_MS: Final = 1_000_000
#: What a step says it does: the first of these that the tool's input has.
_ACTIONS: Final = ("description", "command", "file_path", "notebook_path", "pattern", "url", "query", "skill", "path")
_WRITING: Final = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_MAX_ACTION: Final = 500


def called(session: Session, payload: Payload) -> None:
    """A tool is about to run: kept until its end is known, and sent then."""
    execution = beginning.execution_of(session, payload)
    key = session.step_key(execution.execution_id, payload.tool_use_id)
    if session.executions.is_closed(key):
        return
    intent = _intent(payload.tool_name, payload.mapping("tool_input"), payload.tool_use_id)
    call = {
        "tool": payload.tool_name,
        "tool_use_id": payload.tool_use_id,
        "execution_id": execution.execution_id,
        "prompt_id": payload.prompt_id,
        "agent_id": payload.agent_id,
        "started": payload.received,
        "owner": owner(),
        "attributes": redaction.clean(step_intent.attributes(intent), session.settings.capture),
    }
    session.note(f"{key}{CALL}", {**call, **subagent.order(session, payload)})


def returned(session: Session, payload: Payload) -> None:
    """A tool has done its work."""
    execution = beginning.execution_of(session, payload)
    step = _step(session, execution, payload)
    response = payload.fields.get("tool_response")
    step.attributes |= step_intent.output_attributes(step.intent, response)
    if _send(session, execution, step):
        _note_deeds(session, execution, payload)
    subagent.ordered(session, payload)


def failed(session: Session, payload: Payload) -> None:
    """A tool has failed."""
    execution = beginning.execution_of(session, payload)
    step = _step(session, execution, payload)
    kind = "interrupted" if payload.fields.get("is_interrupt") is True else s.ERROR_TYPE_TOOL
    _send(session, execution, _failing(step, kind, payload.text("error")))


def denied(session: Session, payload: Payload) -> None:
    """A tool may not run."""
    execution = beginning.execution_of(session, payload)
    _send(session, execution, _failing(_step(session, execution, payload), "permission_denied", payload.text("reason")))


def batched(session: Session, payload: Payload) -> None:
    """All tools of a turn are done: those of which nothing was told did not run, or their hooks did not."""
    calls = payload.fields.get("tool_calls")
    execution = beginning.execution_of(session, payload)
    for call in calls if isinstance(calls, list) else []:
        if not isinstance(call, dict):
            continue
        single = type(payload)({**payload.fields, **call}, payload.received)
        if session.executions.is_closed(session.step_key(execution.execution_id, single.tool_use_id)):
            continue
        step, answer = _step(session, execution, single), _answer(call.get("tool_response"))
        # Called, and neither returned nor failed: so it did not run.
        was_called = s.STEP_START_ESTIMATED not in step.attributes
        refusal = _refusal(answer) or ("not_run" if was_called else "")
        if refusal:
            _failing(step, refusal, answer)
        else:
            step.attributes |= step_intent.output_attributes(step.intent, answer)
        if _send(session, execution, step) and not refusal:
            _note_deeds(session, execution, single)


def compacted(session: Session, payload: Payload) -> None:
    """The conversation was made shorter: a milestone."""
    execution = beginning.execution_of(session, payload)
    trigger = payload.text("trigger")
    intent = StepIntent("compact", kind="milestone", action=trigger, step_id=f"compact {payload.received}")
    step = StepRecord(known(session, execution), intent)
    step.started = step.ended = payload.received
    records = Records(session.settings)
    _add(session, records, step, payload.prompt_id)
    if session.is_first("compact", payload.prompt_id, redaction.sha256(payload.text("compact_summary"))):
        session.send(records.records)


def unfinished(session: Session, key: str, call: Mapping[str, Any], ended: int, why: str) -> None:
    """A tool of which nobody will tell more, since its agent is gone."""
    execution = session.executions.find(str(call.get("execution_id")))
    started = call.get("started")
    if execution is not None and isinstance(started, int):
        attributes = call.get("attributes")
        step = StepRecord(
            known(session, execution), StepIntent(str(call.get("tool")), tool_call_id=str(call.get("tool_use_id")))
        )
        step.attributes |= attributes if isinstance(attributes, dict) else {}
        step.attributes[s.PROMPT_ID] = str(call.get("prompt_id"))
        step.started, step.ended = started, max(started, ended)
        _send(session, execution, _failing(step, "interrupted", why))
    session.remove_file(f"{key}{CALL}")


def known(session: Session, execution: OpenExecution) -> Known:
    """As the records of other calls want it."""
    return Known(execution, session.executions, is_here=True, has_place=True, has_span=True)


def _intent(tool: str, given: Mapping[str, Any], tool_use_id: str) -> StepIntent:
    action = next((value for name in _ACTIONS if isinstance(value := given.get(name), str) and value), None)
    shown = action[:_MAX_ACTION] if action else None
    return StepIntent(tool or "tool", action=shown, input=dict(given), tool_call_id=tool_use_id or None)


def _step(session: Session, execution: OpenExecution, payload: Payload) -> StepRecord:
    """The step with its times: it ran as long as the CLI says, and not before it was called."""
    intent = _intent(payload.tool_name, payload.mapping("tool_input"), payload.tool_use_id)
    step = StepRecord(known(session, execution), intent)
    step.attributes[s.PROMPT_ID] = payload.prompt_id
    call = session.noted(f"{session.step_key(execution.execution_id, payload.tool_use_id)}{CALL}")
    called_at, took = call.get("started"), payload.fields.get("duration_ms")
    step.ended = payload.received
    step.started = step.ended - took * _NS_PER_MS if isinstance(took, int) and took >= 0 else 0
    if isinstance(called_at, int):
        step.started = min(max(step.started, called_at), step.ended)
    else:
        step.attributes[s.STEP_START_ESTIMATED] = True
        step.started = max(step.started, 1) if step.started else step.ended
    return step


def _failing(step: StepRecord, kind: str, message: str) -> StepRecord:
    step.error = message
    step.attributes |= {s.STEP_SUCCESS: False, s.ERROR_TYPE: kind, s.ERROR_MESSAGE: message}
    return step


def _add(session: Session, records: Records, step: StepRecord, prompt_id: str) -> bytes:
    step.attributes |= {s.HARNESS: beginning.HARNESS, s.PROMPT_ID: step.attributes.get(s.PROMPT_ID, prompt_id)}
    return records.spans([step.span(records, session.settings.capture)])


def _send(session: Session, execution: OpenExecution, step: StepRecord) -> bool:
    """Send the step, unless somebody else did."""
    key = session.step_key(execution.execution_id, step.intent.tool_call_id or "")
    records = Records(session.settings)
    span = _add(session, records, step, "")
    is_first = session.executions.close(key, span)
    if is_first:
        handed = session.send(records.records)
        if handed.spooled or handed.delivered:
            session.executions.handed_over(key)
    session.remove_file(f"{key}{CALL}")
    return is_first


def _note_deeds(session: Session, execution: OpenExecution, payload: Payload) -> None:
    """What the execution did, for its end: files, commands, addresses."""
    given = payload.mapping("tool_input")
    deeds: dict[str, list[str]] = {}
    if payload.tool_name in _WRITING:
        deeds[s.FILES_MODIFIED] = [str(given.get("file_path") or given.get("notebook_path") or "")]
    elif payload.tool_name == "Bash":
        deeds[s.COMMANDS_EXECUTED] = [str(given.get("command") or "")]
    elif payload.tool_name == "WebFetch":
        deeds[s.API_CALLS] = [str(given.get("url") or "")]
    capture = session.settings.capture
    kept = {name: members for name, members in deeds.items() if redaction.clean({name: ""}, capture)}
    if kept and not session.executions.is_closed(execution.execution_id):
        session.executions.append(f"{execution.execution_id}.events", journal.united_line(kept))


def _answer(response: object) -> str:
    """What the model was told: a text, or blocks."""
    if isinstance(response, list):
        texts = [block.get("text") for block in response if isinstance(block, dict)]
        if texts and all(isinstance(text, str) for text in texts):
            return "\n".join(map(str, texts))
    return content.as_text(response)


def _refusal(answer: str) -> str:
    """Why a tool did not run, in a word, by what the model was told; empty when it seems to have run."""
    start = answer[:2_000].lower()
    if "inputvalidationerror" in start:
        return "invalid_tool_input"
    if "permission" in start and ("denied" in start or "haven't granted" in start or "not been granted" in start):
        return "permission_denied"
    if "doesn't want to proceed" in start or "was rejected" in start:
        return "permission_denied"
    if start.startswith(("<tool_use_error>", "error:", "blocked:")):
        return s.ERROR_TYPE_TOOL
    return ""
