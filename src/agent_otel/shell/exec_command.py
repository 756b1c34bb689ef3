"""`agent-otel exec -- COMMAND`: a command as an execution, or as a step of the execution around it.

Nothing of ours goes to standard output: own words go to standard error, the JSON answers to ``--json FILE``.
"""

from __future__ import annotations

import os

from agent_otel import plain_json
from agent_otel import semconv as s
from agent_otel.shell import options, trace_context
from agent_otel.shell.call import Call
from agent_otel.shell.child import Child, leave_as
from agent_otel.shell.command_execution import CommandExecution
from agent_otel.shell.command_step import CommandStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final

    from agent_otel.shell.ending import Ending

USAGE: Final = 2


def run(argv: Sequence[str]) -> int:
    """Run the command and leave as it leaves; what goes wrong with the recording is only said."""
    call = Call("exec", options.EXEC, argv)
    command = call.arguments.rest
    if not command:
        call.problem("no command: write it behind --, as in: agent-otel exec -- make test")
        return USAGE
    recorded = _recorder(call, command)
    environment = {**os.environ, **recorded.environment} if recorded else os.environ
    ending = Child(_beat(call, recorded), call.settings.heartbeat_seconds).run(command, environment)
    if ending.problem:
        call.problem(ending.problem)
    if recorded:
        _end(call, recorded, ending)
    call.tell_problems()
    return leave_as(ending)


def _recorder(call: Call, command: Sequence[str]) -> CommandExecution | CommandStep | None:
    """A step when an execution is named by --execution-id, or by the environment and no --agent is given.

    None when an error of ours is in the way: the command runs all the same.
    """
    inherited = trace_context.baggage(os.environ).get(s.EXECUTION_ID)
    as_step = call.values.get("execution_id") or (inherited and "agent" not in call.values)
    try:
        return CommandStep(call, command) if as_step else CommandExecution(call, command)
    except Exception as error:  # noqa: BLE001 - never break what is run
        call.problem(f"not recorded: {type(error).__name__}: {error}")
        return None


def _beat(call: Call, recorded: CommandExecution | CommandStep | None) -> Callable[[], None]:
    def beat() -> None:
        try:
            if recorded:
                recorded.beat()
        except Exception as error:  # noqa: BLE001 - in a signal handler, above the command's end
            call.problem(f"no heartbeat: {type(error).__name__}: {error}")

    return beat


def _end(call: Call, recorded: CommandExecution | CommandStep, ending: Ending) -> None:
    try:
        recorded.end(ending)
        _write(call, recorded.answers)
    except Exception as error:  # noqa: BLE001 - the command's exit code is what counts
        call.problem(f"the end is not recorded: {type(error).__name__}: {error}")


def _write(call: Call, answers: list[dict[str, object]]) -> None:
    path: str | None = call.values.get("json")
    if path is None:
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{plain_json.dumps(answer)}\n" for answer in answers)
    except OSError as error:
        call.problem(f"--json {path}: {error.strerror}")
