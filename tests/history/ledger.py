"""The history's own book: one JSON line an execution with everything about it. Nothing in here knows what is sent.

Times are Unix ns, ids are text. `signs_ns` is the last sign of life, `heartbeat` whether there ever was one: what
decides whether an execution without an end is abandoned. `duration_known` is false where no start was ever told.
"""

import heapq
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from tests.history.execution import Evaluation, Execution, Issue, Learning, Step, Verdict

Entry = dict[str, Any]

#: Of a step, what somebody may ask for; left out where it is None.
_OF_STEPS: Final = (
    *("kind", "tool", "model", "action", "input", "success", "sequence"),
    *("input_tokens", "output_tokens", "cost_usd", "error_type", "error_message"),
)
_AS_THEY_ARE: Final = (
    *("family", "member", "agent", "version", "status", "error_type", "error_message", "session_id", "user_id"),
    *("triggered_by", "project", "description", "prompt", "expected_outcome", "files_modified"),
    *("files_modified_count", "commands", "api_calls", "input_tokens", "output_tokens", "cost_usd", "quality_score"),
    *("labels", "criteria_start", "criteria_end"),
)


def line(execution: Execution) -> bytes:
    """The entry of an execution, with its newline."""
    return orjson.dumps(entry(execution), option=orjson.OPT_APPEND_NEWLINE)


def entry(execution: Execution) -> Entry:
    """All that is to be known about an execution."""
    parent = execution.parent_execution_id
    criteria = [execution.criteria_progress[number] for number in sorted(execution.criteria_progress)]
    return {
        "execution_id": str(execution.execution_id),
        "trace_id": str(uuid.UUID(bytes=execution.trace_id)),
        "span_id": execution.span_id.hex() if execution.placed else None,
        "parent_execution_id": str(parent) if parent else None,
        "parent_span_id": execution.parent_span.hex() if execution.parent_span else None,
        "link": [part.hex() for part in execution.link] if execution.link else None,
        **{name: getattr(execution, name) for name in _AS_THEY_ARE},
        "started_ns": execution.started,
        "ended_ns": execution.ended,
        "duration_known": execution.placed,
        "signs_ns": _last_sign(execution),
        "heartbeat": bool(execution.heartbeats),
        "start_told": execution.start_event,
        "progress": [{"at_ns": at, "stage": stage, "percent": percent} for at, stage, percent in execution.progress],
        "criteria_told": [execution.criteria_start, *criteria, execution.criteria_end],
        "steps": [_step(place, step) for place, step in enumerate(execution.steps, 1)],
        "verdicts": [_note(verdict) for verdict in execution.verdicts],
        "evaluations": [_note(evaluation) for evaluation in execution.evaluations],
        "issues": [_note(issue) for issue in execution.issues],
        "learning": [_note(learning) for learning in execution.learning],
        "caught": [_note(caught) for caught in execution.caught],
    }


def _step(place: int, step: Step) -> dict[str, Any]:
    told = {name: getattr(step, name) for name in _OF_STEPS}
    kept = {name: value for name, value in told.items() if value is not None}
    return {**kept, "sequence": step.sequence or place, "started_ns": step.started, "ended_ns": step.ended}


def _note(note: Any) -> dict[str, Any]:
    told = asdict(note)
    told["note_id"] = str(told["note_id"])
    told["at_ns"] = told.pop("at")
    return told


def _last_sign(execution: Execution) -> int:
    """What others say about it later is no sign of life."""
    said: list[Verdict | Evaluation | Issue | Learning] = [*execution.verdicts, *execution.evaluations]
    said += [*execution.issues, *execution.learning]
    own = [note.at for note in said if note.by is None]
    told = [at for at, _, _ in execution.progress]
    caught = [caught.at for caught in execution.caught]
    return max([execution.ended or execution.started, *told, *execution.heartbeats, *caught, *own])


def read(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file, in its order."""
    with path.open("rb") as file:
        for text in file:
            yield orjson.loads(text)


def merge(parts: Iterable[Path], path: Path) -> None:
    """One file of several, in the order of families: the same whatever the number of parts."""

    def numbered(part: Path) -> Iterator[tuple[int, int, bytes]]:
        with part.open("rb") as file:
            for text in file:
                told = orjson.loads(text)
                yield told["family"], told["member"], text

    with path.open("wb") as whole:
        whole.writelines(text for _, _, text in heapq.merge(*map(numbered, parts)))
