"""One family: a root execution and all that was delegated below it."""

import random
import uuid
from collections.abc import Callable
from typing import Final

from agent_otel import ids
from tests.history import cast, judging, outcome, work
from tests.history.cast import CAST, Character
from tests.history.execution import Execution
from tests.history.plan import Plan, Slot
from tests.history.times import HOUR, SECOND
from tests.history.wording import fill, new_uuid

_SPREAD: Final = 0.9
_LONGEST: Final = 3 * HOUR
_LAST_START: Final = 600 * SECOND
_ROOTS: Final = [character.root for character in CAST]
_SUBS: Final = [character.sub for character in CAST]


def family(plan: Plan, slot: Slot) -> list[Execution]:
    """The executions of a slot, the root first; the same for the same plan and slot."""
    return _Family(plan, slot).grow()


class _Family:
    """A family that grows."""

    def __init__(self, plan: Plan, slot: Slot) -> None:
        self._plan = plan
        self._slot = slot
        self._rng = random.Random(f"{plan.seed}/{slot.family}")
        self._members: list[tuple[Execution, Character]] = []
        self._session = f"session-{self._rng.getrandbits(40):010x}"
        self._project = self._rng.choice(cast.PROJECTS)

    def grow(self) -> list[Execution]:
        """All members with all that happened to them."""
        root = self._member(self._slot.start, None, _ROOTS)
        self._as_root(root)
        _SHAPES[self._slot.shape](self, root)
        for execution, character in self._members:
            if execution.foreign:
                execution.parent_execution_id = None  # its instrumentation knows of spans only
            last = outcome.end(execution, character, self._plan.calendar, self._rng)
            work.fill_in(execution, last, self._plan.calendar, self._rng)
            judging.judge(execution, character, self._plan.calendar, self._rng)
        return [execution for execution, _ in self._members]

    def alone(self, root: Execution) -> None:
        """No sub-agents. A few are told of by one log record only, which is in no trace."""
        root.placed = root.foreign or self._rng.random() > 0.006

    def parent_missing(self, root: Execution) -> None:
        """It names a parent that nobody tells of."""
        root.parent_execution_id = new_uuid(self._rng)

    def in_turn(self, root: Execution) -> None:
        """One sub-agent after the other."""
        at = root.started
        for _ in range(self._slot.size - 1):
            child = self._below(root, at + self._seconds(1, 9))
            at = _planned_end(child)

    def in_parallel(self, root: Execution) -> None:
        """All sub-agents at the same time."""
        for _ in range(self._slot.size - 1):
            self._below(root, root.started + self._seconds(2, 4))

    def deep(self, root: Execution) -> None:
        """Each delegates to the next."""
        parent = root
        for _ in range(self._slot.size - 1):
            parent = self._below(parent, parent.started + self._seconds(1, 3))

    def across_traces(self, root: Execution) -> None:
        """Sub-agents in traces of their own, which name their parent and link to it."""
        for _ in range(self._slot.size - 1):
            child = self._below(root, root.started + self._seconds(1, 30), trace=new_uuid(self._rng).bytes)
            child.link, child.parent_span = (root.trace_id, root.span_id), None

    def linked_only(self, root: Execution) -> None:
        """As before, but only the link says who the parent is."""
        self.across_traces(root)
        for execution, _ in self._members[1:]:
            execution.parent_execution_id = None

    def _member(self, at: int, parent: Execution | None, weights: list[int], trace: bytes | None = None) -> Execution:
        rng = self._rng
        # Nobody starts after the history's end.
        at = min(at, self._plan.until - _LAST_START + len(self._members) * SECOND)
        character = rng.choices(CAST, weights)[0]
        trace = trace or (parent.trace_id if parent else new_uuid(rng).bytes)
        execution_id = new_uuid(rng)
        span_id = ids.execution_span_id(execution_id).to_bytes(8)
        foreign = rng.random() < 0.015
        if foreign:
            execution_id = ids.foreign_execution_id(trace.hex(), span_id.hex())
        position = self._plan.calendar.position(at)
        execution = Execution(
            self._slot.family, len(self._members), execution_id, trace, span_id, character.name,
            [version for since, version in character.versions if since <= position][-1], at,
        )  # fmt: skip
        execution.ended = at + self._duration(character, at)
        execution.foreign, execution.foreign_steps = foreign, foreign or rng.random() < 0.03
        execution.session_id = self._session
        execution.project = self._project
        execution.description = f"{rng.choice(cast.TASKS)}{fill(' #{pr}', rng)}" if rng.random() < 0.85 else None
        execution.prompt = " ".join(rng.choices(cast.TASKS, k=rng.randint(1, 14))) if rng.random() < 0.9 else None
        self._members.append((execution, character))
        return execution

    def _below(self, parent: Execution, at: int, trace: bytes | None = None) -> Execution:
        child = self._member(at, parent, _SUBS, trace)
        child.parent_execution_id = parent.execution_id
        child.parent_span = parent.span_id
        child.triggered_by = parent.agent
        if self._rng.random() < 0.2:
            child.user_id = self._rng.choice(cast.USERS)
        self._outlast(parent, _planned_end(child))
        return child

    def _outlast(self, parent: Execution, end: int) -> None:
        """Who delegates ends after whom it delegated to, and so do those above."""
        by_id: dict[uuid.UUID, Execution] = {each.execution_id: each for each, _ in self._members}
        above: Execution | None = parent
        while above is not None:
            end += self._seconds(1, 2)
            above.ended = max(_planned_end(above), end)
            above = by_id.get(above.parent_execution_id) if above.parent_execution_id else None

    def _as_root(self, root: Execution) -> None:
        if self._rng.random() < 0.7:
            root.user_id = self._rng.choice(cast.USERS)
        if self._rng.random() < 0.8:
            root.triggered_by = self._rng.choice(cast.TRIGGERS)

    def _duration(self, character: Character, at: int) -> int:
        calendar = self._plan.calendar
        first, last = character.seconds
        median = (first + (last - first) * calendar.position(at)) * calendar.slowness(at)
        return min(int(median * self._rng.lognormvariate(0, _SPREAD) * SECOND), _LONGEST) + 1000

    def _seconds(self, least: float, most: float) -> int:
        return int(self._rng.uniform(least, most) * SECOND)


def _planned_end(execution: Execution) -> int:
    assert execution.ended is not None
    return execution.ended


_SHAPES: Final[dict[str, Callable[[_Family, Execution], None]]] = {
    "alone": _Family.alone,
    "in turn": _Family.in_turn,
    "in parallel": _Family.in_parallel,
    "wide": _Family.in_parallel,
    "deep": _Family.deep,
    "across traces": _Family.across_traces,
    "linked only": _Family.linked_only,
    "parent missing": _Family.parent_missing,
}
