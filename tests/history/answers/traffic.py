"""Answers to the audit questions about what executions touched, called and ran, and on whose behalf."""

import re
from collections import defaultdict
from typing import Any, Final

from tests.history.answers.figures import NONE, last
from tests.history.answers.history import Asked, History
from tests.history.answers.run import Run

Row = dict[str, Any]

SECURITY_CRITICAL: Final = "secret|auth(?!or(?!i[sz]))|credential|config"
_SERVICES: Final = (
    ("github", re.compile("github", re.IGNORECASE)),
    ("aws", re.compile("aws|amazonaws", re.IGNORECASE)),
    ("gcp", re.compile(r"gcp|googleapis|gcloud|cloud\.google", re.IGNORECASE)),
)
#: Commands that call an API of their own accord.
_CALLERS: Final = {
    "gh": "github.com", "aws": "amazonaws.com",
    "gcloud": "googleapis.com", "gsutil": "googleapis.com", "bq": "googleapis.com",
}  # fmt: skip
_URL: Final = re.compile(r"""https?://[^\s'"<>`|;)]+""", re.IGNORECASE)
_HOST: Final = re.compile(r"https?://(?:[^/?#@]*@)?([^/:?#]+)", re.IGNORECASE)
_PREFIX: Final = re.compile(r"(?:sudo|[A-Za-z_]\w*=\S*)\s+")
_TASK: Final = 200


def files(history: History, asked: Asked, critical: str = SECURITY_CRITICAL) -> list[Row]:
    """One row an execution and security-critical file."""
    wanted = re.compile(critical, re.IGNORECASE)
    rows = []
    for run in history.within(asked):
        for file in sorted(set(run.entry["files_modified"])):
            if found := wanted.search(file):
                who = {name: run.entry[name] for name in ("user_id", "triggered_by")}
                rows.append(_row(run, file=file, matched=found[0], **who))
    return rows


def commands(history: History, asked: Asked) -> list[Row]:
    """One row an execution and command."""
    rows = []
    for run in history.within(asked):
        found = [(command.sequence is None, command.sequence or 0, command.text, command) for command in run.commands]
        for *_, command in sorted(found, key=lambda one: one[:3]):
            rows.append(_row(run, command=command.text, step_sequence=command.sequence, success=command.success))
    return rows


def apis(history: History, asked: Asked) -> list[Row]:
    """One row an execution and API call."""
    rows = []
    for run in history.within(asked):
        for call, host in sorted(_calls(run).items()):
            rows.append(_row(run, api_call=call, host=host, service=_service(host or call)))
    return rows


def api_hosts(history: History, asked: Asked, *, every: bool = False) -> list[Row]:
    """API calls by host, the busiest first; those without a service only when `every` one is asked for."""
    groups: dict[tuple[str | None, str | None], list[Row]] = defaultdict(list)
    for row in apis(history, asked):
        if every or row["service"] is not None:
            groups[row["host"], row["service"]].append(row)
    rows = [
        {
            "host": host,
            "service": service,
            "calls": len(group),
            "executions": len({row["execution_id"] for row in group}),
            "agents": sorted({row["agent_name"] or NONE for row in group}),
            "last_at": max(row["started_at"] for row in group),
        }
        for (host, service), group in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row["calls"], last(row["host"]), last(row["service"])))


def _calls(run: Run) -> dict[str, str | None]:
    """What an execution called, and the host of each where there is one."""
    found: list[tuple[str, str | None]] = [(text, _host(text)) for text in run.entry["api_calls"]]
    for command in run.commands:
        found += [(url, _host(url)) for url in _URL.findall(command.text)]
        if host := _CALLERS.get(_first_word(command.text)):
            found.append((command.text, host))
    found += [(url, _host(url)) for url in run.urls]
    calls: dict[str, str | None] = {}
    for call, called in found:
        calls[call] = calls.get(call) or called
    return calls


def _host(text: str) -> str | None:
    url = _URL.search(text)
    found = _HOST.match(url[0]) if url else None
    return found[1].lower() if found else None


def _first_word(command: str) -> str:
    """The program, after any `sudo` and settings of variables."""
    at = 0
    while found := _PREFIX.match(command, at):
        at = found.end()
    return next(iter(command[at:].split(maxsplit=1)), "")


def _service(text: str) -> str | None:
    return next((name for name, pattern in _SERVICES if pattern.search(text)), None)


def who(history: History, asked: Asked) -> list[Row]:
    """One row an execution: who did what on whose behalf."""
    return [_who(history, run) for run in history.within(asked)]


def _who(history: History, run: Run) -> Row:
    root, parent, prompt = history.root(run), history.parent(run), run.entry["prompt"]
    stated = {name: run.entry[name] for name in ("user_id", "triggered_by", "project", "session_id")}
    return _row(
        run,
        **stated,
        on_behalf_of=root.entry["user_id"] or root.entry["triggered_by"] or root.agent,
        parent_agent=parent.agent if parent else None,
        task=run.entry["description"] or (prompt[:_TASK] if prompt else None),
        status=run.status,
        files=run.files,
        commands=len(run.commands),
    )


def _row(run: Run, **more: Any) -> Row:
    return {"execution_id": run.execution_id, "agent_name": run.agent, "started_at": run.started, **more}
