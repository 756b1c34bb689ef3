"""A shell that calls the command again and again, and keeps a ledger of what the calls printed as recorded."""

import json
import random
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent_otel import ids
from agent_otel import semconv as s
from tests.faults import ledger
from tests.faults.ledger import Ledger
from tests.fixtures.shell import Answer, Shell, environment

START, PROGRESS, STEP, COMPLETE = "start", "progress", "step", "complete"
VERBS: Final = (START, PROGRESS, STEP, COMPLETE)
#: Executions that one caller has open at the same time, at most.
_OPEN: Final = 4
_BATCH: Final = 5


class Call(NamedTuple):
    """Arguments and standard input of one call, and what its answer promises when it says that it is recorded."""

    arguments: list[str]
    stdin: str
    promises: Callable[[Ledger, Mapping[str, Any]], None]


class Execution:
    """An execution of a caller, and what was told of it so far."""

    def __init__(self, rng: random.Random) -> None:
        self.execution_id = uuid.uuid4()
        self.correlation_id = uuid.uuid4()
        self.steps = 0
        self.stages = 0
        self.tokens = rng.randrange(10_000), rng.randrange(10_000)

    @property
    def span_id(self) -> str:
        """Of its own span, in hex."""
        return f"{ids.execution_span_id(self.execution_id):016x}"

    def start(self, *, named: bool = True) -> Call:
        """Begin it; with `named` under the ids that it has, else under those that the command gives it."""

        def promises(book: Ledger, answer: Mapping[str, Any]) -> None:
            self.execution_id = uuid.UUID(answer["execution_id"])
            self.correlation_id = uuid.UUID(answer["correlation_id"])
            book.write(ledger.EVENTS, ids.event_id(self.execution_id, s.EVENT_STARTED))

        own = [*self._own, "--correlation-id", str(self.correlation_id)] if named else []
        return Call([START, "--agent", "caller", "--description", "be called", *own], "", promises)

    def progress(self) -> Call:
        """A stage that no other call names."""
        self.stages += 1
        stage = f"stage-{self.stages}-{uuid.uuid4().hex[:8]}"

        def promises(book: Ledger, _: Mapping[str, Any]) -> None:
            book.write(ledger.PROGRESS, self.execution_id, stage)

        return Call([PROGRESS, *self._own, "--stage", stage, "--percent", "50"], "", promises)

    def step(self, count: int) -> Call:
        """One step by options, or several by lines of JSON."""

        def promises(book: Ledger, answer: Mapping[str, Any]) -> None:
            assert len(answer["steps"]) == count, answer
            self.steps += count
            book.write(ledger.SPANS, self.correlation_id.hex, ",".join(answer["steps"]))

        told = {"tool": "cargo", "action": "build --all", "latency_ms": 3, "success": True, "observation": "fine"}
        if count > 1:
            return Call([STEP, *self._own, "--stdin"], f"{json.dumps(told)}\n" * count, promises)
        options = [part for name, value in told.items() for part in (f"--{name.replace('_', '-')}", _spelled(value))]
        return Call([STEP, *self._own, *options], "", promises)

    def complete(self, *, counted: bool = True) -> Call:
        """End it; `counted`: its counters are promised too."""

        def promises(book: Ledger, _: Mapping[str, Any]) -> None:
            book.write(ledger.EVENTS, ids.event_id(self.execution_id, s.EVENT_COMPLETED))
            book.write(ledger.SPANS, self.correlation_id.hex, self.span_id)
            if counted:
                book.write(ledger.EXECUTION, self.execution_id, self.steps, *self.tokens)

        tokens = ["--input-tokens", str(self.tokens[0]), "--output-tokens", str(self.tokens[1])]
        return Call([COMPLETE, *self._own, "--status", "success", *tokens], "", promises)

    @property
    def _own(self) -> list[str]:
        return ["--execution-id", str(self.execution_id)]


class Caller:
    """Makes calls one after the other; several callers may share `home`. The ledger is in `folder`."""

    def __init__(self, folder: Path, home: Path, endpoint: str, seed: int, **environ: str) -> None:
        folder.mkdir(parents=True)
        self.shell = Shell(environment(endpoint, home, AGENT_OTEL_SEND_MILLISECONDS="30", **environ), folder)
        self.ledger = folder / "ledger"
        self.rng = random.Random(seed)
        self._book = Ledger(self.ledger)
        self._open: list[Execution] = []

    def new_execution(self) -> Execution:
        """One that was not begun yet."""
        return Execution(self.rng)

    def work(self, calls: int, told: Callable[[Answer], None]) -> None:
        """Make calls of all four verbs at random, so that all executions end; `told` gets each answer."""
        for left in range(calls, 0, -1):
            told(self.make(self._next(left)))

    def make(self, call: Call, *before: str) -> Answer:
        """Make one call, `before` in front of the command, and note what it promises; fails when that is nothing."""
        shell = Shell(self.shell.environ, self.shell.cwd, before)
        answer = shell.call(*call.arguments, stdin=call.stdin)
        assert answer.code == 0, answer
        assert self.note(call, answer.out), answer
        return answer

    def note(self, call: Call, printed: str) -> bool:
        """Note what a call promises that printed this; False when it printed no whole line, or said that it is lost."""
        if not printed.endswith("\n"):
            return False
        answer = json.loads(printed)
        if not (answer["success"] or answer.get("spooled")):
            return False
        call.promises(self._book, answer)
        self._book.sync()
        return True

    def finish(self, lost: int) -> None:
        """Close the ledger with what the command says was lost."""
        self._book.write(ledger.END, 0, 0, lost)
        self._book.sync()

    def _next(self, left: int) -> Call:
        """As many calls are `left` as are needed to end what is open, or more."""
        if left <= len(self._open):
            return self._open.pop().complete()
        if not self._open or (len(self._open) < _OPEN and left > len(self._open) + 2 and self.rng.random() < 1 / 4):
            self._open.append(self.new_execution())
            return self._open[-1].start(named=self.rng.random() < 1 / 2)
        execution = self.rng.choice(self._open)
        verb = self.rng.choice((PROGRESS, STEP, STEP, COMPLETE))
        if verb == COMPLETE:
            self._open.remove(execution)
            return execution.complete()
        return execution.progress() if verb == PROGRESS else execution.step(self.rng.choice((1, 1, _BATCH)))


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
