"""One call of a verb: its arguments, its settings, what it answers and how it leaves."""

from __future__ import annotations

import os

from agent_otel import plain_json, settings
from agent_otel.errors import ConfigurationError
from agent_otel.shell.arguments import Arguments
from agent_otel.shell.options import BEHAVIOUR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

    from agent_otel.hand_over import Handed
    from agent_otel.settings import Settings
    from agent_otel.shell.option import Option

#: Exit codes with --strict.
WRONG_ARGUMENT: Final = 2
NOT_DELIVERED: Final = 3

NO_LOCAL_START: Final = "no local start"
NO_LOCAL_STATE: Final = "no local state"
ALREADY_COMPLETED: Final = "already completed"
ALREADY_STARTED: Final = "already started"


class Call:
    """A verb that runs. What it finds is told at the end, by `leave`."""

    def __init__(self, verb: str, options: Iterable[Option], argv: Sequence[str]) -> None:
        self.verb = verb
        self.arguments = Arguments((*options, *BEHAVIOUR)).read(argv)
        self.values = self.arguments.values
        self.settings = self._settings()
        self.execution_id = ""
        self.fields: dict[str, object] = {}
        self.warning = ""
        #: The execution is known neither here nor by its arguments, so that it has no span.
        self.unknown = False
        self.handed: Handed | None = None

    def problem(self, text: str) -> None:
        """Say on stderr what a person should know."""
        write(2, f"agent-otel {self.verb}: {text}\n")

    @property
    def metadata(self) -> dict[str, object]:
        """The metadata given, with what could not be used."""
        given: dict[str, object] = dict(self.values.get("metadata") or {})
        if self.arguments.rejected:
            given["rejected"] = self.arguments.rejected
        return given

    def leave(self, export: str = "") -> int:
        """Print the answer, or `export` instead of it, and give the exit code."""
        self.tell_problems()
        if export or self.values.get("quiet"):
            write(1, export or f"{self.execution_id}\n")
        else:
            write(1, f"{plain_json.dumps(self.answer())}\n")
        delivered = self.handed is not None and self.handed.delivered
        return self.exit_code(delivered=self.settings.disabled or delivered) if self.values.get("strict") else 0

    def exit_code(self, *, delivered: bool) -> int:
        """What --strict asks for."""
        if self.arguments.errors:
            return WRONG_ARGUMENT
        return 0 if delivered else NOT_DELIVERED

    def tell_problems(self) -> None:
        """Say what went wrong on stderr."""
        for problem in filter(None, (*self._errors(), self.warning)):
            self.problem(problem)
        handed = self.handed
        if handed is not None and not handed.delivered:
            self.problem(f"{handed.problem}; {'the spool keeps it' if handed.spooled else 'not recorded'}")

    def answer(self) -> dict[str, object]:
        """The answer as it stands."""
        errors = self._errors()
        handed = self.handed
        recorded = handed is not None and (handed.delivered or handed.spooled)
        delivered = handed is not None and handed.delivered
        if handed is not None and not delivered:
            errors.append(handed.problem)
        if self.settings.disabled:
            errors.append("agent-otel is switched off by AGENT_OTEL_DISABLED or OTEL_SDK_DISABLED")
        success = delivered and not errors
        answer: dict[str, object] = {"success": success, **self.fields}
        if not success:
            answer["recorded"] = recorded
        if recorded and not delivered:
            answer["spooled"] = True
        if self.warning:
            answer["warning"] = self.warning
        if errors:
            answer["error"] = "; ".join(errors)
        return answer

    def _errors(self) -> list[str]:
        """What is wrong with what was asked."""
        if not self.unknown:
            return list(self.arguments.errors)
        advice = (
            f"execution {self.execution_id} is not known on this machine: no span is made; "
            "give --agent, --started-at and --correlation-id as well"
        )
        return [*self.arguments.errors, advice]

    def _settings(self) -> Settings:
        names = ("endpoint", "project", "session_id")
        try:
            found = settings.load({name: self.values.get(name) for name in names})
        except ConfigurationError as error:
            self.arguments.refuse("--endpoint", self.values.pop("endpoint"), str(error))
            found = settings.load({name: self.values.get(name) for name in names if name != "endpoint"})
        for problem in found.problems:
            self.problem(problem)
        return found


def write(descriptor: int, text: str) -> None:
    """Write all of it; nobody who listens is no reason to fail."""
    rest = text.encode(errors="backslashreplace")
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        pass
