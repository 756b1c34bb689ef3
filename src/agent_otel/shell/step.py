"""`agent-otel step`: one step of an execution, or many from standard input, each a span of its own."""

from __future__ import annotations

import sys
import time

from agent_otel import plain_json, step_intent
from agent_otel import semconv as s
from agent_otel.hand_over import hand_over
from agent_otel.shell import facts, options
from agent_otel.shell.arguments import Arguments
from agent_otel.shell.call import Call
from agent_otel.shell.known import Known, known
from agent_otel.shell.records import Records
from agent_otel.shell.step_record import StepRecord
from agent_otel.step_intent import StepIntent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from agent_otel import otlp_json
    from agent_otel.hand_over import Handed

#: Steps from standard input that are handed over together, and bytes of their lines.
MAX_BATCH: Final = 512
MAX_BATCH_BYTES: Final = 4 * 1024**2
#: Bytes of one line.
MAX_LINE: Final = 16 * 1024**2
_NS_PER_MS: Final = 1_000_000


def run(argv: Sequence[str]) -> int:
    """Record the step, or the steps, and print their span ids."""
    single = "--stdin" not in argv
    call = Call("step", (*options.STEP, *options.ONE_STEP, *options.STEP_FILES) if single else options.STEP, argv)
    found = known(call)
    if found is not None:
        batches = iter([[call.arguments]]) if single else _batches(call)
        clock = _Clock()
        steps = [step for batch in batches for step in _record(call, found, batch, clock)]
        if not steps and not call.arguments.errors:
            call.arguments.errors.append("standard input holds no step")
        call.fields = {
            "execution_id": found.execution.execution_id,
            "agent_name": found.execution.agent_name or None,
            "steps": steps,
        }
    return call.leave()


class _Clock:
    """Each moment is later than the one before, so that steps keep the order in which they were told."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        self._last = max(time.time_ns(), self._last + 1)
        return self._last


def _record(call: Call, found: Known, batch: list[Arguments], clock: _Clock) -> list[str]:
    records = Records(call.settings)
    spans = [_span(records, call, found, arguments, clock.now()) for arguments in batch]
    records.spans(spans)
    if not call.settings.disabled:
        call.handed = _worse(call.handed, hand_over(records.records, call.settings))
    return [f"{span.span_id:016x}" for span in spans]


def _worse(before: Handed | None, now: Handed) -> Handed:
    """What is to be said of both: the one that was not delivered, first of all the one that was not kept."""
    if before is None or before.delivered or (before.spooled and not (now.delivered or now.spooled)):
        return now
    return before


def _span(records: Records, call: Call, found: Known, arguments: Arguments, ended: int) -> otlp_json.Span:
    """The span of a step; its start is told by the latency."""
    values = arguments.values
    step = StepRecord(found, StepIntent.of(values["tool"], values))
    step.started = step.ended = ended
    if not values.get("success", True) or "error" in values:
        step.error = values.get("error", "")
    step.attributes |= {
        **facts.stated(arguments),
        **_outcome(step, values),
        **facts.metadata(_metadata(call, arguments)),
    }
    if "latency_ms" in values:
        step.attributes[s.STEP_START_ESTIMATED] = True
        step.started = max(1, ended - round(values["latency_ms"] * _NS_PER_MS))
    return step.span(records, call.settings.capture)


def _outcome(step: StepRecord, values: dict[str, Any]) -> dict[str, Any]:
    """How it ended, where that differs from a success; a failed step has no result (GenAI conventions)."""
    if step.error is None:
        return step_intent.output_attributes(step.intent, values["output"]) if "output" in values else {}
    kind = s.ERROR_TYPE_TOOL if step.intent.kind == "tool" else s.ERROR_TYPE_OTHER
    return {s.STEP_SUCCESS: False, s.ERROR_TYPE: kind, s.ERROR_MESSAGE: step.error}


def _metadata(call: Call, arguments: Arguments) -> dict[str, object]:
    if arguments is call.arguments:
        return call.metadata
    given: dict[str, object] = dict(arguments.values.get("metadata") or {})
    return {**given, "rejected": arguments.rejected} if arguments.rejected else given


def _batches(call: Call) -> Iterator[list[Arguments]]:
    batch: list[Arguments] = []
    size = 0
    for number, line in _lines():
        step = _read(call, number, line)
        if step is not None:
            batch.append(step)
            size += len(line)
        if len(batch) >= MAX_BATCH or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _lines() -> Iterator[tuple[int, bytes]]:
    """Lines with something in them, and their numbers."""
    number, source = 0, sys.stdin.buffer
    while line := source.readline(MAX_LINE):
        number += 1
        if line.strip():
            yield number, line


def _read(call: Call, number: int, line: bytes) -> Arguments | None:
    """One line as a step; what is wrong with it is said with its number, and costs only itself."""
    arguments = Arguments(options.ONE_STEP)
    try:
        members = plain_json.loads(line.decode())
        if not isinstance(members, dict):
            raise TypeError("expected a JSON object")
        arguments.read_object(members)
    except (ValueError, TypeError, RecursionError) as error:
        arguments.unusable = True
        arguments.errors.append(str(error))
    call.arguments.errors += [f"line {number}: {error}" for error in arguments.errors]
    return None if arguments.unusable else arguments
