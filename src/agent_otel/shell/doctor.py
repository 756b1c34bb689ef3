"""`agent-otel doctor`: what works, what waits, what was lost, and what to type next."""

from __future__ import annotations

import os
import sys

from agent_otel import plain_json
from agent_otel.counts import ACKNOWLEDGED, SENT, losses, lost, read_counts, refused
from agent_otel.drain import waiting
from agent_otel.shell import call as calls
from agent_otel.shell import options
from agent_otel.shell.call import Call
from agent_otel.shell.hop import Hop, hops, running_stack
from agent_otel.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def run(argv: Sequence[str]) -> int:
    """Look at everything, print it; 0 when nothing is wrong."""
    call = Call("doctor", options.DOCTOR, argv)
    if call.values.get("send_test"):
        return _send_test(call)
    report = Report(call)
    calls.write(1, f"{plain_json.dumps(report.as_object())}\n" if call.values.get("json") else report.as_text())
    return 0 if report.is_well else 1


class Report:
    """What was found."""

    def __init__(self, call: Call) -> None:
        self.settings = call.settings
        self.problems = [*call.arguments.errors, *call.settings.problems]
        self.stack = running_stack(self.settings)
        self.hops: list[Hop] = hops(self.settings, self.stack)
        self.waiting = waiting(self.settings)
        self.counts = read_counts(f"{self.settings.state_dir}/spool")

    @property
    def is_well(self) -> bool:
        """Whether everything that is there works and nothing was lost or refused."""
        failed = self.problems or self.settings.disabled or refused(self.counts) or lost(self.counts)
        return not failed and not self.waiting.records and all(hop.well for hop in self.hops)

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "success": self.is_well,
            "versions": _versions(),
            "endpoint": self.settings.endpoint,
            "disabled": self.settings.disabled,
            "hops": [hop.as_object() for hop in self.hops],
            "spool": {
                "folder": f"{self.settings.state_dir}/spool",
                "records": self.waiting.records,
                "items": self.waiting.items,
                "bytes": self.waiting.size,
            },
            "sent": self.counts.get(SENT, 0),
            "acknowledged": self.counts.get(ACKNOWLEDGED, 0),
            "refused": refused(self.counts),
            "lost": lost(self.counts),
            "counts": self.counts,
            "problems": self.problems,
            "next": self.next_step(),
        }

    def as_text(self) -> str:
        """For people."""
        names, addresses = (
            max(map(len, column)) for column in zip(*((h.name, h.address) for h in self.hops), strict=True)
        )
        waits, counts = self.waiting, self.counts
        lines = [
            " · ".join(f"{name} {version}" for name, version in _versions().items()),
            "",
            *(f"{_mark(hop)} {hop.name:<{names}}  {hop.address:<{addresses}}  {hop.state}" for hop in self.hops),
            "",
            f"spooled       {_records(waits.records)} ({waits.items} spans and events, {waits.size} bytes)",
            f"sent          {counts.get(SENT, 0)} spans and events since this spool began",
            f"acknowledged  {counts.get(ACKNOWLEDGED, 0)}",
            f"refused       {refused(counts)}",
            f"lost          {lost(counts)}{self._reasons()}",
            *(f"problem       {problem}" for problem in self.problems),
            "",
            f"next: {self.next_step()}",
        ]
        return "\n".join(lines) + "\n"

    def _reasons(self) -> str:
        reasons = ", ".join(f"{reason} {items}" for reason, items in losses(self.counts).items())
        return f" ({reasons})" if reasons else ""

    def next_step(self) -> str:
        """The command to type, with the reason."""
        receiver, records = self.hops[0], _records(self.waiting.records)
        if self.settings.disabled:
            return "agent-otel is switched off: unset AGENT_OTEL_DISABLED and OTEL_SDK_DISABLED"
        if not receiver.well and self.stack and self.stack.get("endpoint") != self.settings.endpoint:
            return f"a stack runs at another endpoint: export AGENT_OTEL_ENDPOINT={self.stack['endpoint']}"
        if not receiver.well and not self.stack:
            waits = f"{records} spooled, " if self.waiting.records else ""
            return f"{waits}no stack running: `agent-otel up --detach`"
        broken = next((hop for hop in self.hops if not hop.well), None)
        if broken is not None:
            return f"{broken.name} at {broken.address} {broken.state}: `agent-otel down`, then `agent-otel up --detach`"
        if self.waiting.records:
            return f"{records} spooled: `agent-otel flush`"
        if refused(self.counts):
            return f"look at what the receiver refused: {self.settings.state_dir}/spool/refused"
        if lost(self.counts):
            return f"something was lost{self._reasons()}: more room, or a larger AGENT_OTEL_SPOOL_LIMIT, keeps it"
        return "all is well; `agent-otel doctor --send-test` sends a test execution through every hop"


def _records(count: int) -> str:
    return f"{count} record{'' if count == 1 else 's'}"


def _mark(hop: Hop) -> str:
    return "ok " if hop.well else "-- "


def _versions() -> dict[str, str]:
    system = os.uname()
    return {
        "agent-otel": VERSION,
        "Python": ".".join(map(str, sys.version_info[:3])),
        system.sysname: f"{system.release} {system.machine}",
    }


def _send_test(call: Call) -> int:
    """On the slow path: reading back needs PostgreSQL's driver."""
    command = __import__("agent_otel.commands.send_test", fromlist=["run"])
    code: int = command.run(call.settings, as_json=bool(call.values.get("json")))
    return code
