"""What nobody tells the end of: runs that were interrupted or killed, closed at the next sight of them.

After SIGKILL the CLI says nothing more, after SIGTERM and the like SessionEnd alone; an interrupted prompt has no Stop.
"""

from __future__ import annotations

import os
import time

from agent_otel.open_execution import KEEP_OPEN_SECONDS
from agent_otel.settings import Settings
from agent_otel.shell.claude_code import stop, subagent, tool
from agent_otel.shell.claude_code.owner import is_gone, owner
from agent_otel.shell.claude_code.session import FOLDER, RUN, STOPPED, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from agent_otel.shell.claude_code.payload import Payload

    Wanted = Callable[[Mapping[str, Any]], bool]


def ended(session: Session, payload: Payload) -> None:
    """SessionEnd: the CLI's process goes, and with it all that it does."""
    reason = payload.text("reason") or "unknown"
    here = owner()
    for stem in session.names(STOPPED):  # by now its transcript is complete
        stop.finish(session, stem)
    _close(session, lambda run: _is_of(run, here), f"the session ended ({reason}) before it did", payload.received)
    session.leave()


def started(session: Session, payload: Payload) -> None:
    """SessionStart: what an earlier process of the session left open is not going on."""
    if payload.text("source") == "compact":
        return
    here = owner()
    _close(session, lambda run: not _goes_on(run, here), "its process ended without a word")
    all_gone(session.settings, but=session)


def next_prompt(session: Session, payload: Payload) -> None:
    """UserPromptSubmit: an older prompt that has not ended was interrupted, with the sub-agents that it waits for."""
    if session.executions.is_closed(session.execution_id(payload.prompt_id)):
        return  # it is the older one: told again, or late
    here, waited_for = owner(), {call.get("tool_use_id") for _, call in session.calls() if "orders" in call}

    def is_interrupted(run: Mapping[str, Any]) -> bool:
        if run.get("prompt_id") == payload.prompt_id:
            return False
        if not run.get("agent_id"):
            return _is_of(run, here)  # a session can be open twice
        order = subagent.order_of_run(session, run)
        return not _goes_on(run, here) or (order is not None and order.tool_use_id in waited_for)

    _close(session, is_interrupted, "it was interrupted: the next prompt came first")


def all_gone(settings: Settings, but: Session | None = None) -> None:
    """What was open in any session whose process is gone. Raises no Exception: the next look may be luckier."""
    folder = f"{settings.state_dir}/{FOLDER}"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        session = _session(settings, name)
        if but is None or session.path != but.path:
            try:
                _close(session, _is_left, "its process ended without a word")
                session.leave()
            except Exception:  # noqa: BLE001, S112 - one damaged session must not keep the others open
                continue


def _session(settings: Settings, name: str) -> Session:
    """The session of a folder: its name, unless that stands for an id that is no UUID."""
    own = Settings(**{field: getattr(settings, field) for field in Settings.__slots__})  # what one learns is its own
    session = Session(own, name)
    runs = [session.noted(f"{stem}{RUN}") for stem in session.names(RUN)[:1]]
    return Session(own, str(runs[0].get("session_id") or name)) if runs else session


def _close(session: Session, wanted: Wanted, why: str, moment: int | None = None) -> None:
    """Close tools, then sub-agents, then prompts; what was told of and not sent is sent."""
    given_back = session.give_back()
    for stem in session.names(STOPPED):
        if f"{stem}{STOPPED}" in given_back or not stop.is_awaited(session, stem):
            stop.finish(session, stem)
    runs = [(execution_id, session.noted(f"{execution_id}{RUN}")) for execution_id in session.names(RUN)]
    closed = [(execution_id, run) for execution_id, run in runs if wanted(run)]
    for execution_id, _ in sorted(closed, key=lambda pair: not pair[1].get("agent_id")):
        stop.conclude(session, execution_id, why, moment)
    open_ids = {execution_id for execution_id, run in runs if (execution_id, run) not in closed}
    for key, call in session.calls():
        if call.get("execution_id") not in open_ids and wanted(call):
            tool.unfinished(session, key, call, moment or 0, why)


def _is_of(run: Mapping[str, Any], here: str) -> bool:
    """Whether it is of this process, or of none that lives."""
    return run.get("owner") == here or not _goes_on(run, here)


def _goes_on(run: Mapping[str, Any], here: str) -> bool:
    """Whether another process than ours has it, and lives. A pid alone, where there is no /proc, tells too little."""
    known = str(run.get("owner") or "")
    return (known == here and bool(known)) or (":" in known and not is_gone(known))


def _is_left(run: Mapping[str, Any]) -> bool:
    """Also what is so old that the files which say where it belongs are about to go."""
    began = run.get("began", run.get("started"))
    is_old = isinstance(began, int) and time.time() - began / 1e9 > KEEP_OPEN_SECONDS / 2
    return is_old or is_gone(str(run.get("owner") or ""))
