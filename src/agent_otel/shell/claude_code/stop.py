"""An execution ends: as it was told, or as it must be concluded.

The transcript lags behind: when Stop's hook begins, the answer and its usage often come into it only some 50 ms later.
The agent does not wait for that: how the execution ended is on the disk, and a process in the background sends it when
the transcript is complete. Should that be killed, whoever sees the session next does it.
"""

from __future__ import annotations

import os
import time

from agent_otel import content, identity, plain_json, redaction
from agent_otel import semconv as s
from agent_otel.shell import facts, journal
from agent_otel.shell.claude_code import beginning, regular_file, subagent, tool, transcript
from agent_otel.shell.claude_code.payload import without_secrets
from agent_otel.shell.claude_code.session import RUN, STOPPED
from agent_otel.shell.completion import Completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from agent_otel.open_execution import OpenExecution
    from agent_otel.shell.claude_code.payload import Payload
    from agent_otel.shell.claude_code.session import Session
    from agent_otel.shell.claude_code.transcript import Account
    from agent_otel.shell.journal import Journal

#: How long the background process waits for the transcript, and how often it looks.
WAIT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.01
#: Bytes of a transcript that the agent does not wait for.
_LONG: Final = 512 * 1024
_COUNTED: Final = ("input", "output", "cache_read", "cache_creation")


def succeeded(session: Session, payload: Payload) -> None:
    """Stop and SubagentStop: the agent has answered."""
    if payload.event == "SubagentStop" and not payload.agent_type and not _is_known(session, payload):
        return  # /compact: the one that writes the summary is announced by nobody, and has no transcript
    _stop(session, payload, {s.EXECUTION_STATUS: "success"})


def failed(session: Session, payload: Payload) -> None:
    """StopFailure: the model could not be asked."""
    kind, message = payload.text("error") or s.ERROR_TYPE_OTHER, payload.text("last_assistant_message")
    details = payload.text("error_details")
    final = {
        s.EXECUTION_STATUS: "error",
        s.ERROR_TYPE: kind,
        s.ERROR_MESSAGE: "\n".join(filter(None, (message, details))),
    }
    _stop(session, payload, final)


def compacted(session: Session, payload: Payload) -> None:
    """PostCompact: the end of an execution that is nothing but ``/compact``."""
    tool.compacted(session, payload)
    execution = beginning.execution_of(session, payload)
    notes = journal.read(session.executions, execution.execution_id)
    if notes.attributes.get(s.TASK_DESCRIPTION) == "/compact" and s.PROMPT_LENGTH not in notes.attributes:
        _stop(session, payload, {s.EXECUTION_STATUS: "success"}, payload.text("compact_summary"))


def finish(session: Session, stem: str) -> bool:
    """Send an end that was told; False when it is not there, or somebody else does it."""
    taken = session.take(f"{stem}{STOPPED}")
    if not taken:
        return False
    execution_id, ending = stem.partition(".")[0], session.noted(taken)
    run = ending.get("run")
    run = run if isinstance(run, dict) else {}
    stated = ending.get("final")
    final: dict[str, Any] = {s.EXECUTION_STATUS: "success", **(stated if isinstance(stated, dict) else {})}
    account = _account(run)
    if run.get("agent_id") and account.error and final[s.EXECUTION_STATUS] == "success":
        final |= _api_error(account)  # a sub-agent has no StopFailure
    ended = ending.get("ended")
    execution = session.executions.find(execution_id)
    sent = _send(session, execution, run, account, final, ended if isinstance(ended, int) else time.time_ns())
    if sent:
        session.remove_file(taken)
        session.remove_file(f"{execution_id}{RUN}")
    return sent


def is_awaited(session: Session, stem: str) -> bool:
    """Whether a process in the background waits for the transcript before it sends this end."""
    ended = session.noted(f"{stem}{STOPPED}").get("ended")
    return isinstance(ended, int) and 0 <= time.time_ns() - ended < 2 * WAIT_SECONDS * 1e9


def conclude(session: Session, execution_id: str, why: str, ended: int | None = None) -> None:
    """End an execution of which nobody said how it ended: since its agent is gone, or does something else.

    It ended at `ended` (ns), else when it was last heard of.
    """
    if session.has(execution_id, STOPPED):  # somebody is about to send it
        return
    taken = session.take(f"{execution_id}{RUN}")
    if not taken:
        return
    run = session.noted(taken)
    account = _account(run)
    began = run.get("began")
    moment = ended or max(account.last, began if isinstance(began, int) else 0, _last_call(session, execution_id))
    _close_calls(session, execution_id, moment, why)
    final: dict[str, Any] = {s.EXECUTION_STATUS: "cancelled", s.EXECUTION_INFERRED: True, s.ERROR_MESSAGE: why}
    if account.error:
        final |= _api_error(account)
    if _send(session, session.executions.find(execution_id), run, account, final, moment):
        session.remove_file(taken)


def _close_calls(session: Session, execution_id: str, ended: int, why: str) -> None:
    """The tool calls of an execution that nobody will tell the end of."""
    for key, call in session.calls():
        if call.get("execution_id") == execution_id:
            tool.unfinished(session, key, call, ended, why)


def _stop(session: Session, payload: Payload, final: dict[str, Any], output: str | None = None) -> None:
    execution = beginning.execution_of(session, payload)
    execution_id = execution.execution_id
    answer = payload.text("last_assistant_message") if output is None else output
    if final[s.EXECUTION_STATUS] == "success" and answer:
        final |= content.output_facts(answer)
    kept = dict(redaction.clean(final, session.settings.capture))
    # Another hook may let the agent go on after Stop, and a sub-agent may be asked again: each end counts, each once.
    again = payload.fields.get("stop_hook_active")
    digest = redaction.sha256(f"{payload.event} {again} {answer}")[:16]
    stem = f"{execution_id}.{digest}"
    run = session.noted(f"{execution_id}{RUN}") or {**beginning.run_of(payload), "began": execution.started_at}
    if not session.note(f"{stem}{STOPPED}", {"final": kept, "ended": payload.received, "run": run}):
        return
    if session.failures or session.executions.failures:
        _send_unkept(session, payload, execution, kept)
        return
    if not session.is_first("stop", execution_id, digest):
        session.remove_file(f"{stem}{STOPPED}")
        return
    is_answered = final[s.EXECUTION_STATUS] == "success" and output is None
    if is_answered and _is_behind(run, answer):
        if os.fork():
            return
        _in_background(run, answer)
    finish(session, stem)


def _is_behind(run: Mapping[str, Any], answer: str) -> bool:
    """Whether there is a transcript that lacks the answer, or one so long that reading it would take a while."""
    path, offset = _path(run), run.get("offset")
    size = regular_file.size(path)
    if size - (offset if isinstance(offset, int) else 0) > _LONG:
        return True
    return bool(answer) and size > 0 and not transcript.ends_with(path, answer)


def _in_background(run: Mapping[str, Any], answer: str) -> None:
    """Let go of the agent, and wait until the transcript has the answer."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    path, seen, deadline = _path(run), 0, time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        size = regular_file.size(path)
        if size != seen and transcript.ends_with(path, answer):
            return
        seen = size
        time.sleep(_LOOK_SECONDS)


def _send_unkept(session: Session, payload: Payload, execution: OpenExecution, final: dict[str, Any]) -> None:
    """Hand the end over when no file can be made: then nothing is known of the beginning either, nor of its span."""
    run = beginning.run_of(payload)
    execution.started_at = 0
    _send(session, execution, run, _account(run), final, payload.received, has_span=False)


def _send(
    session: Session,
    execution: OpenExecution | None,
    run: Mapping[str, Any],
    account: Account,
    final: dict[str, Any],
    ended: int,
    *,
    has_span: bool = True,
) -> bool:
    """Hand the end over; whether it is kept."""
    if execution is None:
        return True  # its file is damaged or past its time: there is nothing to send it with
    notes = journal.read(session.executions, execution.execution_id)
    # Whoever concludes an end may have other settings than the agent had.
    session.settings.capture = notes.attributes.get(s.CAPTURE_MODE, session.settings.capture)
    if run.get("agent_id"):
        subagent.settle(session, run, notes)
    usage = _usage(account)
    if account.version and s.GEN_AI_AGENT_VERSION not in notes.attributes:
        usage[s.GEN_AI_AGENT_VERSION] = account.version  # of the CLI, whose agent it is when no file defines it
    final = {**usage, **notes.latest, **notes.united, **final, **facts.metadata(notes.metadata)}
    found = tool.known(session, execution)
    found.has_span = has_span
    completion = Completion(found, notes, final, max(ended, execution.started_at))
    requests = plain_json.dumps(list(account.requests.values()))
    completion.event_only = {s.MODEL_REQUESTS: requests, s.EVENT_ID: _event_id(execution, notes, final, requests)}
    handed = session.sent(completion.send(session.settings))
    return handed.spooled or handed.delivered


def _event_id(execution: OpenExecution, notes: Journal, final: dict[str, Any], requests: str) -> str:
    """The same for the same content. Who ends what another was killed over may know less of it, or more."""
    told = plain_json.dumps([notes.attributes, final, requests], default=str)
    name = f"{s.EVENT_COMPLETED} {redaction.sha256(told)}"
    return identity.spelled(identity.named_uuid(identity.parse(execution.execution_id) or 0, name))


def _usage(account: Account) -> dict[str, Any]:
    """The sums of the requests; tokens read from a cache, or written to one, are input as well (GenAI conventions)."""
    requests = account.requests.values()
    if not requests:
        return {}
    sums = {name: sum([request[name] for request in requests]) for name in _COUNTED}
    return {
        s.GEN_AI_REQUEST_MODEL: [request["model"] for request in requests][-1],
        s.GEN_AI_USAGE_INPUT_TOKENS: sums["input"] + sums["cache_read"] + sums["cache_creation"],
        s.GEN_AI_USAGE_OUTPUT_TOKENS: sums["output"],
        s.GEN_AI_USAGE_CACHE_READ_TOKENS: sums["cache_read"],
        s.GEN_AI_USAGE_CACHE_CREATION_TOKENS: sums["cache_creation"],
    }


def _account(run: Mapping[str, Any]) -> Account:
    prompt_id, offset, began = str(run.get("prompt_id")), run.get("offset"), run.get("began")
    if run.get("agent_id"):
        return transcript.read(_path(run), 0)
    if not isinstance(began, int) or (offset is None and prompt_id != run.get("session_id")):
        began = 0  # its first hook did not come first, or is lost: what it was told by is later than its first lines
    return transcript.read(_path(run), began, prompt_id, offset if isinstance(offset, int) else 0)


def _path(run: Mapping[str, Any]) -> str:
    path, agent_id = str(run.get("transcript") or ""), str(run.get("agent_id") or "")
    return subagent.path_of(path, agent_id) if agent_id else path


def _api_error(account: Account) -> dict[str, Any]:
    return {
        s.EXECUTION_STATUS: "error",
        s.ERROR_TYPE: account.error,
        s.ERROR_MESSAGE: without_secrets(account.error_text, os.environ),
    }


def _last_call(session: Session, execution_id: str) -> int:
    """When the execution last called a tool that did not return."""
    moments = [call.get("started") for _, call in session.calls() if call.get("execution_id") == execution_id]
    return max([moment for moment in moments if isinstance(moment, int)], default=0)


def _is_known(session: Session, payload: Payload) -> bool:
    return session.executions.find(session.execution_id(payload.agent_id)) is not None
