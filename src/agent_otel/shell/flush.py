"""`agent-otel flush`: deliver what waits in the spool, also the ends of what was killed."""

from __future__ import annotations

import time

from agent_otel import plain_json
from agent_otel.drain import drain
from agent_otel.open_execution import ExecutionFolder
from agent_otel.shell import call as calls
from agent_otel.shell import options
from agent_otel.shell.call import Call
from agent_otel.shell.claude_code import sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

DEFAULT_SECONDS: Final = 30.0


def run(argv: Sequence[str]) -> int:
    """Deliver, and print what became of it; success is that nothing waits and nothing was refused or lost."""
    call = Call("flush", options.FLUSH, argv)
    sweep.all_gone(call.settings)
    done = drain(call.settings, time.monotonic() + call.values.get("timeout", DEFAULT_SECONDS))
    ExecutionFolder(call.settings.state_dir).clean_up()
    errors = [*call.arguments.errors, *filter(None, [done.problem])]
    for error in errors:
        call.problem(error)
    settled = not (done.spooled or done.refused or done.lost)
    answer: dict[str, object] = {
        "success": settled and not errors,
        "delivered": done.delivered,
        "spooled": done.spooled,
        "refused": done.refused,
        "lost": done.lost,
    }
    if errors:
        answer["error"] = "; ".join(errors)
    calls.write(1, f"{plain_json.dumps(answer)}\n")
    return call.exit_code(delivered=settled) if call.values.get("strict") else 0
