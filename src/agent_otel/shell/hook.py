"""`agent-otel hook`: what agents' hooks call.

Alone it reads what Claude Code tells its hooks on standard input. `hook completion AGENT ID STATUS` is that of a
completion hook.
"""

from __future__ import annotations

import time

from agent_otel import identity
from agent_otel import semconv as s
from agent_otel.shell import complete, options
from agent_otel.shell.call import Call, write
from agent_otel.shell.known import known
from agent_otel.shell.option import Option, status, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

_NAMES: Final = ("--agent", "--execution-id", "--status")


def run(argv: Sequence[str]) -> int:
    """Record what a hook tells."""
    if not argv:
        return _listen(time.time_ns())
    if argv[0] != "completion" and not argv[0].startswith("-"):
        write(2, f"agent-otel hook: no such command: {argv[0]!r}; it has install and completion\n")
        return 0  # a mistake in a hook's command must not stop the agent
    return _complete(argv)


def _listen(received: int) -> int:
    """Claude Code's: whatever goes wrong is no reason to disturb the agent."""
    try:
        from agent_otel.shell.claude_code.told import listen

        listen(received)
    except Exception as error:  # noqa: BLE001 - never break the agent
        write(2, f"agent-otel hook: {type(error).__name__}: {error}\n")
    return 0


def _complete(argv: Sequence[str]) -> int:
    """Record the end of an execution of which a hook knows the agent, an id and how it ended."""
    positional = [word for word in argv[1:4] if not word.startswith("--")] if argv[:1] == ["completion"] else []
    named = [part for name, word in zip(_NAMES, positional, strict=False) for part in (name, word)]
    rest = argv[1 + len(positional) :] if argv[:1] == ["completion"] else argv
    call = Call("hook completion", _options(), [*named, *rest])
    if call.arguments.unusable:
        return call.leave()
    _name(call, call.values["execution_id"])
    found = known(call)
    if found is not None:
        external = {s.EXTERNAL_ID: call.values["external_id"]} if "external_id" in call.values else {}
        complete.end(call, found, external)
    return call.leave()


def _options() -> tuple[Option, ...]:
    return (
        Option("--agent", words, "the first word: the agent's name", "AGENT", required=True),
        Option("--execution-id", words, "the second word: its id, a UUID or any other text", "ID", required=True),
        Option(
            "--status", status, "the third word: success, error, failed, partial or cancelled", "STATUS", required=True
        ),
        *options.HOOK_COMPLETION,
    )


def _name(call: Call, given: str) -> None:
    """An id of another system leads to the same execution each time, and stays readable beside it."""
    parsed = identity.parse(given)
    if not parsed:
        parsed = identity.named_uuid(identity.NAMESPACE, f"external:{given}")
        call.values["external_id"] = given
    call.values["execution_id"] = identity.spelled(parsed)
