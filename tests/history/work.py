"""What an execution did before it ended: steps, progress, criteria, files, commands, tokens."""

import json
import random
from collections.abc import Sequence
from typing import Final

from tests.history import cast, habits
from tests.history.execution import Execution, Step
from tests.history.times import Calendar
from tests.history.wording import fill

_FEWEST, _MOST = 3, 16
_KINDS: Final = {"llm": 44, "shell": 22, "file": 18, "fetch": 6, "search": 4, "decision": 3, "milestone": 2, "error": 1}
_STAGES: Final = ("plan", "read", "change", "check", "report")


def fill_in(execution: Execution, last: int, calendar: Calendar, rng: random.Random) -> None:
    """Everything from the start until `last` (ns)."""
    if execution.placed:
        _steps(execution, last, calendar, rng)
    if execution.start_event:
        _progress(execution, last, rng)
    _criteria(execution, rng)
    _output(execution, rng)
    if execution.ended is not None:
        called = [step for step in execution.steps if step.kind == "llm"]
        execution.input_tokens = sum(step.input_tokens or 0 for step in called)
        execution.output_tokens = sum(step.output_tokens or 0 for step in called)
        execution.cost_usd = round(sum(step.cost_usd or 0.0 for step in called), 4)


def drawn(templates: Sequence[tuple[str, int]], rng: random.Random) -> str:
    """One of the templates by weight, filled."""
    template = rng.choices([text for text, _ in templates], [weight for _, weight in templates])[0]
    return fill(template, rng)


def _steps(execution: Execution, last: int, calendar: Calendar, rng: random.Random) -> None:
    count = rng.randint(_FEWEST, _MOST)
    room = last - execution.started
    cuts = sorted(rng.sample(range(1, max(room, count + 2)), count)) if room > count else []
    numbered = rng.random() < 0.5
    kinds = rng.choices(list(_KINDS), list(_KINDS.values()), k=len(cuts))
    for number, (kind, start, following) in enumerate(zip(kinds, cuts, [*cuts[1:], room], strict=True), 1):
        step = _step(kind, rng)
        step.started = execution.started + start
        step.ended = step.started + int((following - start) * rng.uniform(0.1, 0.9))
        step.sequence = number if numbered else None
        if step.cost_usd is not None:
            step.cost_usd = round(step.cost_usd * calendar.expense(step.started), 4)
        if execution.foreign_steps:
            _as_others_tell(step, rng)
        if kind != "llm" and rng.random() < 0.06:
            step.success, step.error_type, step.error_message = (
                False,
                "tool_error",
                f"exit status {rng.randrange(1, 128)}",
            )
        execution.steps.append(step)


def _as_others_tell(step: Step, rng: random.Random) -> None:
    """Other instrumentations do not say what a call is for, and put spans of their own between."""
    if rng.random() < 0.5:
        step.between = rng.randbytes(8)
    if step.kind in ("llm", "tool"):
        step.action = None


def _step(kind: str, rng: random.Random) -> Step:
    span_id = rng.randbytes(8)
    if kind == "llm":
        tokens, answered = rng.randrange(100, 60_000), rng.randrange(10, 3_000)
        step = Step(span_id, 0, 0, "llm", None, "ask", model=rng.choice(cast.MODELS))
        step.input_tokens, step.output_tokens = tokens, answered
        step.cost_usd = tokens * 3e-6 + answered * 15e-6
        return step
    if kind == "shell":
        asked = json.dumps({"command": drawn(habits.COMMANDS, rng), "timeout": 120})
        if rng.random() < 0.01:
            asked = rng.choice(habits.WITHOUT_COMMAND)
        return Step(span_id, 0, 0, "tool", drawn(habits.SHELLS, rng), "run a command", input=asked)
    if kind == "file":
        path = drawn(habits.FILES, rng)
        tool = rng.choice(("Read", "Edit", "Write"))
        return Step(span_id, 0, 0, "tool", tool, f"{tool.lower()} {path}", input=json.dumps({"file_path": path}))
    if kind == "fetch":
        asked = json.dumps({"url": drawn(habits.URLS, rng), "prompt": "what does it say?"})
        return Step(span_id, 0, 0, "tool", "WebFetch", "fetch a page", input=asked)
    if kind == "search":
        return Step(span_id, 0, 0, "tool", "Grep", "search", input=json.dumps({"pattern": fill("def f{n}", rng)}))
    return Step(span_id, 0, 0, kind, f"{kind} of {rng.choice(_STAGES)}", f"{kind}: {rng.choice(cast.TASKS)}")


def _progress(execution: Execution, last: int, rng: random.Random) -> None:
    told = rng.choice((0, 0, 0, 0, 1, 2)) if execution.ended is not None else 1
    room = last - execution.started
    moments = sorted(rng.sample(range(1, room), told)) if room > told + 1 else []
    execution.progress = [
        (execution.started + moment, rng.choice(_STAGES), round(100 * moment / room, 1)) for moment in moments
    ]


def _criteria(execution: Execution, rng: random.Random) -> None:
    """What is told at the start, changed meanwhile by some, and told again at the end."""
    if rng.random() < 0.3:
        return
    known = rng.sample(cast.CRITERIA, rng.randint(1, 4))
    execution.expected_outcome = f"{known[0]}, and the user is content"
    if execution.start_event and rng.random() < 0.93:
        execution.criteria_start = list(known)
    if execution.progress and rng.random() < 0.2:
        known = _changed(known, rng)
        execution.criteria_progress[len(execution.progress) - 1] = list(known)
    if execution.ended is not None:
        execution.criteria_end = _changed(known, rng) if rng.random() < 0.06 else list(known)


def _changed(known: Sequence[str], rng: random.Random) -> list[str]:
    kept = list(known)
    if len(kept) > 1 and rng.random() < 0.6:
        kept.remove(rng.choice(kept))
    others = [text for text in cast.CRITERIA if text not in known]
    if rng.random() < 0.7:
        kept.insert(rng.randint(0, len(kept)), rng.choice(others))
    return kept


def _output(execution: Execution, rng: random.Random) -> None:
    if rng.random() < 0.5:
        execution.files_modified = _several(habits.FILES, rng.randint(1, 5), rng)
    elif rng.random() < 0.05:
        execution.files_modified_count = rng.randint(1, 40)
    if rng.random() < 0.2:
        execution.commands = _several(habits.COMMANDS, rng.randint(1, 3), rng)
    if rng.random() < 0.08:
        execution.api_calls = _several(habits.API_CALLS, rng.randint(1, 2), rng)
    if execution.ended is None and not execution.progress:
        # Nobody has told of it yet.
        execution.files_modified, execution.files_modified_count = [], None
        execution.commands, execution.api_calls = [], []


def _several(templates: Sequence[tuple[str, int]], count: int, rng: random.Random) -> list[str]:
    return list(dict.fromkeys(drawn(templates, rng) for _ in range(count)))
